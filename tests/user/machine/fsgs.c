/*
 * fsgs: FS and GS, selectors and bases in every combination, and what is in DS
 * and ES, are kept while other processes run: each has its own, and bases may be
 * anything canonical where WRGSBASE can set them.
 *
 *	fsgs [-q] [TURNS]	-q: prints only what failed
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/check.h"

#define ARCH_SET_GS	0x1001
#define ARCH_SET_FS	0x1002
#define ARCH_GET_FS	0x1003
#define ARCH_GET_GS	0x1004
#define HWCAP2_FSGSBASE	2
#define USER_END	0x7ffffffff000

#define LDT_SELECTOR	7
#define LDT_BASE	0x23456000

static bool fsgsbase, null_kept;

struct state {
	uint32_t selector;
	uint64_t base;
};

/*
 * One register at a time: GS whole; FS holds the C library's thread, so that
 * nothing but these lines runs until it is back.
 */
static struct state swap_gs(const struct state *set, int yields)
{
	struct state found = { 0 };

	__asm__ volatile("mov %0, %%gs" : : "r"(set->selector));
	if (set->base != ~0ull && fsgsbase)
		__asm__ volatile("wrgsbase %0" : : "r"(set->base));
	else if (set->base != ~0ull)
		syscall(SYS_arch_prctl, ARCH_SET_GS, set->base);
	while (yields--)
		syscall(SYS_sched_yield);
	__asm__ volatile("mov %%gs, %0" : "=r"(found.selector));
	if (fsgsbase)
		__asm__ volatile("rdgsbase %0" : "=r"(found.base));
	else
		syscall(SYS_arch_prctl, ARCH_GET_GS, &found.base);
	__asm__ volatile("mov %0, %%gs" : : "r"(0));
	return found;
}

static struct state swap_fs(const struct state *set)
{
	struct state found = { 0 };

	__asm__ volatile("rdfsbase %%r12\n\t"
			 "mov %2, %%fs\n\t"
			 "wrfsbase %3\n\t"
			 "mov $24, %%eax\n\t" /* sched_yield */
			 "syscall\n\t"
			 "mov $24, %%eax\n\t"
			 "syscall\n\t"
			 "mov %%fs, %0\n\t"
			 "rdfsbase %1\n\t"
			 "xor %%eax, %%eax\n\t"
			 "mov %%eax, %%fs\n\t"
			 "wrfsbase %%r12"
			 : "=&r"(found.selector), "=&r"(found.base)
			 : "r"(set->selector), "r"(set->base)
			 : "rax", "rcx", "r11", "r12", "memory");
	return found;
}

/* Does IRET, by which INT 0x80 returns, leave a null selector in GS that is not 0? */
static bool iret_keeps_null(void)
{
	uint32_t after, number = 20; /* i386's getpid */

	__asm__ volatile("mov %2, %%gs\n\t"
			 "int $0x80\n\t"
			 "mov %%gs, %0\n\t"
			 "mov %3, %%gs"
			 : "=&r"(after), "+a"(number)
			 : "r"(3), "r"(0)
			 : "r8", "r9", "r10", "r11", "memory");
	return after == 3;
}

/*
 * IRET makes 1, 2 and 3, which are null too, 0 on some processors (SDM 2, IRET): there, an
 * interrupt in user mode may have.
 */
static bool is_kept(const struct state *set, const struct state *found)
{
	bool cleared = !null_kept && set->selector < 4 && !found->selector;

	return (found->selector == set->selector || cleared) && found->base == set->base;
}

/* True if DS and ES are kept. */
static bool keeps_ds_es(uint32_t ds, uint32_t es)
{
	uint32_t ds_after, es_after;

	__asm__ volatile("mov %0, %%ds; mov %1, %%es" : : "r"(ds), "r"(es));
	for (int i = 0; i < 2; i++)
		syscall(SYS_sched_yield);
	__asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %2, %%ds; mov %2, %%es"
			 : "=&r"(ds_after), "=&r"(es_after) : "r"(0));
	return ds_after == ds && es_after == es;
}

static void test_errors(void)
{
	uint64_t base = 0;

	check_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, USER_END) < 0 ? -errno : 0, -EPERM,
		    "a base at the end of the user half");
	check_equal(syscall(SYS_arch_prctl, ARCH_SET_FS, ~0ull) < 0 ? -errno : 0, -EPERM,
		    "a base in the kernel half");
	check_equal(syscall(SYS_arch_prctl, ARCH_GET_GS, 8) < 0 ? -errno : 0, -EFAULT,
		    "a bad pointer");
	check_equal(syscall(SYS_arch_prctl, 0x1005, &base) < 0 ? -errno : 0, -EINVAL,
		    "what there is not");
	__asm__ volatile("mov %0, %%gs" : : "r"(0x2b));
	check_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, USER_END - 1), 0, "the highest base");
	syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
	check_equal((int64_t)base, USER_END - 1, "read back");
	__asm__ volatile("mov %%gs, %0" : "=r"(base));
	check_equal((int64_t)base, 0, "the selector is null then");
}

static void make_ldt(void)
{
	uint32_t desc[4] = { 0, LDT_BASE, 0xfffff, 0x11 };

	check_equal(syscall(SYS_modify_ldt, 0x11, desc, sizeof(desc)), 0, "an LDT entry");
}

static void test_kept(unsigned turns)
{
	static const uint32_t selector[] = { 0, 1, 2, 3, 0x2b, LDT_SELECTOR };
	/* No null ones but 0, which others become when an IRET has them in these. */
	static const uint32_t data[] = { 0, 0x23, 0x2b, LDT_SELECTOR };
	const uint64_t pid = (uint64_t)getpid() << 12;
	const uint64_t base[] = {
		0, 1, 0x7fff00000000 | pid, 0xffff800000000000 | pid, 0xfffffe7ffc000000 | pid, ~0ull - 1,
	};
	unsigned wrong_gs = 0, wrong_fs = 0, wrong_ldt = 0, wrong_ds_es = 0;
	struct state ldt = { LDT_SELECTOR, ~0ull }, found;

	for (unsigned i = 0; i < turns; i++) {
		struct state s = { selector[i % 6], base[i / 6 % 6] };

		if (!fsgsbase) {
			s.selector = 0;
			s.base = s.base < USER_END ? s.base : pid;
		}
		found = swap_gs(&s, 2);
		wrong_gs += !is_kept(&s, &found);
		found = swap_gs(&ldt, 2);
		wrong_ldt += found.selector != LDT_SELECTOR || found.base != LDT_BASE;
		wrong_ds_es += !keeps_ds_es(data[i % 4], data[i / 4 % 4]);
		if (!fsgsbase)
			continue;
		found = swap_fs(&s);
		wrong_fs += !is_kept(&s, &found);
	}
	check_equal(wrong_gs, 0, "GS is kept");
	check_equal(wrong_ldt, 0, "GS with a base from the LDT is kept");
	check_equal(wrong_fs, 0, "FS is kept");
	check_equal(wrong_ds_es, 0, "DS and ES are kept");
}

int main(int argc, char **argv)
{
	bool quiet = argc > 1 && strcmp(argv[1], "-q") == 0;

	check_begin(quiet);
	fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	null_kept = iret_keeps_null();
	test_errors();
	make_ldt();
	test_kept(argc > 1 + quiet ? (unsigned)atoi(argv[1 + quiet]) : 72);
	return check_end();
}
