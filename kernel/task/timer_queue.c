/*
 * A kernel thread sleeps until the first of all timers of a queue is due; setting an
 * earlier one wakes it.
 */
#include "arch/machine/clock.h"
#include "kernel/base/log.h"
#include "kernel/task/sched.h"
#include "kernel/task/timer_queue.h"

/* Before others may have the lock: programs choose how many are due. */
#define AT_ONCE 16

/* Serves what is due, some at a time; when the next one is. */
static u64 serve(struct timer_queue *q)
{
	u64 now = clock_ns();

	for (unsigned i = 0; q->first && q->first->when <= now && i < AT_ONCE; i++) {
		struct timer *t = q->first;

		timers_remove(&q->first, t);
		q->expire(t, now);
	}
	return q->first ? q->first->when : ~0ULL;
}

static void run(void *queue)
{
	struct timer_queue *q = queue;

	for (;;) {
		SPIN_GUARD(q->lock);

		sched_sleep(q->lock, serve(q));
	}
}

void timer_queue_start(struct timer_queue *q, const char *name)
{
	q->thread = task_create(name, run, q);
	if (!q->thread)
		panic("%s: no memory for its thread", name);
	sched_start(q->thread);
}

void timer_queue_set(struct timer_queue *q, struct timer *t, u64 when)
{
	if (timers_has(t))
		timers_remove(&q->first, t);
	t->when = when;
	if (when)
		timers_add(&q->first, t);
	if (q->first == t)
		sched_wake(q->thread);
}
