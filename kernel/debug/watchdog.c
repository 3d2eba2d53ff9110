/*
 * The watchdog: each CPU takes a timer interrupt at least once in a period
 * (sched_longest_sleep_ns), and then looks when the next CPU took its last.
 * If that is too long ago, something there keeps interrupts off, or it hangs:
 * an NMI reaches it all the same, and its handler prints where it is.  That is a
 * report, not a panic; one per stall.
 *
 * If the next CPU stalls, no other looks at the one after it: so we look on, until we
 * find one that is well.  With one CPU none looks.
 *
 * A CPU that was not running itself (the host, or gdb, held the whole machine)
 * does not judge others by a clock that went on: it looks again a period later.
 *
 * Reports come one at a time: the CPU that wants one claims `report`, sends the NMI and
 * waits for the answer, which is one piece of output.
 */
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "kernel/base/claim.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/debug/unwind.h"
#include "kernel/debug/watchdog.h"
#include "kernel/task/sched.h"

void (*nmi_reader)(const struct pt_regs *regs) = watchdog_nmi;
u64 watchdog_limit_ns = WATCHDOG_NS;
u64 watchdog_answer_ns = WATCHDOG_ANSWER_NS;
u32 watchdog_stalls[NR_CPUS], watchdog_silences[NR_CPUS];

/* By clock_ns(); 0: none yet.  Written by the CPU itself. */
static u64 last_tick[NR_CPUS], last_look[NR_CPUS];
static bool stall_reported[NR_CPUS];

static struct {
	struct claim claim;
	struct percpu *asked; /* the CPU that must answer; NULL: it has */
	char why[100];        /* the first line, without a newline */
} report = { .claim = CLAIM(LOCK_REPORT) };

/* ---- Reports ------------------------------------------------------------------------ */

static void print_trace(const char *why, struct unwind_state *s)
{
	const struct task *t = current_task();
	char heading[160];

	format(heading, sizeof(heading), "%s; runs %s[%d]", why, t ? t->name : "nothing",
	       t ? t->pid : 0);
	unwind_print(heading, s);
}

void watchdog_nmi(const struct pt_regs *regs)
{
	struct unwind_state s;

	if (__atomic_load_n(&report.asked, __ATOMIC_ACQUIRE) != this_cpu())
		return;
	unwind_start(&s, regs);
	print_trace(report.why, &s);
	__atomic_store_n(&report.asked, NULL, __ATOMIC_RELEASE);
}

/* `report` is ours, and report.why is set. */
static void ask(unsigned cpu)
{
	struct percpu *asked = VAULT_OF(cpu);
	u64 deadline = clock_ns() + watchdog_answer_ns;

	__atomic_store_n(&report.asked, asked, __ATOMIC_RELEASE);
	smp_send_nmi(cpu);
	while (__atomic_load_n(&report.asked, __ATOMIC_ACQUIRE)) {
		if (clock_ns() > deadline) {
			__atomic_store_n(&report.asked, NULL, __ATOMIC_RELEASE);
			watchdog_silences[cpu]++;
			log("%s; it has not answered an NMI for %llu ms\n", report.why,
			    watchdog_answer_ns / NSEC_PER_MSEC);
			return;
		}
		cpu_relax();
	}
}

void watchdog_report_all(void)
{
	u64 flags = interrupts_save();
	unsigned self = this_cpu()->cpu;
	struct unwind_state s;

	if (claim_try(&report.claim)) {
		format(report.why, sizeof(report.why), "cpu %u", self);
		unwind_start_here(&s);
		print_trace(report.why, &s);
		for_each_cpu(cpu, &cpus_online) {
			if (cpu == self)
				continue;
			format(report.why, sizeof(report.why), "cpu %u", cpu);
			ask(cpu);
		}
		claim_drop(&report.claim);
	}
	interrupts_restore(flags);
}

/* ---- The watchdog ---------------------------------------------------------------------- */

static void report_stall(unsigned cpu, u64 age)
{
	if (stall_reported[cpu] || !claim_try(&report.claim))
		return;
	stall_reported[cpu] = true;
	watchdog_stalls[cpu]++;
	format(report.why, sizeof(report.why),
	       "watchdog: cpu %u has taken no timer interrupt for %llu ms", cpu,
	       age / NSEC_PER_MSEC);
	ask(cpu);
	claim_drop(&report.claim);
}

void watchdog_tick(void)
{
	unsigned self = this_cpu()->cpu;
	u64 now = clock_ns();
	u64 limit = watchdog_limit_ns * (1 + cpumask_count(&cpus_online) / 32);
	u64 since = now - last_tick[self];

	__atomic_store_n(&last_tick[self], now, __ATOMIC_RELAXED);
	stall_reported[self] = false;
	if (now - last_look[self] < sched_longest_sleep_ns)
		return;
	last_look[self] = now;
	if (self == cpumask_next(&cpus_online, 0))
		clock_watch(clock_rates.tsc_hz);
	if (since > limit / 2)
		return;
	for (unsigned cpu = cpumask_after(&cpus_online, self); cpu != self;
	     cpu = cpumask_after(&cpus_online, cpu)) {
		u64 tick = __atomic_load_n(&last_tick[cpu], __ATOMIC_RELAXED);

		if (!tick || tick + limit >= now)
			return;
		report_stall(cpu, now - tick);
	}
}
