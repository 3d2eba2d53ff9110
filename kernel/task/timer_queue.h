/*
 * Timers with a kernel thread that does what is due.
 */
#ifndef KERNEL_TASK_TIMER_QUEUE_H
#define KERNEL_TASK_TIMER_QUEUE_H

#include "kernel/base/spinlock.h"
#include "kernel/base/timers.h"

struct task;

struct timer_queue {
	struct spinlock *lock; /* of the caller: guards the timers, held in expire() */
	void (*expire)(struct timer *t, u64 now); /* t is not set; may be set again */
	struct timer *first;                      /* of those that are set */
	struct task *thread;
};

/* Starts the thread of a queue whose first two members are set.  Boot; no memory: panic. */
void timer_queue_start(struct timer_queue *q, const char *name);

/* t expires once clock_ns() >= when; 0: not at all.  The lock is held. */
void timer_queue_set(struct timer_queue *q, struct timer *t, u64 when);

#endif
