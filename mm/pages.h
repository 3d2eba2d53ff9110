/*
 * The pages of an address space, as its page tables have them: for mm/mm.c and
 * mm/mm_range.c, which hold the lock of the struct mm.
 */
#ifndef MM_PAGES_H
#define MM_PAGES_H

#include "mm/mm.h"

/* The frame of `va` in `vma`, made present if it was not.  NO_FRAME: no memory. */
phys_addr_t pages_touch(struct mm *mm, const struct vma *vma, virt_addr_t va);

/*
 * Takes away the pages of [start, end): entries cleared, TLBs flushed, private
 * frames freed, in that order.  Areas do not matter.
 */
void pages_drop(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* Gives the pages of [start, end) other rights. */
void pages_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot);

/*
 * Moves the pages of [from, from + len) to `to`, where there are none; the
 * ranges do not overlap.  -ENOMEM: none has been moved.
 */
int pages_move(struct mm *mm, virt_addr_t from, virt_addr_t to, u64 len);

/* Copies the private pages of an area of `from` into `to`, which has none there. */
int pages_copy(struct mm *to, struct mm *from, const struct vma *vma);

#endif
