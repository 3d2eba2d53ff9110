/*
 * int80: INT 0x80 from a 64-bit program: i386's calls, with the low halves of
 * the registers.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `int80 -q` prints failed steps only.
 */
#include "../lib/check.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HIGH 0xdeadbeef00000000ull
#define PAGE 4096

enum { EXIT = 1, WRITE = 4, GETPID = 20, BRK = 45, MUNMAP = 91, UNAME = 122, MMAP2 = 192 };

/* rax, rbx, rcx, rdx, rsi, rdi, rbp, r8 to r15: before, then after. */
static uint64_t regs[15];

void int80_with_regs(uint64_t *);
__asm__(
	".text\n"
	"int80_with_regs:\n"
	"	push	%rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	push	%rdi\n"
	"	mov	0(%rdi), %rax; mov 8(%rdi), %rbx; mov 16(%rdi), %rcx\n"
	"	mov	24(%rdi), %rdx; mov 32(%rdi), %rsi; mov 48(%rdi), %rbp\n"
	"	mov	56(%rdi), %r8; mov 64(%rdi), %r9; mov 72(%rdi), %r10; mov 80(%rdi), %r11\n"
	"	mov	88(%rdi), %r12; mov 96(%rdi), %r13; mov 104(%rdi), %r14; mov 112(%rdi), %r15\n"
	"	mov	40(%rdi), %rdi\n"
	"	int	$0x80\n"
	"	xchg	%rdi, (%rsp)\n"
	"	mov	%rax, 0(%rdi); mov %rbx, 8(%rdi); mov %rcx, 16(%rdi)\n"
	"	mov	%rdx, 24(%rdi); mov %rsi, 32(%rdi); mov %rbp, 48(%rdi)\n"
	"	mov	%r8, 56(%rdi); mov %r9, 64(%rdi); mov %r10, 72(%rdi); mov %r11, 80(%rdi)\n"
	"	mov	%r12, 88(%rdi); mov %r13, 96(%rdi); mov %r14, 104(%rdi); mov %r15, 112(%rdi)\n"
	"	pop	40(%rdi)\n"
	"	pop	%r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n");

/* The result in all its 64 bits. */
static int64_t int80(uint64_t nr, uint64_t b, uint64_t c, uint64_t d, uint64_t si,
		     uint64_t di, uint64_t bp)
{
	uint64_t now[7] = { nr, b, c, d, si, di, bp };

	memset(regs, 0, sizeof(regs));
	memcpy(regs, now, sizeof(now));
	int80_with_regs(regs);
	return (int64_t)regs[0];
}

static void test_registers(void)
{
	static const char *const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15",
	};

	for (unsigned i = 0; i < 15; i++)
		regs[i] = HIGH + 0x1111 * i;
	regs[0] = HIGH | GETPID;
	int80_with_regs(regs);
	check_equal((int64_t)regs[0], getpid(), "getpid, with any high half of rax");
	for (unsigned i = 1; i < 15; i++)
		check_equal((int64_t)regs[i], (int64_t)(HIGH + 0x1111 * i), "%s is kept", names[i]);
}

static void test_numbers(void)
{
	check_equal(int80(222, 0, 0, 0, 0, 0, 0), -ENOSYS, "no call 222: ENOSYS in 64 bits");
	check_equal(int80(0x80000014, 0, 0, 0, 0, 0, 0), -ENOSYS, "no call 0x80000014");
	check_equal(int80(0x40000014, 0, 0, 0, 0, 0, 0), -ENOSYS, "no call 0x40000014");
	check_equal(int80(~0ull, 0, 0, 0, 0, 0, 0), -ENOSYS, "no call -1");
	check_equal(int80(39, 0, 0, 0, 0, 0, 0) == getpid(), 0, "39 is not getpid here");
}

static void test_arguments(void)
{
	static char text[] = "# by INT 0x80\n";
	uint64_t at = (uint64_t)(uintptr_t)text;
	uint64_t stack = (uint64_t)(uintptr_t)&at;

	check_equal(int80(WRITE, HIGH | 1, HIGH | at, HIGH | (sizeof(text) - 1), 0, 0, 0),
		    sizeof(text) - 1, "write, with any high halves of the arguments");
	check_equal(int80(WRITE, 99, at, 1, 0, 0, 0), -EBADF, "write to fd 99 gives EBADF");
	check_true(stack >> 32 != 0, "the stack is above 4 GiB");
	check_equal(int80(UNAME, stack, 0, 0, 0, 0, 0), -EFAULT,
		    "a pointer above 4 GiB is cut, and gives EFAULT");
	check_equal(int80(WRITE, 1, 0xffffffff, 1, 0, 0, 0), -EFAULT,
		    "a pointer to the last byte of 4 GiB gives EFAULT");
}

static void test_memory(void)
{
	int64_t at = int80(MMAP2, 0, PAGE, 3, 0x22, 0xffffffff, 0);

	check_range(at, 0x10000, 0xffffe000 - PAGE, "mmap2 gives an address below 4 GiB");
	*(volatile char *)(uintptr_t)at = 1;
	check_equal(int80(MUNMAP, HIGH | (uint64_t)at, PAGE, 0, 0, 0, 0), 0, "munmap");
	check_equal(int80(BRK, 0, 0, 0, 0, 0, 0), (int64_t)(intptr_t)sbrk(0),
		    "brk gives all bits of the break");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_registers();
	test_numbers();
	test_arguments();
	test_memory();
	int80(EXIT, (uint64_t)check_end(), 0, 0, 0, 0, 0);
	return 1;
}
