/*
 * What is told of every lock, and of every place that may sleep: nothing here, but
 * the debug build (tests/debug/locks/lock_check.c) checks them against the order of
 * kernel/base/lock_rank.h, and panics on the first fault: a wrong order, the same
 * lock twice, a sleep under a spinlock, a lock without a rank.
 *
 * IST events in kernel mode are left out: they come at any instruction, and take
 * no lock but the console's, which allows for them.
 */
#ifndef KERNEL_BASE_LOCK_CHECK_H
#define KERNEL_BASE_LOCK_CHECK_H

#include "kernel/base/lock_rank.h"
#include "kernel/base/types.h"

/* The debug build has taking and releasing inlined always: a place is the caller's. */
#define __lock_inline inline

/* In each lock, and in each task; of size 0 here. */
struct lock_check {
};
struct lock_stack {
};

/* For the definition of a lock; lock_check_init() is for one in zeroed memory. */
#define LOCK_CHECK(rank) \
	{                \
	}
static inline void lock_check_init(struct lock_check *lock __unused, enum lock_rank rank __unused)
{
}

/* The lock is wanted (before the caller waits for it), is the caller's, is given back. */
static inline void lock_check_want(const struct lock_check *lock __unused) {}
static inline void lock_check_got(const struct lock_check *lock __unused) {}
static inline void lock_check_drop(const struct lock_check *lock __unused) {}

/*
 * As Linux's: here the caller may give its CPU away, or wait for other CPUs, if not
 * this time.
 */
static inline void might_sleep(void) {}

/* It may sleep until another task does something; `lock` it gives up for that. */
static inline void might_wait(void) {}
static inline void might_wait_with(const struct lock_check *lock __unused) {}

/* Here the caller may take a lock of this rank; a fault on user memory takes MM. */
static inline void might_lock(enum lock_rank rank __unused) {}

/* The current task ends, or returns to user mode: it holds no lock. */
static inline void lock_check_none(void) {}

/* A panic: from here on nothing is checked. */
static inline void lock_check_end(void) {}

#endif
