/*
 * Claims: locks without a way to wait.  claim_try() takes one or says that another
 * has it, and the caller knows what to do meanwhile: answer other CPUs
 * (arch/machine/ipi_call.c), sleep (the line of kernel/files/tty.c), or leave the work to the
 * other (the watchdog's report, polling the console).  Zero is a free claim.
 */
#ifndef KERNEL_BASE_CLAIM_H
#define KERNEL_BASE_CLAIM_H

#include "kernel/base/lock_check.h"
#include "kernel/base/types.h"

struct claim {
	u32 taken;
	struct lock_check check;
};

/* For the definition of one: CLAIM(LOCK_REPORT). */
/* clang-format off */
#define CLAIM(rank) { .check = LOCK_CHECK(rank) }
/* clang-format on */

/* True: the caller's, until claim_drop().  Context: of a rank that SPINS, interrupts off. */
static __lock_inline bool claim_try(struct claim *c)
{
	bool mine;

	lock_check_want(&c->check);
	mine = !__atomic_exchange_n(&c->taken, 1, __ATOMIC_ACQUIRE);
	if (mine)
		lock_check_got(&c->check);
	return mine;
}

static __lock_inline void claim_drop(struct claim *c)
{
	lock_check_drop(&c->check);
	__atomic_store_n(&c->taken, 0, __ATOMIC_RELEASE);
}

#endif
