/*
 * LDT descriptors without the accessed bit (Linux, December 2017, as KPTI came in).
 *
 * The LDT became a read-only mapping.  Loading a segment whose accessed bit is clear
 * makes the processor set it: a write, a #PF in the middle of an IRET to user mode,
 * on the entry stack.  The mapping cannot be written, so the bit is set beforehand.
 *
 * In Postern: arch/state/user_desc.c and the LDT's one writer (arch/state/ldt.c) set the bit in
 * each descriptor that is not empty, not present ones included.
 *
 * Right: whatever flags were asked for, bit 40 of what is read back is set, and the
 * segment loads by MOV and by the kernel's IRET.  (Not by IRET in ring 3: QEMU 7.2
 * takes its reads of the stack for the kernel's if there is SMAP.)
 */
#include "lib/bugs.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ACCESSED (1ul << 40)
#define STACK_ENTRY 5

static uint64_t table[64];

static volatile uint16_t new_ss;

static void return_to(ucontext_t *uc)
{
	frame_set_selectors(uc, 0x33, new_ss);
}

static void load_es(unsigned entry)
{
	__asm__ volatile("mov %0, %%es\n\txor %%eax, %%eax\n\tmov %%eax, %%es"
			 : : "r"(LDT_SELECTOR(entry)) : "rax");
}

static void test_table(void)
{
	unsigned clear = 0, n = 0;

	for (uint32_t flags = 0; flags < 128; flags++) {
		if ((flags & 6) == 6)
			continue;	/* conforming code: refused, or not present */
		if (ldt_write(n % 64, 0x1000, 0xfff, flags))
			continue;
		memset(table, 0, sizeof(table));
		syscall(SYS_modify_ldt, 0, table, sizeof(table));
		clear += table[n % 64] && !(table[n % 64] & ACCESSED);
		n++;
	}
	check_true(n > 50, "descriptors were made: %u", n);
	check_equal(clear, 0, "and are there without the accessed bit");
}

static void test_loads(void)
{
	for (volatile int i = 0; i < 100; i++) {
		ldt_write(STACK_ENTRY, 0, 0xfffff, SEG_32BIT | SEG_IN_PAGES);
		if (CAUGHT(load_es(STACK_ENTRY)))
			break;
		ldt_write(STACK_ENTRY, 0, 0xfffff, SEG_32BIT | SEG_IN_PAGES);
		new_ss = LDT_SELECTOR(STACK_ENTRY);
		on_usr1 = return_to;
		if (CAUGHT(raise_usr1()))
			break;
		caught.signal = 0;
	}
	check_equal(caught.signal, 0, "the first load of a new descriptor, by MOV and by sigreturn (%#lx, error %#lx)", caught.ip, caught.err);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	test_table();
	test_loads();
	return check_end();
}
