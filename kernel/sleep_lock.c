/*
 * The slow ways of sleep locks: waiting for one, and handing it to who has
 * waited longest.  The lock never becomes free in between, so nobody is passed
 * over.  Called through the seams by kernel/base/sleep_lock.h.
 */
#include "kernel/base/sleep_lock.h"
#include "kernel/sched.h"

void seam_sleep_lock_wait(struct sleep_lock *lock)
{
	struct task *t = current_task();
	u64 flags = spin_lock(&lock->guard);

	/* From here on the holder cannot let go without the guard. */
	if (__atomic_exchange_n(&lock->state, SLEEP_LOCK_WANTED, __ATOMIC_ACQUIRE) ==
	    SLEEP_LOCK_FREE) {
		spin_unlock(&lock->guard, flags);
		return;
	}
	t->has_lock = false;
	t->lock_next = NULL;
	if (lock->first)
		lock->last->lock_next = t;
	else
		lock->first = t;
	lock->last = t;
	while (!t->has_lock) {
		sched_wait_unlock(&lock->guard, flags);
		flags = spin_lock(&lock->guard);
	}
	spin_unlock(&lock->guard, flags);
}

void seam_sleep_lock_hand_on(struct sleep_lock *lock)
{
	u64 flags = spin_lock(&lock->guard);
	struct task *t = lock->first;

	if (t) {
		lock->first = t->lock_next;
		t->has_lock = true;
		sched_wake(t);
	} else {
		__atomic_store_n(&lock->state, SLEEP_LOCK_FREE, __ATOMIC_RELEASE);
	}
	spin_unlock(&lock->guard, flags);
}
