/*
 * Wait queues: who wants to know that something of a file has changed.
 *
 * Two kinds wait.  Sleepers, inside a read or write, of whom a wake-up takes one: there is
 * work for one.  Watchers, of poll() and epoll, all of whom are told.
 *
 * No wake-up is lost: who waits is listed first, and looks then; who wakes changes
 * something first, and looks into the list then.
 */
#ifndef KERNEL_TASK_WAIT_QUEUE_H
#define KERNEL_TASK_WAIT_QUEUE_H

#include "kernel/base/list.h"
#include "kernel/base/spinlock.h"

/* A zeroed one is empty, but for its lock's rank: wait_queue_init(). */
struct wait_queue {
	struct spinlock lock;
	struct link sleepers, watchers;
	u32 waiting; /* of both kinds; read without the lock */
};

/* It must be removed before its memory, or the queue's, goes. */
struct watcher {
	struct link in_queue;
	void (*wake)(struct watcher *w); /* the queue's lock is held */
};

static inline void wait_queue_init(struct wait_queue *q)
{
	lock_check_init(&q->lock.check, LOCK_WAIT_QUEUE);
}

/*
 * Sleeps once, unless ready(of), until woken, clock_ns() >= when, or a signal is due; may
 * come back early.  True: a wake-up was taken.  Whoever does not use it up, or leaves
 * something for another sleeper, must wake the queue.  ready() is called with a spinlock
 * held.  Context: a task's, no spinlock held.
 */
bool wait_queue_sleep(struct wait_queue *q, bool (*ready)(const void *), const void *of, u64 when);

void wait_queue_add(struct wait_queue *q, struct watcher *w);
void wait_queue_remove(struct wait_queue *q, struct watcher *w);

void wait_queue_wake_listed(struct wait_queue *q);

/* Wakes one sleeper, and no watcher.  False: there is none.  The queue's lock is held. */
bool wait_queue_wake_locked(struct wait_queue *q);

/*
 * Wakes one sleeper and all watchers.  What they wait for was changed before by a locked
 * instruction, or under a lock that one has released.  Context: a task's, no spinlock held;
 * the caller holds what the queue is in, and others may run.
 */
static inline bool wait_queue_has(const struct wait_queue *q)
{
	return unlikely(__atomic_load_n(&q->waiting, __ATOMIC_RELAXED));
}

static inline void wait_queue_wake(struct wait_queue *q)
{
	if (wait_queue_has(q))
		wait_queue_wake_listed(q);
}

/* The same, but all sleepers: they wait for different things. */
void wait_queue_wake_all(struct wait_queue *q);

#endif
