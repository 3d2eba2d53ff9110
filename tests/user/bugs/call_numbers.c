/*
 * System call numbers with high bits: CVE-2007-4573 and CVE-2010-3301 (Linux).
 *
 * i386's entries compared EAX with the table's size and indexed with RAX; a tracer
 * had put something into its upper half, and the kernel called through a pointer
 * of the program's.  It was mended in 2007, lost in 2008, and found again in 2010.
 *
 * In Postern: one comparison of what indexes (kernel/syscall.c, the u32 that
 * do_trap() makes in kernel/trap.c, kernel/syscall.c).
 *
 * Right: only 32 bits of RAX count, with their sign for SYSCALL, as on Linux 6.1;
 * what is no number is ENOSYS in 64 bits; so it is with a tracer's RAX.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t high[] = {
	0, 1ul << 32, 0xdeadbeef00000000, 0x7fffffff00000000, 0xffffffff00000000, 1ul << 63,
};
static const uint32_t none[] = {
	1000, 0x1000, 0x7fffffff, 0x80000000, 0x80000027, 0xc0000027, 0xfffffffe, 0xffffffff, 0x3fffffff,
};

static int64_t syscall64(uint64_t nr)
{
	int64_t result;

	__asm__ volatile("syscall" : "=a"(result) : "0"(nr) : "rcx", "r11", "memory");
	return result;
}

static void test_high(uint64_t bits)
{
	check_equal(syscall64(bits | SYS_getpid), getpid(), "SYSCALL %#lx", bits | SYS_getpid);
	check_equal(int80(bits | 20, 0, 0, 0), getpid(), "INT 0x80 %#lx", bits | 20);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		check_equal(syscall64(bits | none[i]), -ENOSYS, "SYSCALL %#lx", bits | none[i]);
		check_equal(int80(bits | none[i], 0, 0, 0), -ENOSYS, "INT 0x80 %#lx", bits | none[i]);
	}
}

/* All numbers around the table's ends, in 20 bits. */
static void test_many(void)
{
	int64_t wrong = 0;

	for (uint64_t nr = 548; nr < 1 << 17; nr += 1 + nr / 64) {
		wrong += syscall64(nr) != -ENOSYS;
		wrong += int80(nr, ~0ul, ~0ul, ~0ul) != -ENOSYS;
	}
	check_equal(wrong, 0, "numbers behind the table's end that are something");
}

/* SYSCALL and INT 0x80 with RAX as the tracer has made it. */
static void traced_calls(void)
{
	int64_t a, b;

	raise(SIGSTOP);
	__asm__ volatile("mov %%r15, %%rax\n\t"
			 "syscall\n\t"
			 "mov %%rax, %%r14\n\t"
			 "mov %%r15, %%rax\n\t"
			 "int $0x80\n\t"
			 : "=a"(b), "=&r"(a) : : "r14", "r15", "rcx", "r8", "r9", "r10", "r11", "memory");
	_exit(0);
}

static void test_traced(void)
{
	for (unsigned i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
		pid_t pid = trace_start(traced_calls);
		int traps;

		trace(CONT, pid, 0, 0);
		check_equal(wait_for(pid), STOPPED(SIGSTOP), "it stops");
		trace(POKEUSER, pid, USER_WORD(r15), high[i] | 0x1234567);
		trace(POKEUSER, pid, USER_WORD(orig_rax), high[i] | 0x7fffffff);
		trace(POKEUSER, pid, USER_WORD(rax), high[i] | 0x7fffffff);
		check_equal(trace_to_end(pid, &traps), EXITED(0), "a tracer's high bits %#lx", high[i]);
	}
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	for (unsigned i = 0; i < sizeof(high) / sizeof(high[0]); i++)
		test_high(high[i]);
	test_many();
	test_traced();
	return check_end();
}
