/*
 * Counts of a frame's holders beyond the first.  It is 0 for a frame that is free, or that
 * one alone has, so that neither taking nor freeing a frame looks at it.
 */
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"

#define PINNED (~0u)

void frame_hold(phys_addr_t pa)
{
	u32 *others = &frame_others[PFN(pa)];
	u32 n = __atomic_load_n(others, __ATOMIC_RELAXED);

	while (n != PINNED && !__atomic_compare_exchange_n(others, &n, n + 1, true,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* What all did with the frame comes before it is free, or is one's alone. */
bool frame_drop(phys_addr_t pa)
{
	u32 *others = &frame_others[PFN(pa)];
	u32 n = __atomic_load_n(others, __ATOMIC_ACQUIRE);

	while (n != 0 && n != PINNED &&
	       !__atomic_compare_exchange_n(others, &n, n - 1, true, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
	return n == 0;
}

void frame_release(phys_addr_t pa)
{
	if (frame_drop(pa))
		frame_free(pa);
}

u64 frame_holders(phys_addr_t pa)
{
	return __atomic_load_n(&frame_others[PFN(pa)], __ATOMIC_RELAXED) + 1ULL;
}

bool frame_has_others(phys_addr_t pa)
{
	return __atomic_load_n(&frame_others[PFN(pa)], __ATOMIC_ACQUIRE) != 0;
}

void frame_pin(phys_addr_t pa)
{
	__atomic_store_n(&frame_others[PFN(pa)], PINNED, __ATOMIC_RELAXED);
}
