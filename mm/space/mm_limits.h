/*
 * What the limits of the current process let an address space become.
 */
#ifndef MM_SPACE_MM_LIMITS_H
#define MM_SPACE_MM_LIMITS_H

#include "mm/space/mm.h"

/*
 * May `more` bytes be added, and be data, too (mm/space/vma.h)?  RLIMIT_AS, RLIMIT_DATA.
 * The lock is held, as in all of these.
 */
bool mm_may_grow(const struct mm *mm, u64 more, bool data);

/* The same for pages that exist and would become data. */
bool mm_may_be_data(const struct mm *mm, u64 more);

/*
 * RLIMIT_MEMLOCK, from which root is exempt: may anything be locked at all, and
 * `more` bytes besides what is?
 */
bool mm_can_lock(void);
bool mm_may_lock(const struct mm *mm, u64 more);

/*
 * The area that holds addr, after it has grown down to it if it is a stack: as far
 * as RLIMIT_STACK and the others allow, and the gap below.  NULL: there is none.
 */
const struct vma *mm_find_or_grow(struct mm *mm, virt_addr_t addr);

#endif
