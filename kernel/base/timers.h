/*
 * Times at which something is due, the earliest first, however many there are.
 */
#ifndef KERNEL_BASE_TIMERS_H
#define KERNEL_BASE_TIMERS_H

#include "kernel/base/types.h"

struct timer {
	u64 when; /* clock_ns(); set before timers_add() */
	struct timer *left, *right, *up;
	u32 rank; /* 0: in no set */
};

/* A set is a pointer to its earliest timer; NULL: empty.  The caller has its lock. */
void timers_add(struct timer **set, struct timer *t);
void timers_remove(struct timer **set, struct timer *t);

static inline bool timers_has(const struct timer *t)
{
	return t->rank;
}

#endif
