/*
 * Pages of address spaces: present at the first touch, zeroed; taken away in
 * batches.  A page of a PROT_NONE area keeps its frame: the entry is absent,
 * with the address still in it.
 *
 * Invariants: a present entry lies in an area and grants no more than it; a
 * frame without PTE_SHARED belongs to this one entry.
 * Called by mm/space/mm.c and mm/space/mm_range.c, under the lock.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/space/pages.h"
#include "mm/space/roots.h"
#include "mm/space/shared.h"
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

/* The entry of `va`; the tables that it needs are counted.  NULL: no memory. */
static pte_t *make_entry(struct mm *mm, virt_addr_t va)
{
	pte_t *pte = pti_user_pte(mm->pgd, va, false);
	unsigned missing;

	if (pte)
		return pte;
	missing = pt_missing(mm->pgd, va);
	pte = pti_user_pte(mm->pgd, va, true);
	mm->tables += missing - pt_missing(mm->pgd, va);
	if (missing == PT_LEVELS - 1 && mm->pgd[PT_INDEX(va, PT_LEVELS)])
		roots_tell(mm, PT_INDEX(va, PT_LEVELS));
	return pte;
}

int pages_touch(struct mm *mm, const struct vma *vma, virt_addr_t va, phys_addr_t *pa)
{
	pte_t *pte = make_entry(mm, va);
	u64 bits = pte_prot(vma->prot);
	int err = 0;

	*pa = NO_FRAME;
	if (!pte)
		return -ENOFRAME;
	if (*pte & PTE_ADDR_MASK) {
		*pa = *pte & PTE_ADDR_MASK;
		return 0;
	}
	if (vma->shared) {
		err = shared_frame(vma->shared,
				   vma->offset + ALIGN_DOWN(va, PAGE_SIZE) - vma->start, pa);
		bits |= PTE_SHARED;
	} else {
		*pa = frame_alloc_zeroed();
	}
	if (*pa == NO_FRAME)
		return err ? err : -ENOFRAME;
	*pte = *pa | bits;
	mm->resident++;
	mm->shown += vma->shared != NULL;
	return 0;
}

bool pages_allow(struct mm *mm, virt_addr_t va, u64 error)
{
	const pte_t *pte = pti_user_pte(mm->pgd, va, false);

	return pte && (*pte & PTE_P) && (!(error & PF_WRITE) || (*pte & PTE_W)) &&
	       (!(error & PF_INSTR) || !(*pte & PTE_NX));
}

/* The batch is cleared and flushed before its frames are free. */
static void drop_batch(struct mm *mm, virt_addr_t va, pte_t *pte, unsigned count)
{
	phys_addr_t frame[BATCH];
	unsigned n = 0, shown = 0;

	for (unsigned i = 0; i < count; i++) {
		pte_t old = pte[i];

		if (!(old & PTE_ADDR_MASK))
			continue;
		pte[i] = 0;
		shown++;
		if (old & PTE_SHARED)
			mm->shown--;
		else
			frame[n++] = old & PTE_ADDR_MASK;
	}
	if (shown)
		tlb_flush_range(&mm->cpus, va, va + count * PAGE_SIZE);
	mm->resident -= shown;
	while (n > 0)
		frame_free(frame[--n]);
}

virt_addr_t pages_drop(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	virt_addr_t va = start;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(mm->pgd, &va, end, &count))) {
		count = MIN(count, BATCH);
		drop_batch(mm, va, pte, count);
		va += count * PAGE_SIZE;
		if (seam_long_work_point())
			return va;
	}
	return end;
}

virt_addr_t pages_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	virt_addr_t va = start;
	bool leave = false;
	unsigned count;
	pte_t *pte;

	while (!leave && (pte = pt_next_entries(mm->pgd, &va, end, &count))) {
		for (unsigned i = 0; i < count; i++)
			if (pte[i] & PTE_ADDR_MASK)
				pte[i] = (pte[i] & (PTE_ADDR_MASK | PTE_SHARED)) | pte_prot(prot);
		va += count * PAGE_SIZE;
		leave = seam_long_work_point();
	}
	if (!leave)
		va = end;
	tlb_flush_range(&mm->cpus, start, va);
	return va;
}

int pages_prepare_move(struct mm *mm, virt_addr_t from, virt_addr_t to, u64 len)
{
	virt_addr_t va = from;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(mm->pgd, &va, from + len, &count))) {
		for (unsigned i = 0; i < count; i++)
			if ((pte[i] & PTE_ADDR_MASK) &&
			    !make_entry(mm, to + (va - from) + i * PAGE_SIZE))
				return -ENOFRAME;
		va += count * PAGE_SIZE;
		if (seam_long_work_point())
			return -EINTR;
	}
	return 0;
}

virt_addr_t pages_move(struct mm *mm, virt_addr_t from, virt_addr_t to, u64 len)
{
	virt_addr_t va = from;
	bool leave = false;
	unsigned count;
	pte_t *pte;

	while (!leave && (pte = pt_next_entries(mm->pgd, &va, from + len, &count))) {
		for (unsigned i = 0; i < count; i++) {
			if (!(pte[i] & PTE_ADDR_MASK))
				continue;
			*pti_user_pte(mm->pgd, to + (va - from) + i * PAGE_SIZE, false) = pte[i];
			pte[i] = 0;
		}
		va += count * PAGE_SIZE;
		leave = seam_long_work_point();
	}
	if (!leave)
		va = from + len;
	tlb_flush_range(&mm->cpus, from, va);
	return va;
}

static int copy_page(struct mm *to, const struct vma *vma, virt_addr_t va, pte_t old)
{
	phys_addr_t pa;
	int err;

	if (!(old & PTE_ADDR_MASK) || (old & PTE_SHARED))
		return 0;
	err = pages_touch(to, vma, va, &pa);
	if (err)
		return err;
	memcpy(phys_to_virt(pa), phys_to_virt(old & PTE_ADDR_MASK), PAGE_SIZE);
	return seam_long_work_point() ? -EINTR : 0;
}

int pages_copy(struct mm *to, struct mm *from, const struct vma *vma)
{
	virt_addr_t va = vma->start;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(from->pgd, &va, vma->end, &count))) {
		for (unsigned i = 0; i < count; i++, va += PAGE_SIZE) {
			int err = copy_page(to, vma, va, pte[i]);

			if (err)
				return err;
		}
		if (seam_long_work_point())
			return -EINTR;
	}
	return 0;
}
