/*
 * The run queue and the alarm, where a storm found them wrong: nobody is in the
 * queue twice, yielding does not put off timer interrupts, and no wake-up is lost
 * between STI and HLT.
 */
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "kernel/base/insn.h"
#include "kernel/base/stretch.h"
#include "kernel/debug/watchdog.h"
#include "kernel/task/sched.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

void idle_interrupted(void);

#define FAR_NS (60 * NSEC_PER_SEC)

static struct {
	struct task *volatile waiter;
	volatile bool over;
} woken;

static void stay_in_queue(void *arg __unused)
{
	while (!woken.over)
		sched_yield();
	task_exit(0);
}

/*
 * Wakes who waits for it, as a signal would, and ends while that one is in the
 * queue, behind stay_in_queue().
 */
static void wake_and_end(void *arg __unused)
{
	while (!woken.waiter || woken.waiter->state != TASK_SLEEPING)
		sched_yield();
	sched_wake(woken.waiter);
	task_exit(0);
}

static void wait_for_end(void *arg)
{
	sched_wait_for_exit(arg);
	task_exit(0);
}

/* Else the queue is cut off behind its first place: it panics. */
static void woken_twice(struct selftest *t)
{
	unsigned cpu = online_cpu(1);
	struct task *other, *ender;

	woken.waiter = NULL;
	woken.over = false;
	other = thread_run(t, stay_in_queue, NULL, cpu);
	ender = thread_run(t, wake_and_end, NULL, cpu);
	if (other && ender)
		woken.waiter = thread_run(t, wait_for_end, ender, cpu);
	if (woken.waiter)
		EXPECT_EQ(t, task_wait(woken.waiter), 0, "the waiter goes on and ends");
	if (woken.waiter)
		EXPECT_EQ(t, task_wait(ender), 0, "so did whom it waited for");
	woken.over = true;
	if (other)
		task_wait(other);
}

/*
 * A thread that yields sets the alarm anew, but not further than a period after
 * the last interrupt: the watchdog would report a CPU on which threads yield.
 */
static void yielding_keeps_ticks(struct selftest *t)
{
	const u64 period = 8 * NSEC_PER_MSEC, gone = 4 * NSEC_PER_MSEC;
	u64 before = sched_longest_sleep_ns, flags;
	u32 most, left;

	move_to_cpu(online_cpu(0));
	flags = interrupts_save();
	sched_longest_sleep_ns = period;
	clock_delay_ns(gone);
	clock_set_alarm(clock_ns() + period - gone);
	most = apic_timer_left();
	sched_yield();
	left = apic_timer_left();
	stretch_ignore(); /* the tick was to be held back for so long */
	sched_longest_sleep_ns = before;
	interrupts_restore(flags);
	move_to_cpu(ANY_CPU);
	EXPECT(t, left <= most, "the timer interrupt comes when it was to come");
}

/* An interrupt that comes between STI and HLT, in front of which an NMI was. */
static void early_interrupt(struct selftest *t)
{
	u64 flags, ticks;

	move_to_cpu(online_cpu(0));
	flags = interrupts_save();
	clock_set_alarm(clock_ns() + FAR_NS);
	ticks = this_cpu()->timer_interrupts;
	smp_kick(this_cpu()->cpu); /* held back */
	idle_interrupted();
	ticks = this_cpu()->timer_interrupts - ticks;
	interrupts_restore(flags);
	sched_yield(); /* sets the alarm anew */
	move_to_cpu(ANY_CPU);
	EXPECT_EQ(t, ticks, 0, "timer interrupts until it woke");
}

static const struct selftest_case cases[] = {
	{ "a waiter that was woken before is not put into the queue again", woken_twice },
	{ "an interrupt between STI and HLT ends the wait", early_interrupt },
	{ "yielding does not put off the timer interrupt", yielding_keeps_ticks },
};
SELFTEST_SUITE(sched_queue, cases);
