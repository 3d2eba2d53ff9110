/*
 * Wait queues.  Programs choose how many watch one, so whoever tells them all lets go of the
 * lock after some, and leaves a place in the list meanwhile (kernel/base/list.h).  New ones
 * come in front of it, so the walk ends.
 */
#include "kernel/task/wait_queue.h"
#include "kernel/task/sched.h"

#define WAKES 16 /* in one go */

struct sleeper {
	struct link in_queue;
	struct task *task;
	bool woken;
};

/* A locked instruction: whoever waits looks only behind it. */
static void count(struct wait_queue *q, int n)
{
	__atomic_fetch_add(&q->waiting, (u32)n, __ATOMIC_SEQ_CST);
}

bool wait_queue_sleep(struct wait_queue *q, bool (*ready)(const void *), const void *of, u64 when)
{
	struct sleeper s = { .task = current_task() };
	SPIN_GUARD(&q->lock);

	list_append(&q->sleepers, &s.in_queue);
	count(q, 1);
	if (!ready(of))
		sched_sleep(&q->lock, when);
	if (!s.woken) {
		list_remove(&s.in_queue);
		count(q, -1);
	}
	return s.woken;
}

void wait_queue_add(struct wait_queue *q, struct watcher *w)
{
	SPIN_GUARD(&q->lock);

	list_add(&q->watchers, &w->in_queue);
	count(q, 1);
}

void wait_queue_remove(struct wait_queue *q, struct watcher *w)
{
	SPIN_GUARD(&q->lock);

	list_remove(&w->in_queue);
	count(q, -1);
}

bool wait_queue_wake_locked(struct wait_queue *q)
{
	struct sleeper *s = list_entry(list_first(&q->sleepers), struct sleeper, in_queue);

	if (!s)
		return false;
	list_remove(&s->in_queue);
	count(q, -1);
	s->woken = true;
	sched_wake(s->task);
	return true;
}

/* Others have their turn; returns what comes behind `at` then. */
static struct link *pause(struct wait_queue *q, struct link *at, u64 *flags)
{
	struct link place = { .is_place = true };

	list_add_behind(at, &place);
	spin_unlock(&q->lock, *flags);
	sched_point();
	*flags = spin_lock(&q->lock);
	at = list_next(&q->watchers, &place);
	list_remove(&place);
	return at;
}

void wait_queue_wake_listed(struct wait_queue *q)
{
	u64 flags = spin_lock(&q->lock);
	struct link *at = list_first(&q->watchers);

	wait_queue_wake_locked(q);
	for (unsigned done = 1; at; done++) {
		struct watcher *w = container_of(at, struct watcher, in_queue);

		w->wake(w);
		at = done % WAKES ? list_next(&q->watchers, at) : pause(q, at, &flags);
	}
	spin_unlock(&q->lock, flags);
}

static bool wake_one(struct wait_queue *q)
{
	SPIN_GUARD(&q->lock);

	return wait_queue_wake_locked(q);
}

/* Who sleeps again meanwhile is the last, so the number of now is enough. */
void wait_queue_wake_all(struct wait_queue *q)
{
	u32 most = __atomic_load_n(&q->waiting, __ATOMIC_RELAXED);

	for (wait_queue_wake(q); most && wake_one(q); most--)
		sched_point();
}
