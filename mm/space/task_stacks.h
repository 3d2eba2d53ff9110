/*
 * The kernel stacks of tasks.
 */
#ifndef MM_SPACE_TASK_STACKS_H
#define MM_SPACE_TASK_STACKS_H

#include "mm/space/vmap.h"

/* A stack of TASK_STACK_SIZE as vmap_alloc_stack() makes one, all zeroes.  Any CPU. */
virt_addr_t task_stack_alloc(void);

/*
 * Gives back n of them, VMAP_STACKS_AT_ONCE at most, that no CPU runs on any more.
 * Context: no spinlock held; perhaps flushes all CPUs, once for many stacks.
 */
void task_stacks_free(const virt_addr_t tops[], unsigned n);

/* Frees those that are kept: memory is wanted, or frames are counted.  Context: the same. */
void task_stacks_settle(void);
u64 task_stacks_kept_frames(void);

#endif
