/*
 * The names that reports give to addresses (kernel/debug/names.c), and the panics that
 * an exception in kernel mode makes: where it was, with which registers, on which
 * stack.
 *
 * The panics end the machine; tests/panics.cfg has a boot for each, which looks
 * at what is printed.
 */
#include "arch/cpu_entry_area.h"
#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/debug/names.h"
#include "kernel/trap.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"

static bool is(const char *name, const char *expected)
{
	return name && strcmp(name, expected) == 0;
}

/* The first address of each kind of window and the last, and one past the end. */
static void windows(struct selftest *t)
{
	const struct entry_labels *l = &entry_labels;
	const struct {
		const char *name;
		u64 start, end;
	} w[] = {
		{ "syscall", l->window_syscall_start, l->window_syscall_end },
		{ "sysret", l->window_sysret_start, l->window_sysret_end },
		{ "syscall32", l->window_syscall32_start, l->window_syscall32_end },
		{ "sysenter", l->window_sysenter_start, l->window_sysenter_end },
		{ "IDT stub", l->stubs, l->window_stubs_end },
		{ "trap from kernel", l->window_kernel_start, l->window_kernel_end },
		{ "trap", l->window_trap_start, l->window_trap_end },
		{ "iret", l->window_iret_start, l->window_iret_end },
		{ "paranoid", l->window_paranoid_start, l->window_paranoid_end },
		{ "direct syscall", l->window_direct_start, l->window_direct_end },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		bool good = EXPECT(t, is(place_window(w[i].start), w[i].name), "first address");

		good &= EXPECT(t, is(place_window(w[i].end - 1), w[i].name), "last address");
		good &= EXPECT(t, !is(place_window(w[i].end), w[i].name), "behind it");
		if (!good)
			selftest_note("window %s", w[i].name);
	}
	EXPECT(t, !place_window((u64)windows), "kernel text is no window");
}

static void aliases(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online) {
		u64 ip = entry_labels.window_syscall_start + cpu * CEA_STRIDE;

		EXPECT(t, is(place_window(ip), "syscall"), "window");
		EXPECT(t, is(place_text(ip), "trampoline"), "text");
	}
}

static void kinds_of_text(struct selftest *t)
{
	EXPECT(t, is(place_text((u64)kinds_of_text), "kernel text"), "a function");
	EXPECT(t, is(place_text(entry_labels.stubs), "entry text"), "a stub");
	EXPECT(t, is(place_text(0x400000), "user"), "a program's address");
	EXPECT(t, is(place_text((u64)&entry_labels), "no text"), "a constant");
}

static const struct selftest_case cases[] = {
	{ "each window of the entry code has its name from end to end", windows },
	{ "a trampoline's alias has the names of CPU 0's", aliases },
	{ "text of the kernel, of the gate and of programs is told apart", kinds_of_text },
};
SELFTEST_SUITE(place, cases);

/* ---- Panics ------------------------------------------------------------------------- */

/* The direct map's slot has nothing behind the RAM. */
static void read_nothing(struct selftest *t)
{
	EXPECT_EQ(t, *(volatile u64 *)(DIRECT_MAP_BASE + (1ULL << 45)), 0, "no panic");
}

static void call_nothing(struct selftest *t)
{
	void (*volatile nothing)(void) = NULL;

	nothing();
	EXPECT(t, false, "a panic before this line");
}

/* As a processor delivers it: MCG_STATUS does not say that we could go on. */
static void machine_check_here(struct selftest *t)
{
	__asm__ volatile("int %0" : : "i"(VEC_MC) : "memory");
	EXPECT(t, false, "a panic before this line");
}

static __attribute__((noinline)) u64 deeper(volatile u64 *above)
{
	volatile u64 here[8] = { *above };

	if (here[0])
		return 0; /* for the compiler, which warns of what never ends */
	return deeper(here) + here[0];
}

static void overflow(struct selftest *t)
{
	u64 zero = 0;

	EXPECT_EQ(t, deeper(&zero), 0, "no panic");
}

static const struct selftest_case page_fault_cases[] = {
	{ "a read of nothing is a panic", read_nothing },
};
SELFTEST_SUITE_THAT_PANICS(panic_page_fault, page_fault_cases);

static const struct selftest_case null_call_cases[] = {
	{ "a call of a null pointer is a panic", call_nothing },
};
SELFTEST_SUITE_THAT_PANICS(panic_null_call, null_call_cases);

static const struct selftest_case machine_check_cases[] = {
	{ "a machine check that lets nobody go on is a panic", machine_check_here },
};
SELFTEST_SUITE_THAT_PANICS(panic_machine_check, machine_check_cases);

static const struct selftest_case overflow_cases[] = {
	{ "a task that overflows its stack is a panic", overflow },
};
SELFTEST_SUITE_THAT_PANICS(panic_overflow, overflow_cases);
