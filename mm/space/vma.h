/*
 * The sorted array of areas in a struct mm: lookup, room, cutting, merging.
 * Touches no page table.  Called by mm/, with the lock of the struct mm held.
 */
#ifndef MM_SPACE_VMA_H
#define MM_SPACE_VMA_H

#include "mm/frames/live.h"
#include "mm/space/mm.h"

/* Areas from mm->vma[n] on are room: mm/frames/live.h. */
static inline void vma_count_is(const struct mm *mm, unsigned n)
{
	live_part(mm, sizeof(*mm), offsetof(struct mm, vma) + n * sizeof(mm->vma[0]));
}

/* The last of the areas that lie without a hole from the i-th on. */
static inline unsigned vma_run(const struct mm *mm, unsigned i)
{
	while (i + 1 < mm->count && mm->vma[i + 1].start == mm->vma[i].end)
		i++;
	return i;
}

/* The area that holds addr, or NULL. */
const struct vma *vma_find(const struct mm *mm, virt_addr_t addr);

/* The area above `start` that may grow down to it as far as its neighbour below is
 * concerned; or NULL.  The other makes it grow. */
const struct vma *vma_growing(const struct mm *mm, virt_addr_t start);
void vma_grow_down(struct mm *mm, virt_addr_t start);

/* Nothing lies in [start, end). */
bool vma_range_free(const struct mm *mm, virt_addr_t start, virt_addr_t end);

/* The same, and above it is the gap that an area which grows down wants. */
bool vma_room_free(const struct mm *mm, virt_addr_t start, virt_addr_t end);

/* How far, from `start`, areas lie without a hole; at most `end`. */
virt_addr_t vma_covered_to(const struct mm *mm, virt_addr_t start, virt_addr_t end);

/* An area lies at every address of [start, end). */
bool vma_covers(const struct mm *mm, virt_addr_t start, virt_addr_t end);

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

/* Bytes of areas in [start, end), and of those that are data. */
u64 vma_bytes(const struct mm *mm, virt_addr_t start, virt_addr_t end);
u64 vma_data_bytes(const struct mm *mm);

/* The same of those that are locked. */
u64 vma_locked_bytes(const struct mm *mm, virt_addr_t start, virt_addr_t end);

/* The highest free place of len bytes between bottom and top, or 0. */
virt_addr_t vma_find_room(const struct mm *mm, u64 len, virt_addr_t bottom, virt_addr_t top);

/* Can as many areas be added? */
bool vma_has_room(const struct mm *mm, unsigned more);

/*
 * Adds an area where nothing lies, with the caller's hold on vma.shared; merges
 * with neighbours.  -ENOMEM: full.
 */
int vma_insert(struct mm *mm, struct vma vma);

/*
 * Cuts [start, end) out, and with it the holds on what was shared: no page of
 * it may be in the tables any more.  -ENOMEM: cutting a hole needs one area
 * more, which vma_can_remove() tells before.
 */
int vma_remove(struct mm *mm, virt_addr_t start, virt_addr_t end);
bool vma_can_remove(const struct mm *mm, virt_addr_t start, virt_addr_t end);
void vma_remove_all(struct mm *mm);

/*
 * Changes the rights of [start, end), or of the first part of it.  The other says
 * before whether that is possible: an area is everywhere, and there is room.
 */
void vma_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot);
bool vma_can_protect(const struct mm *mm, virt_addr_t start, virt_addr_t end);

/*
 * The same for how areas are locked: VMA_LOCKED, VMA_ONFAULT, or 0.  There need not
 * be one everywhere.
 */
void vma_lock(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned lock);

#endif
