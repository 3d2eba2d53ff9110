/*
 * The watchdog: with its limit lowered for a moment, a CPU that keeps interrupts
 * off is reported by another one, once, from where it spins.  On a busy host other
 * CPUs may be reported as well: only the one that spins is looked at.
 */
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "kernel/base/insn.h"
#include "kernel/debug/unwind.h"
#include "kernel/debug/watchdog.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "tests/suites/cpus.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

#define LIMIT_NS (40 * NSEC_PER_MSEC)
#define PERIOD_NS (LIMIT_NS / 10)
#define PATIENCE_NS (20 * NSEC_PER_SEC)
/* Periods of the watchdog: a second report would come. */
#define AFTERWARDS_NS (LIMIT_NS / 2)
#define FUNCTION_MAX 0x100

static struct {
	unsigned cpu, nmis, through;
	u32 before;
	u64 reports; /* when it stopped spinning */
} seen;

static __attribute__((noinline)) void spin_until_reported(void)
{
	u64 deadline = clock_ns() + PATIENCE_NS, end;
	const u32 *reports = &watchdog_stalls[seen.cpu];

	while (__atomic_load_n(reports, __ATOMIC_ACQUIRE) == seen.before &&
	       clock_ns() < deadline)
		cpu_relax();
	for (end = clock_ns() + AFTERWARDS_NS; clock_ns() < end;)
		cpu_relax();
	seen.reports = __atomic_load_n(reports, __ATOMIC_ACQUIRE) - seen.before;
}

static bool on_nmi(struct pt_regs *regs)
{
	struct unwind_state s;

	if ((regs->vector & 0xff) != VEC_NMI || this_cpu()->cpu != seen.cpu)
		return false;
	seen.nmis++;
	unwind_start(&s, regs);
	do {
		if (s.regs.ip - (u64)spin_until_reported < FUNCTION_MAX) {
			seen.through++;
			break;
		}
	} while (unwind_next(&s));
	return true;
}

/* What was reported before, on a busy host, is over with the next tick. */
static void stall(void *arg __unused)
{
	const u64 *ticks = &this_cpu()->timer_interrupts;

	for (u64 before = *ticks; __atomic_load_n(ticks, __ATOMIC_ACQUIRE) == before;)
		cpu_relax();
	interrupts_off();
	seen.nmis = seen.through = 0;
	seen.before = watchdog_stalls[seen.cpu];
	spin_until_reported();
	interrupts_on();
}

static void tick_soon(void *arg __unused)
{
	clock_set_alarm(clock_ns() + PERIOD_NS);
}

/* With the period lowered, every CPU ticks, idle or not.  False: one does not. */
static bool hurry(struct selftest *t)
{
	u64 deadline = clock_ns() + PATIENCE_NS;

	sched_longest_sleep_ns = PERIOD_NS;
	cpus_call_all(tick_soon, NULL);
	for_each_cpu(cpu, &cpus_online) {
		const u64 *ticks = &VAULT_OF(cpu)->timer_interrupts;
		u64 before = __atomic_load_n(ticks, __ATOMIC_ACQUIRE);

		while (__atomic_load_n(ticks, __ATOMIC_ACQUIRE) < before + 3) {
			if (clock_ns() > deadline)
				return EXPECT(t, false, "each CPU takes timer interrupts");
			sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
		}
	}
	return true;
}

static void relax(void)
{
	watchdog_limit_ns = WATCHDOG_NS;
	sched_longest_sleep_ns = SCHED_LONGEST_SLEEP_NS;
}

static void idle_ticks(struct selftest *t)
{
	hurry(t);
	relax();
}

static void reports_once(struct selftest *t)
{
	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "one CPU has nobody to look at it");
		return;
	}
	move_to_cpu(online_cpu(0)); /* whose next is the second */
	seen.cpu = online_cpu(1);
	trap_paranoid_hook = on_nmi;
	selftest_expected_begins("a CPU keeps interrupts off, and is reported");
	if (hurry(t)) {
		watchdog_limit_ns = LIMIT_NS;
		EXPECT(t, cpus_run_thread(seen.cpu, stall, NULL), "memory for a thread");
	}
	relax();
	selftest_expected_ends();
	trap_paranoid_hook = NULL;
	EXPECT_EQ(t, seen.reports, 1, "reports of the CPU that spins");
	EXPECT_EQ(t, seen.nmis, 1, "NMIs that it took");
	EXPECT_EQ(t, seen.through, 1, "back-traces with the function that spins");
	move_to_cpu(ANY_CPU);
}

static volatile bool waiting, handling, release;

/* So that the NMI finds no lock held, which others would wait for meanwhile. */
static void wait_without_locks(void *arg __unused)
{
	interrupts_off();
	waiting = true;
	while (!release)
		cpu_relax();
	interrupts_on();
	task_exit(0);
}

/* While it is in an NMI's handler, no other NMI reaches a CPU. */
static bool stay_in_nmi(struct pt_regs *regs)
{
	if ((regs->vector & 0xff) != VEC_NMI || this_cpu()->cpu != seen.cpu || handling)
		return (regs->vector & 0xff) == VEC_NMI;
	handling = true;
	while (!release)
		cpu_relax();
	return true;
}

static void names_the_silent(struct selftest *t)
{
	u64 deadline = clock_ns() + PATIENCE_NS;
	struct task *silent;
	u32 before;

	if (cpumask_count(&cpus_online) == 1) {
		selftest_skip(t, "there is no other CPU to ask");
		return;
	}
	move_to_cpu(online_cpu(0));
	seen.cpu = online_cpu(1);
	before = watchdog_silences[seen.cpu];
	waiting = handling = release = false;
	silent = thread_run(t, wait_without_locks, NULL, seen.cpu);
	if (!silent)
		return;
	while (!waiting)
		cpu_relax();
	trap_paranoid_hook = stay_in_nmi;
	smp_send_nmi(seen.cpu);
	while (!handling && clock_ns() < deadline)
		cpu_relax();
	watchdog_answer_ns = LIMIT_NS / 2;
	selftest_expected_begins("back-traces of all CPUs but a silent one");
	watchdog_report_all();
	selftest_expected_ends();
	watchdog_answer_ns = WATCHDOG_ANSWER_NS;
	EXPECT(t, handling, "the NMI arrives");
	EXPECT_EQ(t, watchdog_silences[seen.cpu] - before, 1, "CPUs named as silent");
	release = true;
	task_wait(silent); /* it goes on */
	trap_paranoid_hook = NULL;
	move_to_cpu(ANY_CPU);
}

static const struct selftest_case cases[] = {
	{ "every CPU ticks", idle_ticks },
	{ "a CPU that keeps interrupts off is reported once, from where it is",
	  reports_once },
	{ "a CPU that does not answer is named", names_the_silent },
};
SELFTEST_SUITE(watchdog, cases);
