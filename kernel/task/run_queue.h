/*
 * The tasks that are runnable and on no CPU.  The caller holds the scheduler's lock.
 */
#ifndef KERNEL_TASK_RUN_QUEUE_H
#define KERNEL_TASK_RUN_QUEUE_H

#include "kernel/task/task.h"

/* Behind all others; `idle`: CPUs that have nothing to do. */
void run_queue_add(struct task *t, const struct cpumask *idle);
void run_queue_remove(struct task *t);

/* The next for this CPU, taken out; NULL: none. */
struct task *run_queue_take(unsigned cpu);

/* Is somebody waiting for this CPU? */
bool run_queue_has_work(unsigned cpu);

#endif
