/*
 * Entry and IST stacks are for entering the kernel, and for nothing else: more
 * than that on an entry stack is a double fault whose back-trace begins at the
 * culprit, and schedule() on either kind of stack is a panic.
 *
 * The panics end the machine; tests/panics.cfg has a boot for each, which looks
 * at what is printed.
 */
#include "arch/cpu_entry_area.h"
#include "arch/stack_marks.h"
#include "arch/state/insn.h"
#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "kernel/debug/unwind.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"

void stack_abuse_push(u64 top);
extern const u8 stack_abuse_culprit[], stack_abuse_recovered[];

/* ---- More than entering ------------------------------------------------------------- */

static struct {
	unsigned faults, cpu;
	u64 ip, sp, cr2, caller;
	enum unwind_status end;
} seen;

static bool on_double_fault(struct pt_regs *regs)
{
	struct unwind_state s;

	if ((regs->vector & 0xff) != VEC_DF)
		return false;
	seen.faults++;
	seen.cpu = this_cpu()->cpu;
	seen.ip = regs->ip;
	seen.sp = regs->sp;
	seen.cr2 = read_cr2();
	unwind_start(&s, regs);
	if (unwind_next(&s))
		seen.caller = s.regs.ip;
	while (unwind_next(&s))
		;
	seen.end = s.status;
	regs->ip = (u64)stack_abuse_recovered;
	regs->sp = regs->bx;
	return true;
}

static void overflow_here(void *arg __unused)
{
	trap_paranoid_hook = on_double_fault;
	stack_abuse_push(this_cpu()->entry_stack_top);
	trap_paranoid_hook = NULL;
	interrupts_off();
	stack_marks_ignore(this_cpu()->cpu, STACK_MARK_ENTRY);
	cea_scrub(this_cpu()); /* what was pushed is no process's residue */
	interrupts_on();
}

static void overflow_of_each(struct selftest *t)
{
	for_each_cpu(cpu, &cpus_online) {
		u64 bottom = (u64)&cea(cpu)->entry_stack;

		seen.faults = 0;
		if (!EXPECT(t, cpus_run_thread(cpu, overflow_here, NULL), "memory"))
			return;
		EXPECT_EQ(t, seen.faults, 1, "double faults");
		EXPECT_EQ(t, seen.cpu, cpu, "the CPU");
		EXPECT_EQ(t, seen.ip, (u64)stack_abuse_culprit, "the culprit's RIP");
		EXPECT_EQ(t, seen.sp, bottom, "RSP, all 192 bytes used");
		EXPECT_EQ(t, seen.cr2, bottom - 8, "CR2, in the guard below");
		EXPECT(t, seen.caller - (u64)overflow_here < 0x80, "the culprit's caller");
		EXPECT_EQ(t, seen.end, UNWIND_AT_START, "the trace comes to the thread's start");
	}
}

static const struct selftest_case cases[] = {
	{ "more than 192 bytes of an entry stack are a double fault that names the culprit",
	  overflow_of_each },
};
SELFTEST_SUITE(stack_abuse, cases);

/* ---- Sleeping --------------------------------------------------------------------------- */

static __attribute__((noinline)) void schedule_here(u64 top __unused)
{
	schedule();
}

static void schedule_on_entry_stack(struct selftest *t)
{
	interrupts_off();
	entry_run_on_stack(this_cpu()->entry_stack_top, schedule_here);
	EXPECT(t, false, "a panic before this line");
}

static const struct selftest_case entry_cases[] = {
	{ "schedule() on an entry stack is a panic", schedule_on_entry_stack },
};
SELFTEST_SUITE_THAT_PANICS(panic_entry_stack, entry_cases);

static bool schedule_in_handler(struct pt_regs *regs)
{
	if ((regs->vector & 0xff) != VEC_DB)
		return false;
	schedule();
	return true;
}

static void schedule_on_ist_stack(struct selftest *t)
{
	trap_paranoid_hook = schedule_in_handler;
	write_dr0((u64)schedule_here);
	write_dr7(0x401); /* stop at its first instruction */
	schedule_here(0);
	EXPECT(t, false, "a panic before this line");
}

static const struct selftest_case ist_cases[] = {
	{ "schedule() on an IST stack is a panic", schedule_on_ist_stack },
};
SELFTEST_SUITE_THAT_PANICS(panic_ist_stack, ist_cases);
