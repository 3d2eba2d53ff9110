/*
 * kernel/base/spinlock.h for the host tests: one thread, so a lock that is
 * taken twice, or left taken, is a bug, and panics.
 */
#ifndef KERNEL_BASE_SPINLOCK_H
#define KERNEL_BASE_SPINLOCK_H

#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/types.h"
#include "tests/host/arena.h"

struct spinlock {
	u32 locked;
	struct lock_check check;
};

#define SPINLOCK(rank) { .check = LOCK_CHECK(rank) }

static inline u64 spin_lock(struct spinlock *lock)
{
	ASSERT_OP(lock->locked, ==, 0);
	lock->locked = 1;
	arena.held = &lock->locked;
	return 0x202;
}

static inline void spin_unlock(struct spinlock *lock, u64 flags)
{
	ASSERT_OP(lock->locked, ==, 1);
	ASSERT_OP(flags, ==, 0x202);
	lock->locked = 0;
	arena.held = NULL;
}

#include "kernel/base/spin_guard.h"

#endif
