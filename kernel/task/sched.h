/*
 * The scheduler: all CPUs share one run queue, in turns of 10 ms, but for tasks that
 * may not run on all of them.
 */
#ifndef KERNEL_TASK_SCHED_H
#define KERNEL_TASK_SCHED_H

#include "kernel/base/insn.h"
#include "kernel/base/spinlock.h"
#include "kernel/task/task.h"

#define SCHED_SLICE_NS 10000000ULL
#define SLICE_SLACK_NS (SCHED_SLICE_NS / 16) /* a tick so soon before its end is its end */

/*
 * The last step of a CPU's bring-up, on the stack of `idle` (task_create_idle()): the
 * caller becomes this CPU's idle task.  `first` (or NULL) is made runnable.
 */
__noreturn void sched_run(struct task *idle, struct task *first);

/*
 * A new task's first step (entry_task_start calls it): the switch to it is done.
 * Context: interrupts off, the scheduler's lock held; both end here.
 */
void sched_task_started(void);

/* Makes a new task runnable, on the CPUs of its affinity. */
void sched_start(struct task *t);

/*
 * Gives the CPU away.  Panics on an entry or IST stack, or under a spinlock.
 * Context: task context, interrupts either way.
 */
void schedule(void);

/* schedule(), staying runnable. */
void sched_yield(void);

/*
 * Every CPU takes a timer interrupt within so many ns, idle or not: the watchdog and
 * the clock count on it.  At most a quarter of watchdog_limit_ns.  Tests lower it, for
 * the slices that begin then.
 */
#define SCHED_LONGEST_SLEEP_NS 1000000000ULL
extern u64 sched_longest_sleep_ns;

/*
 * At each timer interrupt: wakes the tasks whose time has come, sets the next alarm.
 * Context: interrupts off.
 */
void sched_tick(void);

/* Makes this CPU call schedule() on its next way out.  Context: interrupts off. */
static inline void sched_set_need_resched(void)
{
	this_cpu()->need_resched = true;
	this_cpu()->work_due = true;
}

/* For long loops of system calls: lets others run if it is their turn. */
static inline void sched_point(void)
{
	stretch_point();
	might_sleep();
	if (unlikely(this_cpu_test(need_resched)))
		schedule();
}

/*
 * Sleeps until clock_ns() >= when, or until sched_wake(), or until a signal is
 * due (task->work_due): it may return early, and every caller looks again for
 * what it waits for.  ~0 is no time at all, and needs no timer.
 */
void sched_sleep_until(u64 when);

/*
 * The same with a lock held, and held again on return: it is free in between, from when no
 * wake-up can be missed any more.
 */
void sched_sleep(struct spinlock *lock, u64 when);

/*
 * With a lock, likewise: sleeps, whatever is due, until sched_wake() or sched_notify(); the
 * caller looks again.  For waits that only the end of the process cuts short.
 */
void sched_wait(struct spinlock *lock);

/*
 * t->work_due was set, or something else t must look at before it runs user
 * code: ends its sleep, or interrupts the CPU on which it runs.
 */
void sched_notify(struct task *t);

/* Ends the sleep of a task; nothing if it does not sleep. */
void sched_wake(struct task *t);

/*
 * Halts the CPU until an interrupt (kernel/task/idle.asm).  Context: interrupts off;
 * they are on when it returns.  An interrupt that comes at idle_halt, its HLT, must
 * return behind it.
 */
void idle_wait(void);
extern const u8 idle_halt[];

/* The current task becomes a zombie; wakes the task that waits for it. */
__noreturn void sched_exit(void);

/* Sleeps until t is a zombie and off its CPU. */
void sched_wait_for_exit(struct task *t);

/*
 * Changes on which CPUs t, which has been started, may run; the set has one
 * that is online.  If t is the caller, it is on one of them when this returns;
 * else t moves at once or at its next interrupt.
 */
void sched_set_affinity(struct task *t, const struct cpumask *cpus);
void sched_get_affinity(const struct task *t, struct cpumask *cpus);

/*
 * Nanoseconds that t has been on a CPU; and all tasks that ever counted in *group
 * (task->group_run_ns).  Any context.
 */
u64 sched_run_ns(const struct task *t);
u64 sched_group_run_ns(const u64 *group);

#endif
