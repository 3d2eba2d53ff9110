/*
 * The sorted array of areas in a struct mm: lookup, room, cutting, merging.
 * Touches no page table.  Called by mm/mm.c, and by
 * kernel/sys_memory.c to see whether a place is taken.
 */
#ifndef MM_VMA_H
#define MM_VMA_H

#include "mm/mm.h"

/* The area that holds addr, or NULL. */
const struct vma *vma_find(const struct mm *mm, virt_addr_t addr);

/* Nothing lies in [start, end). */
bool vma_range_free(const struct mm *mm, virt_addr_t start, virt_addr_t end);

/* The highest free place of len bytes below top, or 0. */
virt_addr_t vma_find_room(const struct mm *mm, u64 len, virt_addr_t top);

/* Can as many areas be added? */
bool vma_has_room(const struct mm *mm, unsigned more);

/* Adds an area where nothing lies; merges with neighbours.  -ENOMEM: full. */
int vma_insert(struct mm *mm, struct vma vma);

/* Cuts [start, end) out.  -ENOMEM: cutting a hole needs one area more. */
int vma_remove(struct mm *mm, virt_addr_t start, virt_addr_t end);

/* Changes rights.  -ENOMEM: a part has no area (nothing changes), or full. */
int vma_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot);

#endif
