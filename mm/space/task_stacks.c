/*
 * Stacks that tasks have left, kept for the next ones.  To free a stack is to interrupt
 * every CPU, since each may have it in its TLB; one that is kept stays mapped, so there is
 * nothing to flush, and those that are too many are freed together, by one flush
 * (mm/space/vmap.c) that comes before their frames are free.
 *
 * What is kept is all zeroes: no task finds what another has left.  The processor says
 * which pages that costs: a stack is mapped with its dirty bits clear, and a page without
 * the bit has never been written.  The bit is never cleared again, which would want a flush.
 *
 * Called by kernel/task/task.c; emptied by mm_settle(), for kernel/linux/process/oom.c.
 */
#include "kernel/base/layout.h"
#include "kernel/base/phys.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/space/task_stacks.h"

#define KEPT_MAX (2 * VMAP_STACKS_AT_ONCE)

static struct {
	struct spinlock lock;
	unsigned count;
	virt_addr_t top[KEPT_MAX];
} kept = { .lock = SPINLOCK(LOCK_KEPT) };

/* Up to `most` of those that are kept; returns how many. */
static unsigned take(virt_addr_t tops[], unsigned most)
{
	SPIN_GUARD(&kept.lock);
	unsigned n = MIN(most, kept.count);

	kept.count -= n;
	memcpy(tops, &kept.top[kept.count], n * sizeof(tops[0]));
	return n;
}

virt_addr_t task_stack_alloc(void)
{
	virt_addr_t top;

	if (!frame_is_failing() && take(&top, 1))
		return top;
	return vmap_alloc_stack(TASK_STACK_SIZE);
}

/* By the frames' addresses in the direct map.  A cell's entries are in one table. */
static void clear_used(virt_addr_t top)
{
	const pte_t *entry = pt_entry(pti_init_pgd, top - TASK_STACK_SIZE, 1, false);

	for (unsigned i = 0; i < TASK_STACK_SIZE / PAGE_SIZE; i++)
		if (entry[i] & PTE_D)
			memset(phys_to_virt(entry[i] & PTE_ADDR_MASK), 0, PAGE_SIZE);
}

void task_stacks_free(const virt_addr_t tops[], unsigned n)
{
	virt_addr_t away[VMAP_STACKS_AT_ONCE];
	unsigned many = 0;

	for (unsigned i = 0; i < n; i++)
		clear_used(tops[i]);
	SPIN_SCOPE(&kept.lock) {
		if (kept.count + n > KEPT_MAX) {
			many = VMAP_STACKS_AT_ONCE;
			kept.count -= many;
			memcpy(away, &kept.top[kept.count], sizeof(away));
		}
		memcpy(&kept.top[kept.count], tops, n * sizeof(tops[0]));
		kept.count += n;
	}
	if (many > 0)
		vmap_free_stacks(away, many, TASK_STACK_SIZE);
}

void task_stacks_settle(void)
{
	virt_addr_t tops[VMAP_STACKS_AT_ONCE];
	unsigned n;

	while ((n = take(tops, VMAP_STACKS_AT_ONCE)) > 0)
		vmap_free_stacks(tops, n, TASK_STACK_SIZE);
}

u64 task_stacks_kept_frames(void)
{
	return kept.count * (TASK_STACK_SIZE / PAGE_SIZE);
}
