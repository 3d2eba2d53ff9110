/*
 * Areas of a struct mm: lookup, room, cutting, merging, sums.
 * Touches no page table.  Called by mm/, with the lock of the struct mm held, in task
 * context; what walks over many areas lets other tasks run.
 *
 * A change that needs memory or may be one too many is prepared first: 0, -ENOMEM (more
 * than MM_MAX_VMAS areas, or none where one must be) or -ENOFRAME (no memory), and nothing
 * has changed.  The change itself cannot fail.  A pointer to an area is good until the next
 * change.
 */
#ifndef MM_SPACE_VMA_H
#define MM_SPACE_VMA_H

#include "kernel/base/errno.h"
#include "mm/space/mm.h"

/*
 * The first area that ends above `addr`, and the next; NULL: there is none.
 *	for (vma = vma_first(mm, &at, 0); vma; vma = vma_next(mm, &at))
 */
const struct vma *vma_first(struct mm *mm, struct vma_at *at, virt_addr_t addr);
const struct vma *vma_next(struct mm *mm, struct vma_at *at);

/* Goes on over areas that touch: returns where the last ends, *vma is what comes behind. */
virt_addr_t vma_run(struct mm *mm, struct vma_at *at, const struct vma **vma);

/* The area that holds addr, or NULL. */
const struct vma *vma_find(const struct mm *mm, virt_addr_t addr);

/* The area above `start` that may grow down to it as far as its neighbour below is
 * concerned; or NULL.  The other makes it grow. */
const struct vma *vma_growing(struct mm *mm, virt_addr_t start);
void vma_grow_down(struct mm *mm, virt_addr_t start);

/* Nothing lies in [start, end). */
bool vma_range_free(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* The same, and above it is the gap that an area which grows down wants. */
bool vma_room_free(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* How far, from `start`, areas lie without a hole; at most `end`. */
virt_addr_t vma_covered_to(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* An area lies at every address of [start, end). */
bool vma_covers(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* Is what is written there seen by this address space alone? */
static inline bool vma_is_private(const struct vma *vma)
{
	return !vma->shared || (vma->flags & VMA_PRIVATE);
}

/* Is it private and writable, and no stack?  Linux calls that data. */
static inline bool vma_is_data(const struct vma *vma)
{
	return (vma->prot & VMA_WRITE) && vma_is_private(vma) && !(vma->flags & VMA_GROWSDOWN);
}

/* Bytes of areas in [start, end), and of those that are locked; mm->bytes has them of all. */
u64 vma_bytes(struct mm *mm, virt_addr_t start, virt_addr_t end);
u64 vma_locked_bytes(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* Prepares for `more` areas (5 at most) and a cut. */
static inline int vma_prepare(struct mm *mm, unsigned more)
{
	if (unlikely(mm->areas.count + more > MM_MAX_VMAS))
		return -ENOMEM;
	return areas_reserve(&mm->areas, more + 2);
}

/*
 * Adds an area where nothing lies, with the caller's hold on vma->shared; merges with
 * neighbours.
 */
void vma_insert(struct mm *mm, const struct vma *vma);

/* Would cutting [start, end) out leave two areas of one? */
bool vma_is_hole(const struct mm *mm, virt_addr_t start, virt_addr_t end);

static inline int vma_prepare_remove(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return vma_prepare(mm, mm->areas.count < MM_MAX_VMAS || vma_is_hole(mm, start, end));
}

/*
 * Cuts [start, end) out, and with it the holds on what was shared: no page of it may be in
 * the tables any more.
 */
void vma_remove(struct mm *mm, virt_addr_t start, virt_addr_t end);
void vma_remove_all(struct mm *mm);

/*
 * Changes the rights of [start, end), or of the first part of it.  The first says before
 * whether that is possible: an area is everywhere, and there is room.
 */
int vma_prepare_protect(struct mm *mm, virt_addr_t start, virt_addr_t end);
void vma_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot);

/*
 * The same for the flags of `mask`, which become `flags`; not VMA_GROWSDOWN.  There need
 * not be an area everywhere.
 */
void vma_set_flags(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned mask,
		   unsigned flags);

/* All areas of the parent for a child that has none, none of them locked. */
int vma_copy(struct mm *child, const struct mm *parent);

#endif
