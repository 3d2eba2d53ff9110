/*
 * Locks for tasks: a task that waits for one sleeps, first come, first served, so a
 * holder may do long work and TLB shootdowns.  Must not be taken under a spinlock or
 * in an interrupt.  Zero is a free lock, but for its rank.
 */
#ifndef KERNEL_BASE_SLEEP_LOCK_H
#define KERNEL_BASE_SLEEP_LOCK_H

#include "kernel/base/seams.h"
#include "kernel/base/spinlock.h"

enum { SLEEP_LOCK_FREE, SLEEP_LOCK_HELD, SLEEP_LOCK_WANTED };

struct task;

struct sleep_lock {
	u32 state;                 /* WANTED: held, and the list has waiters */
	struct spinlock guard;     /* of the list */
	struct task *first, *last; /* the waiters, by task->lock_next and lock_prev */
	struct lock_check check;
};

/* For the definition of one: SLEEP_LOCK(LOCK_MM); and for one in zeroed memory. */
/* clang-format off */
#define SLEEP_LOCK(rank) \
	{ .guard = SPINLOCK(LOCK_SLEEP_GUARD), .check = LOCK_CHECK(rank) }
/* clang-format on */

static inline void sleep_lock_init(struct sleep_lock *lock, enum lock_rank rank)
{
	lock_check_init(&lock->guard.check, LOCK_SLEEP_GUARD);
	lock_check_init(&lock->check, rank);
}

static __lock_inline void sleep_lock(struct sleep_lock *lock)
{
	u32 found = SLEEP_LOCK_FREE;

	lock_check_want(&lock->check);
	if (unlikely(!__atomic_compare_exchange_n(&lock->state, &found, SLEEP_LOCK_HELD, false,
						  __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		seam_sleep_lock_wait(lock);
	lock_check_got(&lock->check);
}

/*
 * The same; 0, or -EINTR: the current task is about to die (seam_long_work_point()),
 * and the lock was not free.  One that is leaving already waits.
 */
static __lock_inline int sleep_lock_killable(struct sleep_lock *lock)
{
	u32 found = SLEEP_LOCK_FREE;
	int err;

	lock_check_want(&lock->check);
	if (likely(__atomic_compare_exchange_n(&lock->state, &found, SLEEP_LOCK_HELD, false,
					       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))) {
		lock_check_got(&lock->check);
		return 0;
	}
	err = seam_sleep_lock_wait_killable(lock);
	if (!err)
		lock_check_got(&lock->check);
	return err;
}

static __lock_inline void sleep_unlock(struct sleep_lock *lock)
{
	u32 found = SLEEP_LOCK_HELD;

	lock_check_drop(&lock->check);
	if (unlikely(!__atomic_compare_exchange_n(&lock->state, &found, SLEEP_LOCK_FREE, false,
						  __ATOMIC_RELEASE, __ATOMIC_RELAXED)))
		seam_sleep_lock_hand_on(lock);
}

#endif
