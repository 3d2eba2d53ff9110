/*
 * A spinlock for a scope; part of kernel/base/spinlock.h, and of what stands for that in
 * the host tests.
 */
#ifndef KERNEL_BASE_SPIN_GUARD_H
#define KERNEL_BASE_SPIN_GUARD_H

/*
 * SPIN_GUARD(&lock); takes the lock until the end of the scope it stands in, whichever
 * way that is left.  One a scope.
 * SPIN_SCOPE(&lock) takes it for the statement that follows; no `break` in that.
 */
struct spin_guard {
	struct spinlock *lock;
	u64 flags;
};

static __lock_inline void spin_guard_end(struct spin_guard *g)
{
	spin_unlock(g->lock, g->flags);
}

#define SPIN_GUARD(taken)                                                             \
	__attribute__((cleanup(spin_guard_end), unused)) struct spin_guard guard_ = { \
		.lock = (taken),                                                      \
		.flags = spin_lock(taken),                                            \
	}

#define SPIN_SCOPE(taken) \
	for (struct spin_guard guard_ __attribute__((cleanup(spin_guard_end))) = {       \
		     .lock = (taken),                                                    \
		     .flags = spin_lock(taken),                                          \
	     }, *once_ = &guard_;                                                        \
	     once_; once_ = NULL)

#endif
