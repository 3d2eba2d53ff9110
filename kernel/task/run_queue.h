/*
 * The tasks that are runnable and on no CPU.  The caller holds the scheduler's lock.
 */
#ifndef KERNEL_TASK_RUN_QUEUE_H
#define KERNEL_TASK_RUN_QUEUE_H

#include "kernel/task/task.h"

/* Behind all others. */
void run_queue_add(struct task *t);
void run_queue_remove(struct task *t);

/* The next for this CPU, taken out; NULL: none. */
struct task *run_queue_take(unsigned cpu);

/* A CPU has nothing to do, or has something again. */
void run_queue_set_idle(unsigned cpu, bool idle);

/* A CPU that has nothing to do and may run t, which it is to be told: idle no more.  NR_CPUS:
 * there is none. */
unsigned run_queue_claim_slowly(const struct task *t);
extern unsigned run_queue_idle_cpus;

static inline unsigned run_queue_claim_idle(const struct task *t)
{
	return likely(!run_queue_idle_cpus) ? NR_CPUS : run_queue_claim_slowly(t);
}

/* Is somebody waiting for this CPU? */
bool run_queue_has_work(unsigned cpu);

#endif
