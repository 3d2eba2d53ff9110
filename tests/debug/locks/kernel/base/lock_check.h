/*
 * The twin of kernel/base/lock_check.h in a debug build: tests/debug/locks/lock_check.c.
 * A place is the return address of these functions: the code that takes a lock is
 * inlined where it is taken.
 */
#ifndef KERNEL_BASE_LOCK_CHECK_H
#define KERNEL_BASE_LOCK_CHECK_H

#include "kernel/base/lock_rank.h"
#include "kernel/base/types.h"

#define __lock_inline inline __attribute__((always_inline))

struct lock_check {
	enum lock_rank rank;
};

#define LOCKS_DEEP 8

/* What a task, or a CPU, holds, in the order in which it was taken. */
struct lock_stack {
	unsigned count;
	struct {
		const struct lock_check *lock;
		enum lock_rank rank;
		u64 place;
	} held[LOCKS_DEEP];
};

#define LOCK_CHECK(lock_rank_) { .rank = (lock_rank_) }
void lock_check_init(struct lock_check *lock, enum lock_rank rank);

void lock_check_want(const struct lock_check *lock);
void lock_check_got(const struct lock_check *lock);
void lock_check_drop(const struct lock_check *lock);
void might_sleep(void);
void might_wait(void);
void might_wait_with(const struct lock_check *lock);
void might_lock(enum lock_rank rank);
void lock_check_none(void);
void lock_check_end(void);

#endif
