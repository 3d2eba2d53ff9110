/*
 * Slot 402: cells of 32 KiB for stacks, handed out through a bitmap, and
 * behind them device registers, handed out once.  A stack lies at the end of
 * its cell, so that the page below it is absent, and the cell begins with
 * absent pages, so that the page above the stack before is absent too.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/kernel_map.h"
#include "mm/pti.h"
#include "mm/space/vmap.h"
#include "mm/tlb.h"

#define CELL_SIZE VMAP_CELL_SIZE
#define NR_CELLS VMAP_MAX_STACKS
#define DEVICES_BASE (VMAP_BASE + NR_CELLS * CELL_SIZE)

static_assert(TASK_STACK_SIZE < CELL_SIZE && IST_STACK_SIZE < CELL_SIZE,
	      "a cell holds a stack and a guard page");
static_assert(64 * CELL_SIZE == PT_SIZE(2), "a word of the bitmap is a page table");

static struct {
	struct spinlock lock;
	u64 used[NR_CELLS / 64];
	virt_addr_t next_device;
} vmap = { .lock = SPINLOCK(LOCK_VMAP), .next_device = DEVICES_BASE };

static long take_cell(void)
{
	SPIN_GUARD(&vmap.lock);
	long cell = -1;

	for (unsigned w = 0; w < ARRAY_SIZE(vmap.used); w++) {
		if (~vmap.used[w] == 0)
			continue;
		cell = w * 64 + __builtin_ctzll(~vmap.used[w]);
		vmap.used[w] |= BIT(cell % 64);
		break;
	}
	return cell;
}

/*
 * Gives a cell back whose pages are gone.  If it was the last in use of its page
 * table (64 cells: one word), takes all of them: no CPU may map anything there
 * before the table has been taken out and flushed from all CPUs.  The caller that comes
 * here last decides that, not the one that begins last: another CPU may be freeing the
 * last but one at the same time.
 */
static bool release_cell(u64 cell)
{
	SPIN_GUARD(&vmap.lock);
	u64 *word = &vmap.used[cell / 64];
	bool last;

	*word &= ~BIT(cell % 64);
	last = *word == 0;
	if (last)
		*word = ~0ULL;
	return last;
}

static void release_all_of_table(u64 cell)
{
	SPIN_GUARD(&vmap.lock);

	vmap.used[cell / 64] = 0;
}

/* The page table around a cell, no page of which is in use any more. */
static void free_table(u64 cell)
{
	virt_addr_t va = VMAP_BASE + cell * CELL_SIZE;
	pte_t *entry = pt_entry(pti_init_pgd, va, 2, false);
	pte_t old = entry ? *entry : 0;

	if (!(old & PTE_P))
		return;
	*entry = 0;
	tlb_flush_range(&cpus_online, va, va + PAGE_SIZE);
	frame_free(old & PTE_ADDR_MASK);
}

/* pt_map() makes tables: one CPU at a time. */
static int map_locked(virt_addr_t va, phys_addr_t pa, u64 prot)
{
	static struct spinlock lock = SPINLOCK(LOCK_KERNEL_MAP);
	SPIN_GUARD(&lock);

	return pt_map(pti_init_pgd, va, pa, prot | kernel_map_global());
}

virt_addr_t vmap_alloc_stack(u64 size)
{
	long cell = take_cell();
	virt_addr_t top = VMAP_BASE + (u64)(cell + 1) * CELL_SIZE;

	if (cell < 0)
		return 0;
	for (u64 off = PAGE_SIZE; off <= size; off += PAGE_SIZE) {
		phys_addr_t pa = frame_alloc_zeroed();

		if (pa != NO_FRAME && map_locked(top - off, pa, PROT_RW & ~PTE_D) == 0)
			continue;
		if (pa != NO_FRAME)
			frame_free(pa);
		vmap_free_stack(top, off - PAGE_SIZE);
		return 0;
	}
	return top;
}

void vmap_free_stack(virt_addr_t top, u64 size)
{
	vmap_free_stacks(&top, 1, size);
}

void vmap_free_stacks(const virt_addr_t tops[], unsigned n, u64 size)
{
	phys_addr_t frame[VMAP_STACKS_AT_ONCE * TASK_STACK_SIZE / PAGE_SIZE];
	virt_addr_t lowest = VMAP_END, highest = VMAP_BASE;
	unsigned frames = 0;

	ASSERT_OP(n, <=, VMAP_STACKS_AT_ONCE);
	for (unsigned i = 0; i < n; i++) {
		for (u64 off = PAGE_SIZE; off <= size; off += PAGE_SIZE)
			frame[frames++] = pt_unmap(pti_init_pgd, tops[i] - off) & PTE_ADDR_MASK;
		lowest = MIN(lowest, tops[i] - size);
		highest = MAX(highest, tops[i]);
	}
	tlb_flush_range(&cpus_online, lowest, highest);
	while (frames > 0)
		frame_free(frame[--frames]);
	for (unsigned i = 0; i < n; i++) {
		u64 cell = (tops[i] - VMAP_BASE) / CELL_SIZE - 1;

		if (release_cell(cell)) {
			free_table(cell);
			release_all_of_table(cell);
		}
	}
}

void *vmap_device(phys_addr_t pa, u64 size)
{
	phys_addr_t start = ALIGN_DOWN(pa, PAGE_SIZE);
	phys_addr_t end = ALIGN_UP(pa + size, PAGE_SIZE);
	virt_addr_t va = vmap.next_device;

	vmap.next_device += end - start;
	for (u64 off = 0; off < end - start; off += PAGE_SIZE)
		if (map_locked(va + off, start + off, PROT_RW | PTE_PCD))
			panic("vmap: cannot map the device at %#lx", pa);
	return (void *)(va + (pa - start));
}

virt_addr_t vmap_stack_of_guard(virt_addr_t va)
{
	u64 cell = (va - VMAP_BASE) / CELL_SIZE;
	struct pt_leaf leaf;
	virt_addr_t top;

	if (va < VMAP_BASE || cell >= NR_CELLS || !pt_walk(pti_init_pgd, va, &leaf))
		return 0;
	/* Walk up from the guard to the stack above it. */
	top = VMAP_BASE + (cell + 1) * CELL_SIZE;
	if (pt_walk(pti_init_pgd, ALIGN_DOWN(va, PAGE_SIZE) + PAGE_SIZE, &leaf))
		return 0;
	return top;
}
