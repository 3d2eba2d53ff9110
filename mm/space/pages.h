/*
 * The pages of an address space, as its page tables have them: for mm/space/mm.c and
 * mm/space/mm_range.c, which hold the lock of the struct mm.
 *
 * The functions on ranges let other tasks run, and end early in a task that is
 * about to die (seam_long_work_point()).  Those that return an address did all
 * that lies in front of it, at least one page: `end` if all is done.
 */
#ifndef MM_SPACE_PAGES_H
#define MM_SPACE_PAGES_H

#include "mm/space/mm.h"

/* Makes the page of zeroes.  Once, at boot, before there is an address space. */
void pages_init(void);

enum pages_touch { PAGES_READ, PAGES_WRITE, PAGES_FILL };

/*
 * The frame of `va` in `vma`, made present if it was not, for what the caller is going to
 * do with it.  PAGES_WRITE: a private page's frame is this entry's alone from then on, until
 * the next fork.  PAGES_FILL: so, too, and the caller is going to write every byte of it, for
 * what is there may be anything, of any program.  PAGES_READ: others may have it, too, and
 * nobody may change it.
 * 0, -ENOFRAME, or -ENXIO: `va` lies behind the end of the shared object.
 */
int pages_touch(struct mm *mm, const struct vma *vma, virt_addr_t va, enum pages_touch how,
		phys_addr_t *pa);

/* Does the entry of va, if any, allow the access that a fault's `error` (PF_*) tells of? */
bool pages_allow(struct mm *mm, virt_addr_t va, u64 error);

/*
 * Takes away the pages of [start, end): entries cleared, TLBs flushed, private
 * frames freed, in that order.  Areas do not matter.
 */
virt_addr_t pages_drop(struct mm *mm, virt_addr_t start, virt_addr_t end);

/*
 * Takes away all pages and all tables of the user half, of an address space that no CPU has
 * loaded and nobody else uses any more.
 */
void pages_free_all(struct mm *mm);

/*
 * How many frames its private pages are, for each its part: a page that k address spaces
 * have is a k-th of one in each, so that all of them together come to what there is.  Lets
 * others run; a task that is about to die gets less.
 */
u64 pages_measure(struct mm *mm);

/* Gives the pages of [start, end) other rights. */
virt_addr_t pages_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot);

/*
 * Moves the pages of [from, from + len) to `to`, where there are none; the
 * ranges do not overlap.  The first makes the tables at `to`: 0, -ENOFRAME or
 * -EINTR; the second then needs no memory, and returns an address of the old
 * place.
 */
int pages_prepare_move(struct mm *mm, virt_addr_t from, virt_addr_t to, u64 len);
virt_addr_t pages_move(struct mm *mm, virt_addr_t from, virt_addr_t to, u64 len);

/*
 * Shows the private pages of `from` in [start, end) in `to`, too, which has none there: no
 * entry of either may be written until pages_touch() has given it a frame of its own.  0,
 * -ENOFRAME or -EINTR.  Whatever it returns, the caller must flush the TLBs of `from` before
 * it gives the lock back.
 */
int pages_share(struct mm *to, struct mm *from, virt_addr_t start, virt_addr_t end);

#endif
