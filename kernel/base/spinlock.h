/*
 * Spinlocks.  One kind only: taking one turns interrupts off on this CPU, and
 * releasing it puts them back.  Under a spinlock there is no schedule() and no
 * TLB shootdown (both assert it through locks_held): a CPU that spins with
 * interrupts off could not answer.
 */
#ifndef KERNEL_BASE_SPINLOCK_H
#define KERNEL_BASE_SPINLOCK_H

#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"

struct spinlock {
	u32 locked;
};

/* Returns the flags to hand to spin_unlock(). */
static inline u64 spin_lock(struct spinlock *lock)
{
	u64 flags = interrupts_save();

	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			cpu_relax();
	this_cpu_inc(locks_held);
	return flags;
}

static inline void spin_unlock(struct spinlock *lock, u64 flags)
{
	this_cpu_dec(locks_held);
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

#endif
