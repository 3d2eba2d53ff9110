/*
 * The vmap area (slot 402): kernel stacks with a guard page below each, and
 * device registers.
 */
#ifndef MM_SPACE_VMAP_H
#define MM_SPACE_VMAP_H

#include "kernel/base/types.h"

/* Stacks that there is room for. */
#define VMAP_MAX_STACKS 16384

/* Each in a cell of so many bytes, from VMAP_BASE on, at its end. */
#define VMAP_CELL_SIZE 0x8000ULL

/*
 * A kernel stack of `size` bytes (TASK_STACK_SIZE or IST_STACK_SIZE), zeroed,
 * with an absent page below and above.  Returns its top, or 0.  Any CPU.  The dirty bits of
 * its entries are clear, so they tell which pages have been written since.
 */
virt_addr_t vmap_alloc_stack(u64 size);

/* Context: no spinlock held; flushes all CPUs. */
void vmap_free_stack(virt_addr_t top, u64 size);

/* The same for up to so many of one size: all CPUs are interrupted once. */
#define VMAP_STACKS_AT_ONCE 16
void vmap_free_stacks(const virt_addr_t tops[], unsigned n, u64 size);

/* Maps device registers uncached, for good.  Returns the address; panics. */
void *vmap_device(phys_addr_t pa, u64 size);

/*
 * If `va` is in the guard page below a stack, the top of that stack, else 0.
 */
virt_addr_t vmap_stack_of_guard(virt_addr_t va);

#endif
