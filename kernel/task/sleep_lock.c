/*
 * The slow ways of sleep locks: waiting for one, and handing it to the task that has
 * waited longest.  The lock never becomes free in between, so no task is passed over.
 * A task that is killed while it waits leaves the list, if the caller asked for that.
 * Called through the seams by kernel/base/sleep_lock.h.
 */
#include "kernel/base/errno.h"
#include "kernel/base/percpu.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/task/sched.h"

/* False: the lock was free, and is the caller's now.  The caller holds the guard. */
static bool join(struct sleep_lock *lock, struct task *t)
{
	/* From here on the holder cannot let go without the guard. */
	if (__atomic_exchange_n(&lock->state, SLEEP_LOCK_WANTED, __ATOMIC_ACQUIRE) ==
	    SLEEP_LOCK_FREE)
		return false;
	t->has_lock = false;
	t->lock_next = NULL;
	t->lock_prev = lock->first ? lock->last : NULL;
	*(t->lock_prev ? &t->lock_prev->lock_next : &lock->first) = t;
	lock->last = t;
	return true;
}

static void leave(struct sleep_lock *lock, struct task *t)
{
	*(t->lock_prev ? &t->lock_prev->lock_next : &lock->first) = t->lock_next;
	*(t->lock_next ? &t->lock_next->lock_prev : &lock->last) = t->lock_prev;
}

void seam_sleep_lock_wait(struct sleep_lock *lock)
{
	struct task *t = current_task();
	SPIN_GUARD(&lock->guard);

	if (join(lock, t))
		while (!t->has_lock)
			sched_wait(&lock->guard);
}

/*
 * Other signals than SIGKILL stay for later: work_due is cleared, so that they do not
 * end the sleep, and set in the end, so that they are looked at before user mode.
 */
static bool wait_or_die(struct sleep_lock *lock, struct task *t)
{
	while (!t->has_lock) {
		__atomic_store_n(&t->work_due, false, __ATOMIC_SEQ_CST);
		if (task_must_die()) {
			leave(lock, t);
			return false;
		}
		sched_sleep(&lock->guard, ~0ULL);
	}
	return true;
}

int seam_sleep_lock_wait_killable(struct sleep_lock *lock)
{
	struct task *t = current_task();
	bool alive = true;

	if (!t->must_die || t->leaving) {
		seam_sleep_lock_wait(lock);
		return 0;
	}
	SPIN_GUARD(&lock->guard);
	if (join(lock, t)) {
		alive = wait_or_die(lock, t);
		t->work_due = true;
		this_cpu()->work_due = true; /* interrupts are off */
	}
	return alive ? 0 : -EINTR;
}

void seam_sleep_lock_hand_on(struct sleep_lock *lock)
{
	SPIN_GUARD(&lock->guard);
	struct task *t = lock->first;

	if (t) {
		leave(lock, t);
		t->has_lock = true;
		sched_wake(t);
	} else {
		__atomic_store_n(&lock->state, SLEEP_LOCK_FREE, __ATOMIC_RELEASE);
	}
}
