/*
 * The names that reports give to addresses (kernel/debug/names.c, symbols.c), and the panics that
 * an exception in kernel mode makes: where it was, with which registers, on which
 * stack.
 *
 * The panics end the machine; tests/panics.cfg has a boot for each, which looks
 * at what is printed.
 */
#include "arch/cpu_entry_area.h"
#include "entry/deferred/deferred.h"
#include "entry/entry.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/debug/names.h"
#include "kernel/debug/symbols.h"
#include "kernel/trap.h"
#include "mm/image.h"
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

/* ---- The table of names ---------------------------------------------------------------- */

extern const struct symbol {
	u64 address;
	const char *name;
} symbols_start[], symbols_end[];

/* At its first byte, and at the last byte of the one before. */
static bool has_its_place(const struct symbol *s)
{
	const struct symbol *before = s > symbols_start && s[-1].name[0] ? s - 1 : NULL;
	u64 offset = 0;
	const char *name = symbol_find(s->address, &offset);

	if (name != (s->name[0] ? s->name : NULL) || offset != 0)
		return false;
	name = symbol_find(s->address - 1, &offset);
	return before ? name == before->name && offset == s->address - 1 - before->address : !name;
}

static void each_name(struct selftest *t)
{
	unsigned names = 0, wrong = 0;

	for (const struct symbol *s = symbols_start; s < symbols_end; s++) {
		names += s->name[0] != '\0';
		if (!has_its_place(s) && !wrong++)
			selftest_note("'%s' at %#lx", s->name, s->address);
	}
	EXPECT(t, names > 1000, "names of the kernel's text");
	EXPECT_EQ(t, wrong, 0, "names that are not found where they begin");
}

static void no_names(struct selftest *t)
{
	const u64 none[] = { 0, 0x400000, KERNEL_BASE, (u64)image_text_end, (u64)&entry_labels,
			     DIRECT_MAP_BASE, CEA_BASE, CEA_BASE + CEA_STRIDE, ~0ULL };
	u64 offset;

	for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
		if (!EXPECT(t, !symbol_find(none[i], &offset), "no name"))
			selftest_note("of %#lx", none[i]);
}

static void expect_text(struct selftest *t, u64 ip, bool behind_call, const char *expected)
{
	char text[SYMBOL_TEXT_SIZE];

	if (!EXPECT(t, is(symbol_format(text, ip, behind_call), expected), "name and offset"))
		selftest_note("of %#lx: found '%s', expected '%s'", ip, text, expected);
}

static void texts(struct selftest *t)
{
	char expected[SYMBOL_TEXT_SIZE];
	u64 at = entry_labels.window_syscall_start;

	expect_text(t, (u64)texts, false, " texts+0x0");
	expect_text(t, (u64)texts + 1, true, " texts+0x1");
	expect_text(t, entry_labels.stubs, false, " entry_stubs+0x0");
	expect_text(t, deferred_labels.syscall, false, " deferred_syscall+0x0");
	expect_text(t, 0x400000, false, "");
	for_each_cpu(cpu, &cpus_online) {
		format(expected, sizeof(expected), " trampoline_syscall+0x1c [cpu %u]", cpu);
		expect_text(t, at + cpu * CEA_STRIDE + 0x1c, false, expected);
	}
}

/* A call that does not return may be the last instruction of its function. */
static void behind_calls(struct selftest *t)
{
	char text[SYMBOL_TEXT_SIZE], expected[SYMBOL_TEXT_SIZE];
	const struct symbol *s;

	for (s = symbols_start; s->address != (u64)behind_calls; s++)
		;
	format(expected, sizeof(expected), " %s+0x%lx", s[-1].name, s->address - s[-1].address);
	EXPECT(t, is(symbol_format(text, s->address, true), expected), "the call's function");
}

static const struct selftest_case cases[] = {
	{ "each window of the entry code has its name from end to end", windows },
	{ "a trampoline's alias has the names of CPU 0's", aliases },
	{ "text of the kernel, of the gate and of programs is told apart", kinds_of_text },
	{ "each name of our text is found from its first byte to its last", each_name },
	{ "what is no text has no name", no_names },
	{ "a name has its offset, and a trampoline's alias its CPU", texts },
	{ "a return address has the name of the function that called", behind_calls },
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
