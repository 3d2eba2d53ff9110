/*
 * ldt: segments of the program's own, through modify_ldt: its errors, what is
 * read back, and 64-, 32- and 16-bit code that uses the descriptors.
 *
 *	ldt [-q]	-q: prints only what failed
 *
 * The right outcome is `ok` everywhere, as on Linux (tests/user/check_on_linux.py).
 * What must end in a signal is in fault.c.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/check.h"
#include "../lib/far.h"

#define SEG_32BIT	0x01
#define DATA		0x00
#define EXPAND_DOWN	0x02
#define CODE		0x04
#define CONFORMING	0x06
#define READ_EXEC_ONLY	0x08
#define IN_PAGES	0x10
#define NOT_PRESENT	0x20
#define USEABLE		0x40

#define ENTRIES		8192
#define SELECTOR(n)	((n) << 3 | 7)
#define PAGE		4096

struct user_desc {
	uint32_t entry_number, base_addr, limit, flags;
};

static char untouched[4 * 64 * PAGE] __attribute__((aligned(PAGE)));
static uint64_t table[ENTRIES];

static long modify_ldt(long what, const void *at, unsigned long size)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result)
			 : "0"(SYS_modify_ldt), "D"(what), "S"(at), "d"(size)
			 : "rcx", "r11", "memory");
	return result;
}

/* The result is an int in a 64-bit register. */
static long write_entry(long what, uint32_t entry, uint32_t base, uint32_t limit, uint32_t flags)
{
	struct user_desc desc = { entry, base, limit, flags };

	return (int)modify_ldt(what, &desc, sizeof(desc));
}

static uint64_t entry(unsigned n)
{
	modify_ldt(0, table, sizeof(table));
	return table[n];
}

/* ---- The system call -------------------------------------------------------- */

static void test_errors(void)
{
	struct user_desc desc = { ENTRIES, 0, 0, SEG_32BIT };
	uint64_t two[2];

	check_equal(modify_ldt(0, table, sizeof(table)), 0, "no LDT: nothing is read");
	check_equal(modify_ldt(2, table, 1000), 128, "the default LDT has 128 bytes");
	check_equal(modify_ldt(2, table, 5), 5, "or as many as are asked for");
	check_equal(modify_ldt(2, (void *)8, 5), (uint32_t)-EFAULT, "default LDT, bad pointer");
	check_equal(modify_ldt(3, table, 16), (uint32_t)-ENOSYS, "what there is not: an int");
	check_equal(modify_ldt(1L << 32, table, 16), 0, "only 32 bits of it count");
	check_equal(modify_ldt(0x11, &desc, 15), (uint32_t)-EINVAL, "a size that is wrong");
	check_equal(modify_ldt(0x11, NULL, 15), (uint32_t)-EINVAL, "the size before the pointer");
	check_equal(modify_ldt(0x11, NULL, 16), (uint32_t)-EFAULT, "a null pointer");
	check_equal(modify_ldt(0x11, (void *)0xffffffff80000000, 16), (uint32_t)-EFAULT,
		    "a kernel pointer");
	check_equal(modify_ldt(0x11, (void *)0x8000000000000000, 16), (uint32_t)-EFAULT,
		    "a pointer that is not canonical");
	check_equal(modify_ldt(0x11, &desc, 16), (uint32_t)-EINVAL, "an entry too high");
	check_equal(write_entry(0x11, ~0u, 0, 0, SEG_32BIT), -EINVAL, "entry -1");
	check_equal(write_entry(0x11, 0, 0, 0, CONFORMING), -EINVAL, "conforming code");
	check_equal(write_entry(1, 0, 0, 9, CONFORMING | NOT_PRESENT), -EINVAL,
		    "conforming code that is not present, old way");
	check_equal(modify_ldt(0, table, 16), 0, "there is still no LDT");
	check_equal(write_entry(0x11, 0, 0, 0, CONFORMING | NOT_PRESENT), 0,
		    "conforming code that is not present");
	check_equal(modify_ldt(0, (void *)8, 16), (uint32_t)-EFAULT, "read to a bad pointer");
	check_equal(modify_ldt(0, two, 8), 8, "eight bytes are read");
}

static void test_read_back(void)
{
	check_equal(write_entry(0x11, 2, 0x12345678, 0x9abcd, SEG_32BIT | USEABLE), 0, "a data segment");
	check_equal((int64_t)entry(2), 0x1259f3345678abcd, "its descriptor");
	check_equal(write_entry(1, 2, 0x12345678, 0x9abcd, SEG_32BIT | USEABLE), 0, "the old way");
	check_equal((int64_t)entry(2), 0x1249f3345678abcd, "its descriptor, not `useable'");
	check_equal(write_entry(0x11, 2, 0x12345678, 0xffffffff, CODE | READ_EXEC_ONLY | IN_PAGES | 0xff80), 0,
		    "code, with bits that mean nothing");
	check_equal((int64_t)entry(2), (int64_t)0x128ff9345678ffff, "its descriptor: never 64-bit");
	check_equal(write_entry(0x11, 3, 0, 0, DATA), 0, "zeroes, the new way");
	check_equal((int64_t)entry(3), 0x0000f30000000000, "are a 16-bit segment of one byte");
	check_equal(write_entry(1, 3, 0, 0, CODE | SEG_32BIT), 0, "base and limit 0, the old way");
	check_equal((int64_t)entry(3), 0, "are none");
	check_equal(write_entry(0x11, 2, 0, 0, READ_EXEC_ONLY | NOT_PRESENT), 0, "an empty one");
	check_equal((int64_t)entry(2), 0, "is none");
	memset(table, 0xee, sizeof(table));
	check_equal(modify_ldt(0, table, 1UL << 40), sizeof(table), "at most the whole is read");
	check_equal((int64_t)table[ENTRIES - 1], 0, "zeroes behind the table's end");
	check_equal(write_entry(0x11, ENTRIES - 1, 0, 7, SEG_32BIT), 0, "the last entry");
	check_equal((int64_t)entry(ENTRIES - 1), 0x0040f30000000007, "its descriptor");
}

/* ---- Segment registers ---------------------------------------------------------- */

#define LOAD(reg, value) __asm__ volatile("mov %0, %%" #reg : : "r"(value))
#define GET(reg) ({ uint32_t v_; __asm__ volatile("mov %%" #reg ", %0" : "=r"(v_)); v_; })

static uint32_t limit_of(uint32_t selector)
{
	uint32_t limit = ~0u;

	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(selector) : "cc");
	return limit;
}

static uint32_t gs_word(void)
{
	uint32_t value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static void test_registers(void)
{
	static uint32_t word[2] = { 0x11223344, 0x55667788 };
	uint32_t base = (uint32_t)(uintptr_t)word;

	write_entry(0x11, 0, base, 7, SEG_32BIT);
	write_entry(0x11, 1, base, 0xfff, SEG_32BIT);
	check_equal(limit_of(SELECTOR(0)), 7, "LSL gives the limit");
	check_equal(limit_of(SELECTOR(ENTRIES - 2)), ~0u, "and nothing for an empty entry");
	LOAD(ds, SELECTOR(0));
	LOAD(es, SELECTOR(1));
	LOAD(gs, SELECTOR(0));
	check_equal(gs_word(), word[0], "GS reads at its base");
	for (int i = 0; i < 3; i++)
		syscall(SYS_sched_yield);
	check_equal(GET(ds), SELECTOR(0), "DS is kept");
	check_equal(GET(es), SELECTOR(1), "ES is kept");
	check_equal(gs_word(), word[0], "GS and its base are kept");
	write_entry(0x11, 0, 0, 0, READ_EXEC_ONLY | NOT_PRESENT);
	check_equal(GET(ds), 0, "DS is null when its entry has gone");
	check_equal(GET(es), SELECTOR(1), "ES is not");
	write_entry(0x11, 1, base, 0xfff, CODE | READ_EXEC_ONLY | SEG_32BIT);
	check_equal(GET(es), 0, "ES is null when its entry cannot be read");
	LOAD(gs, 0);
}

/* ---- 32- and 16-bit code ------------------------------------------------------------ */

uint32_t ldt_result, ldt_esp;
extern const char ldt_code32[], ldt_code16[], ldt_touch[];

__asm__(".text\n"
	/* es:[0], and its own address within CS */
	"	.code32\n"
	"ldt_code32:\n"
	"	mov	%esi, %es\n"
	"	mov	%es:0, %eax\n"
	"	mov	%eax, ldt_result\n"
	FAR_RETURN

	/* As 16-bit code sees it: a word, pushed and popped */
	"	.code16\n"
	"ldt_code16:\n"
	"	mov	$0x1234, %ax\n"
	"	push	%ax\n"
	"	pop	%bx\n"
	"	inc	%bx\n"
	"	addr32 mov %ebx, ldt_result\n"
	FAR_RETURN16

	/* Touches 64 pages at esi: as many returns from page faults */
	"	.code32\n"
	"ldt_touch:\n"
	"	mov	%esp, %edx\n"
	"	mov	$64, %ecx\n"
	"1:	movb	$1, (%esi)\n"
	"	cmp	%esp, %edx\n"
	"	jne	2f\n"
	"	add	$4096, %esi\n"
	"	dec	%ecx\n"
	"	jnz	1b\n"
	"2:	mov	%esp, ldt_esp\n"
	FAR_RETURN
	"	.code64\n");

static void test_code(void)
{
	static uint32_t word = 0xcafe1234, stack[64];
	uint32_t base = 0x1000, esp = far_low(stack + 64);
	struct far far;

	write_entry(0x11, 4, base, 0xfffff, CODE | SEG_32BIT | IN_PAGES);
	write_entry(0x11, 5, far_low(&word), 3, SEG_32BIT);
	far = (struct far){ far_low(ldt_code32) - base, SELECTOR(4) };
	ldt_result = 0;
	far_go(&far, 0x2b, esp, SELECTOR(5));
	check_equal(ldt_result, word, "32-bit code in the LDT reads through a segment in it");

	write_entry(0x11, 6, far_low(ldt_code16), 0xffff, CODE);
	write_entry(0x11, 7, far_low(stack), sizeof(stack) - 1, DATA);
	far = (struct far){ 0, SELECTOR(6) };
	ldt_result = 0;
	far_go(&far, SELECTOR(7), sizeof(stack), 0);
	check_equal(ldt_result & 0xffff, 0x1235, "16-bit code runs, on a 16-bit stack");
	check_equal(stack[63] >> 16, 0x1234, "which is where its base says");
}

/* An IRET to a 16-bit stack sets SP; bits 31:16 must not be the kernel's. */
static void test_stack16(void)
{
	static const uint32_t esp[] = { 0x12340100, 0x00000100, 0xffff0100, 0x80000ffc };
	struct far far = { far_low(ldt_touch), 0x23 };

	write_entry(0x11, 7, 0, 0xffff, DATA);
	for (unsigned i = 0; i < sizeof(esp) / sizeof(esp[0]); i++) {
		char *page = untouched + i * 64 * PAGE;

		ldt_esp = 0;
		far_go(&far, SELECTOR(7), esp[i], far_low(page));
		check_equal(ldt_esp, esp[i], "ESP is kept over page faults with a 16-bit stack");
	}
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_errors();
	test_read_back();
	test_registers();
	test_code();
	test_stack16();
	return check_end();
}
