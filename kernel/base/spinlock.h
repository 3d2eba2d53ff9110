/*
 * Spinlocks.  One kind only: taking one turns interrupts off on this CPU, and
 * releasing it puts them back.  Under a spinlock there is no schedule() and no
 * TLB shootdown (both assert it through locks_held): a CPU that spins with
 * interrupts off could not answer.  The order of all locks: kernel/base/lock_rank.h.
 */
#ifndef KERNEL_BASE_SPINLOCK_H
#define KERNEL_BASE_SPINLOCK_H

#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/percpu.h"

struct spinlock {
	u32 locked;
	struct lock_check check;
};

/* For the definition of one: SPINLOCK(LOCK_FRAMES). */
/* clang-format off */
#define SPINLOCK(rank) { .check = LOCK_CHECK(rank) }
/* clang-format on */

/* Returns the flags to hand to spin_unlock(). */
static __lock_inline u64 spin_lock(struct spinlock *lock)
{
	u64 flags = interrupts_save();

	lock_check_want(&lock->check);
	while (unlikely(__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			cpu_relax();
	this_cpu_inc(locks_held);
	lock_check_got(&lock->check);
	return flags;
}

static __lock_inline void spin_unlock(struct spinlock *lock, u64 flags)
{
	lock_check_drop(&lock->check);
	this_cpu_dec(locks_held);
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

#include "kernel/base/spin_guard.h"

#endif
