/*
 * Pages of a guest at whose address the processor finds a descriptor table of ours, while
 * the guest's own bytes lie elsewhere (kernel/guest/).
 *
 *   the guest's address           a frame of ours: supervisor, RW, NX, in both PGDs, the
 *                                 only kind of such a page in a user half (PTE_OVERLAY)
 *   the same + OVERLAY_KEPT       the guest's frame, absent for the processor
 *
 * Either frame goes with the address space, whatever becomes of the guest.  The area has
 * no rights meanwhile, so faults, futexes and mappings are refused there as in one of
 * PROT_NONE.  copy_to_user() is not: SMAP says nothing of supervisor pages.  So a process
 * with such a page must make no system call, and kernel/guest/ lets it make none.
 */
#ifndef MM_SPACE_OVERLAY_H
#define MM_SPACE_OVERLAY_H

#include "mm/space/mm.h"

/* Beyond what 32-bit code can reach. */
#define OVERLAY_KEPT 0x100000000

struct overlay_page {
	virt_addr_t va;
	u64 *guest; /* its bytes, and ours: direct map, good until overlay_uncover() */
	u64 *ours;
};

/*
 * Memory from address 0 on, RW, zeroed at the first touch, in an empty address space, with
 * room to keep covered pages in.  0, or -ENOFRAME.
 */
int overlay_make_memory(struct mm *mm, u64 size);

/*
 * The frame of an address from OVERLAY_KEPT on that mm_write() has made: direct map, good
 * as long as the address space.
 */
void *overlay_kept(struct mm *mm, virt_addr_t va);

/*
 * Covers the page at p->va, of such memory, with a zeroed frame; it becomes present if it
 * was not.  0; -EACCES: code may run there; -ENOMEM, -ENOFRAME, -EINTR: nothing has changed.
 * overlay_uncover() gives the guest its page back; it cannot fail.  Context: task context,
 * no lock held, GDTR and LDTR not on the page.
 */
int overlay_cover(struct mm *mm, struct overlay_page *p);
void overlay_uncover(struct mm *mm, const struct overlay_page *p);

#endif
