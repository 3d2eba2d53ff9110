/*
 * Pages of ranges: making them present, taking them away, and locking areas.
 *
 * The functions take mm->lock themselves: see mm/space/mm.h for what that asks of callers.
 */
#ifndef MM_SPACE_MLOCK_H
#define MM_SPACE_MLOCK_H

#include "kernel/base/types.h"
#include "mm/space/mm.h"

/*
 * Takes away the pages of [start, end), or makes all present, as far as their
 * rights allow; the areas stay.  0, or -ENOMEM: parts have no area (the others
 * are done); -ENOFRAME; -EINVAL: a page may not be touched, or has not the
 * rights needed (VMA_x); -EFAULT: it is behind the end of a shared object.  start
 * and end are pages.  Locked pages are not taken away unless `locked_too`: -EINVAL.
 */
long mm_discard(struct mm *mm, virt_addr_t start, virt_addr_t end, bool locked_too);
long mm_populate(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned need);

/*
 * 0 if there is an area at every address of the range, else -ENOMEM; -EINVAL: some of
 * it is locked, and not `locked_too`.
 */
long mm_check_range(struct mm *mm, virt_addr_t start, virt_addr_t end, bool locked_too);

/*
 * As mlock, munlock and mlockall, but that nothing is made present: `lock` is
 * VMA_LOCKED, that with VMA_ONFAULT, or 0.  The second is for areas that are there
 * and for those that come.  0, -EPERM, -ENOMEM (holes, too many areas, RLIMIT_MEMLOCK), -ENOFRAME.
 */
long mm_lock(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned lock);
long mm_lock_all(struct mm *mm, bool current, bool future, unsigned lock);

/*
 * Makes present what is locked in [start, end), but where ONFAULT was asked for.
 * Returns as mm_populate(); where a page cannot be had, `best` goes on with the next
 * area.
 */
long mm_populate_locked(struct mm *mm, virt_addr_t start, virt_addr_t end, bool best);

#endif
