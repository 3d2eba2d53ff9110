/*
 * Physical memory as the kernel sees it: through the direct map of slot 273,
 * which covers all RAM once mm/kernel_map.c has run, and the first 4 GiB from
 * the first instruction of C on.  Host tests put an arena in its place with a
 * header of the same name (tests/host/include/kernel/base/phys.h).
 */
#ifndef KERNEL_BASE_PHYS_H
#define KERNEL_BASE_PHYS_H

#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/types.h"

#define PFN(pa) ((pa) >> PAGE_SHIFT)

/* pa: any address of RAM. */
static inline void *phys_to_virt(phys_addr_t pa)
{
	ASSERT_OP(pa, <, DIRECT_MAP_END - DIRECT_MAP_BASE);
	return (void *)(DIRECT_MAP_BASE + pa);
}

/*
 * The same before mm/kernel_map.c has run: NULL for what the temporary map
 * does not show whole.
 */
static inline const void *phys_to_virt_early(phys_addr_t pa, size_t size)
{
	if (pa >= EARLY_MAP_END || size > EARLY_MAP_END - pa)
		return NULL;
	return phys_to_virt(pa);
}

/* p: an address in the direct map, not in the image or the vmap area. */
static inline phys_addr_t virt_to_phys(const void *p)
{
	virt_addr_t va = (virt_addr_t)p;

	ASSERT_OP(va - DIRECT_MAP_BASE, <, DIRECT_MAP_END - DIRECT_MAP_BASE);
	return va - DIRECT_MAP_BASE;
}

/* p: an address in the kernel image. */
static inline phys_addr_t image_to_phys(const void *p)
{
	ASSERT_OP((virt_addr_t)p, >=, KERNEL_BASE);
	return (virt_addr_t)p - KERNEL_BASE;
}

#endif
