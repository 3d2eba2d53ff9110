/*
 * kernel/base/percpu.h for the host tests: one thread, which holds no spinlock.
 */
#ifndef KERNEL_BASE_PERCPU_H
#define KERNEL_BASE_PERCPU_H

#include "kernel/base/types.h"

struct percpu {
	u64 locks_held;
	u64 alarm;
};

static inline struct percpu *this_cpu(void)
{
	static struct percpu cpu;

	return &cpu;
}

#endif
