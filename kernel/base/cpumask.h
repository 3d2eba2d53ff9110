/*
 * Sets of CPUs, by our CPU numbers.  Set and clear are atomic; the rest reads
 * word by word, so that a set that others change is seen as of some moment.
 */
#ifndef KERNEL_BASE_CPUMASK_H
#define KERNEL_BASE_CPUMASK_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"

struct cpumask {
	u64 bits[NR_CPUS / 64];
};

static inline void cpumask_set(struct cpumask *m, unsigned cpu)
{
	__asm__ volatile("lock btsq %1, %0" : "+m"(*m) : "r"((u64)cpu) : "cc", "memory");
}

static inline void cpumask_clear(struct cpumask *m, unsigned cpu)
{
	__asm__ volatile("lock btrq %1, %0" : "+m"(*m) : "r"((u64)cpu) : "cc", "memory");
}

static inline bool cpumask_test(const struct cpumask *m, unsigned cpu)
{
	return __atomic_load_n(&m->bits[cpu / 64], __ATOMIC_SEQ_CST) & BIT(cpu % 64);
}

static inline bool cpumask_empty(const struct cpumask *m)
{
	static_assert(ARRAY_SIZE(m->bits) == 4, "all words");
	return !(m->bits[0] | m->bits[1] | m->bits[2] | m->bits[3]);
}

/* Does it name all CPUs, those that there are not included? */
static inline bool cpumask_full(const struct cpumask *m)
{
	static_assert(ARRAY_SIZE(m->bits) == 4, "all words");
	return (m->bits[0] & m->bits[1] & m->bits[2] & m->bits[3]) == ~0ULL;
}

static inline unsigned cpumask_count(const struct cpumask *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(m->bits); i++)
		n += (unsigned)__builtin_popcountll(m->bits[i]);
	return n;
}

/* The first CPU of the set that is >= cpu, or NR_CPUS.  The scheduler looks under its lock. */
static inline unsigned cpumask_next(const struct cpumask *m, unsigned cpu)
{
	while (cpu < NR_CPUS) {
		u64 rest = __atomic_load_n(&m->bits[cpu / 64], __ATOMIC_SEQ_CST) >> cpu % 64;

		if (rest)
			return cpu + (unsigned)__builtin_ctzll(rest);
		cpu = (cpu / 64 + 1) * 64;
	}
	return NR_CPUS;
}

/* The next CPU of the set behind cpu, coming round; the set is not empty. */
static inline unsigned cpumask_after(const struct cpumask *m, unsigned cpu)
{
	unsigned next = cpumask_next(m, cpu + 1);

	return next < NR_CPUS ? next : cpumask_next(m, 0);
}

#define for_each_cpu(cpu, mask) \
	for (unsigned cpu = cpumask_next(mask, 0); cpu < NR_CPUS; cpu = cpumask_next(mask, cpu + 1))

/* CPUs that run the kernel; only grows.  arch/machine/smp.c alone writes it. */
extern struct cpumask cpus_online;

#endif
