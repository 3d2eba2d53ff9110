/*
 * kernel/base/phys.h for the host tests: physical memory is an arena of ordinary
 * memory, from address 0 on (tests/host/arena.h).
 */
#ifndef KERNEL_BASE_PHYS_H
#define KERNEL_BASE_PHYS_H

#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/types.h"
#include "tests/host/arena.h"

#define PFN(pa) ((pa) >> PAGE_SHIFT)

static inline void *phys_to_virt(phys_addr_t pa)
{
	ASSERT_OP(pa, <, arena.size);
	return arena.base + pa;
}

static inline phys_addr_t virt_to_phys(const void *p)
{
	u64 pa = (u64)((const u8 *)p - arena.base);

	ASSERT_OP(pa, <, arena.size);
	return pa;
}

#endif
