/*
 * Locks for tasks: who waits for one sleeps, first come, first served, so they
 * may be held over TLB shootdowns and long work.  Not to be taken under a
 * spinlock or in an interrupt.  Zero is a free lock.
 */
#ifndef KERNEL_BASE_SLEEP_LOCK_H
#define KERNEL_BASE_SLEEP_LOCK_H

#include "kernel/base/seams.h"
#include "kernel/base/spinlock.h"

enum { SLEEP_LOCK_FREE, SLEEP_LOCK_HELD, SLEEP_LOCK_WANTED };

struct task;

struct sleep_lock {
	u32 state;             /* WANTED: held, and the list is to be looked at */
	struct spinlock guard; /* of the list */
	struct task *first, *last; /* who wait, by task->lock_next and lock_prev */
};

static inline void sleep_lock(struct sleep_lock *lock)
{
	u32 found = SLEEP_LOCK_FREE;

	if (unlikely(!__atomic_compare_exchange_n(&lock->state, &found, SLEEP_LOCK_HELD,
						  false, __ATOMIC_ACQUIRE,
						  __ATOMIC_RELAXED)))
		seam_sleep_lock_wait(lock);
}

/*
 * The same; 0, or -EINTR: the current task is about to die (seam_long_work_point()),
 * and the lock was not free.  One that is leaving already waits.
 */
static inline int sleep_lock_killable(struct sleep_lock *lock)
{
	u32 found = SLEEP_LOCK_FREE;

	if (likely(__atomic_compare_exchange_n(&lock->state, &found, SLEEP_LOCK_HELD,
					       false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		return 0;
	return seam_sleep_lock_wait_killable(lock);
}

static inline void sleep_unlock(struct sleep_lock *lock)
{
	u32 found = SLEEP_LOCK_HELD;

	if (unlikely(!__atomic_compare_exchange_n(&lock->state, &found, SLEEP_LOCK_FREE,
						  false, __ATOMIC_RELEASE,
						  __ATOMIC_RELAXED)))
		seam_sleep_lock_hand_on(lock);
}

#endif
