/*
 * The scheduler: one run queue for all CPUs, in turns of 10 ms.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "kernel/base/insn.h"
#include "kernel/task.h"

#define SCHED_SLICE_NS 10000000ULL

/*
 * The last step of a CPU's bring-up, on a stack of TASK_STACK_SIZE that ends
 * at stack_top: the caller becomes this CPU's idle task.  `first` (or NULL)
 * is made runnable.
 */
__noreturn void sched_run(virt_addr_t stack_top, struct task *first);

/* Makes a new task runnable, on the CPUs of its affinity. */
void sched_start(struct task *t);

/*
 * Gives the CPU away.  Panics on an entry or IST stack, or under a spinlock.
 * Context: task context, interrupts either way.
 */
void schedule(void);

/* schedule(), staying runnable. */
void sched_yield(void);

/* For long loops of system calls: lets others run if it is their turn. */
static inline void sched_point(void)
{
	if (unlikely(this_cpu_test(need_resched)))
		schedule();
}

/* Sleeps until clock_ns() >= when, or until sched_wake(). */
void sched_sleep_until(u64 when);

/* Ends the sleep of a task; nothing if it does not sleep. */
void sched_wake(struct task *t);

/* The current task becomes a zombie; wakes who waits for it. */
__noreturn void sched_exit(void);

/* Sleeps until t is a zombie and off its CPU. */
void sched_wait_for_exit(struct task *t);

/*
 * Before every return to user mode: runs what is due.  Returns with interrupts
 * off, and nothing due.
 */
void sched_while_due(void);
static inline void sched_before_user(void)
{
	interrupts_off();
	if (unlikely(this_cpu_test(need_resched)))
		sched_while_due();
}

#endif
