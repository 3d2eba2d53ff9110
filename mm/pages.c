/*
 * Pages of address spaces: present at the first touch, zeroed; taken away in
 * batches.  A page of a PROT_NONE area keeps its frame: the entry is absent,
 * with the address still in it.
 *
 * Invariants: a present entry lies in an area and grants no more than it; a
 * frame without PTE_SHARED belongs to this one entry.
 * Called by mm/mm.c and mm/mm_range.c, under the lock.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "mm/frame.h"
#include "mm/pages.h"
#include "mm/phys.h"
#include "mm/pti.h"
#include "mm/shared.h"
#include "mm/tlb.h"

#define BATCH 64

static u64 pte_prot(unsigned prot)
{
	u64 bits = PTE_P | PTE_U | PTE_A;

	if (prot == 0)
		return 0;
	if (prot & VMA_WRITE)
		bits |= PTE_W | PTE_D;
	if (!(prot & VMA_EXEC))
		bits |= PTE_NX;
	return bits;
}

phys_addr_t pages_touch(struct mm *mm, const struct vma *vma, virt_addr_t va)
{
	pte_t *pte = pti_user_pte(mm->pgd, va, true);
	u64 bits = pte_prot(vma->prot);
	phys_addr_t pa;

	if (!pte)
		return NO_FRAME;
	if (*pte & PTE_ADDR_MASK)
		return *pte & PTE_ADDR_MASK;
	if (vma->shared) {
		pa = shared_frame(vma->shared,
				  vma->offset + ALIGN_DOWN(va, PAGE_SIZE) - vma->start);
		bits |= PTE_SHARED;
	} else {
		pa = frame_alloc_zeroed();
	}
	if (pa == NO_FRAME)
		return NO_FRAME;
	*pte = pa | bits;
	mm->resident++;
	return pa;
}

/* The first address at or after va that may have a PTE: skips absent tables. */
static virt_addr_t skip_absent(const pte_t *pgd, virt_addr_t va, virt_addr_t end)
{
	while (va < end) {
		unsigned level = PT_LEVELS;
		const pte_t *entry;

		for (; level > 1; level--) {
			entry = pt_entry((pte_t *)pgd, va, level, false);
			if (!(*entry & PTE_P))
				break;
		}
		if (level == 1)
			return va;
		va = ALIGN_DOWN(va, PT_SIZE(level)) + PT_SIZE(level);
	}
	return end;
}

void pages_drop(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	phys_addr_t frame[BATCH];
	virt_addr_t va = skip_absent(mm->pgd, start, end);

	while (va < end) {
		virt_addr_t from = va;
		unsigned n = 0, shown = 0;

		while (va < end && n < BATCH) {
			pte_t old = pt_unmap(mm->pgd, va);

			shown += !!(old & PTE_ADDR_MASK);
			if ((old & PTE_ADDR_MASK) && !(old & PTE_SHARED))
				frame[n++] = old & PTE_ADDR_MASK;
			va = skip_absent(mm->pgd, va + PAGE_SIZE, end);
		}
		if (shown)
			tlb_flush_range(&mm->cpus, from, va);
		mm->resident -= shown;
		while (n > 0)
			frame_free(frame[--n]);
	}
}

void pages_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	virt_addr_t va = skip_absent(mm->pgd, start, end);

	while (va < end) {
		pte_t *pte = pt_entry(mm->pgd, va, 1, false);

		if (*pte & PTE_ADDR_MASK)
			*pte = (*pte & (PTE_ADDR_MASK | PTE_SHARED)) | pte_prot(prot);
		va = skip_absent(mm->pgd, va + PAGE_SIZE, end);
	}
	tlb_flush_range(&mm->cpus, start, end);
}

int pages_move(struct mm *mm, virt_addr_t from, virt_addr_t to, u64 len)
{
	virt_addr_t end = from + len, va;

	/* All the memory first: the tables of the new place. */
	for (va = skip_absent(mm->pgd, from, end); va < end;
	     va = skip_absent(mm->pgd, va + PAGE_SIZE, end))
		if ((*pt_entry(mm->pgd, va, 1, false) & PTE_ADDR_MASK) &&
		    !pti_user_pte(mm->pgd, to + (va - from), true))
			return -ENOMEM;
	for (va = skip_absent(mm->pgd, from, end); va < end;
	     va = skip_absent(mm->pgd, va + PAGE_SIZE, end)) {
		pte_t old = pt_unmap(mm->pgd, va);

		if (old & PTE_ADDR_MASK)
			*pti_user_pte(mm->pgd, to + (va - from), false) = old;
	}
	tlb_flush_range(&mm->cpus, from, end);
	return 0;
}

int pages_copy(struct mm *to, struct mm *from, const struct vma *vma)
{
	for (virt_addr_t va = skip_absent(from->pgd, vma->start, vma->end);
	     va < vma->end; va = skip_absent(from->pgd, va + PAGE_SIZE, vma->end)) {
		pte_t old = *pt_entry(from->pgd, va, 1, false);
		phys_addr_t pa;

		if (!(old & PTE_ADDR_MASK) || (old & PTE_SHARED))
			continue;
		pa = pages_touch(to, vma, va);
		if (pa == NO_FRAME)
			return -ENOMEM;
		memcpy(phys_to_virt(pa), phys_to_virt(old & PTE_ADDR_MASK), PAGE_SIZE);
	}
	return 0;
}
