/*
 * Pages of address spaces: present at the first touch, zeroed; taken away in
 * batches.  A page of a PROT_NONE area keeps its frame: the entry is absent,
 * with the address still in it.
 *
 * Private pages are copied on write.  fork shows a frame in both address spaces, with no
 * right to write in either; who writes to it next gets a copy, or the frame itself if
 * nobody else has it any more.  What was read before it was written shows the page of zeroes.
 *
 * Invariants: a present entry lies in an area and grants no more than it; an entry
 * without PTE_SHARED is a holder of its frame (mm/frames/holders.h), and grants writing only
 * if it is the only one.
 * Called by mm/space/mm.c and mm/space/mm_range.c, under the lock.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "mm/pti.h"
#include "mm/space/pages.h"
#include "mm/space/pt_range.h"
#include "mm/space/roots.h"
#include "mm/space/shared.h"
#include "mm/tlb.h"

#define BATCH 64

static phys_addr_t zeroes;

void pages_init(void)
{
	zeroes = frame_alloc_zeroed();
	if (zeroes == NO_FRAME)
		panic("memory: found no frame for the page of zeroes");
	frame_pin(zeroes);
}

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

/* The rights of a private page: to write only if the frame is held by nobody else. */
static u64 private_prot(phys_addr_t pa, unsigned prot)
{
	return pte_prot(frame_has_others(pa) ? prot & ~(unsigned)VMA_WRITE : prot);
}

/*
 * Of a private page that is there: gives it a frame of its own.  Others use what they
 * have cached until the flush, so the old frame is held until then.
 */
static int make_own(struct mm *mm, pte_t *pte, unsigned prot, virt_addr_t va, phys_addr_t *pa)
{
	phys_addr_t old = *pte & PTE_ADDR_MASK;

	mm->stale_faults = 0;
	if (!frame_has_others(old)) {
		*pte = old | pte_prot(prot);
		return 0;
	}
	*pa = old == zeroes ? frame_alloc_zeroed() : frame_alloc();
	if (*pa == NO_FRAME)
		return -ENOFRAME;
	if (old == zeroes)
		mm->resident++;
	else
		memcpy(phys_to_virt(*pa), phys_to_virt(old), PAGE_SIZE);
	*pte = *pa | pte_prot(prot);
	va = ALIGN_DOWN(va, PAGE_SIZE);
	tlb_flush_range(&mm->cpus, va, va + PAGE_SIZE);
	frame_release(old);
	return 0;
}

int pages_touch(struct mm *mm, const struct vma *vma, virt_addr_t va, enum pages_touch how,
		phys_addr_t *pa)
{
	pte_t *pte = make_entry(mm, va);
	u64 bits = 0;
	int err = 0;

	*pa = NO_FRAME;
	if (!pte)
		return -ENOFRAME;
	if (*pte & PTE_ADDR_MASK) {
		*pa = *pte & PTE_ADDR_MASK;
		if (how == PAGES_READ || (*pte & (PTE_SHARED | PTE_OVERLAY)))
			return 0;
		return make_own(mm, pte, vma->prot, va, pa);
	}
	if (vma->shared) {
		err = shared_frame(vma->shared,
				   vma->offset + ALIGN_DOWN(va, PAGE_SIZE) - vma->start, pa);
		bits = PTE_SHARED | pte_prot(vma->prot);
	} else {
		*pa = how == PAGES_READ ? zeroes : frame_alloc_zeroed();
		bits = pte_prot(*pa == zeroes ? vma->prot & ~(unsigned)VMA_WRITE : vma->prot);
	}
	if (*pa == NO_FRAME)
		return err ? err : -ENOFRAME;
	*pte = *pa | bits;
	mm->resident += *pa != zeroes;
	mm->shown += vma->shared != NULL;
	return 0;
}

bool pages_allow(struct mm *mm, virt_addr_t va, u64 error)
{
	const pte_t *pte = pti_user_pte(mm->pgd, va, false);

	return pte && (*pte & PTE_P) && (!(error & PF_WRITE) || (*pte & PTE_W)) &&
	       (!(error & PF_INSTR) || !(*pte & PTE_NX));
}

/*
 * Drops up to BATCH pages of the table in which the entry of `va` is, in front of its
 * entry `end`; returns how many entries have been passed.  All are cleared and flushed
 * before the frames are free.
 */
static unsigned drop_batch(struct mm *mm, virt_addr_t va, pte_t *table, unsigned end)
{
	unsigned first = PT_INDEX(va, 1), i = first, n = 0;
	phys_addr_t frame[BATCH];

	while (n < BATCH && (i = pt_next_used(table, i)) < end) {
		pte_t old = table[i];

		table[i++] = 0;
		mm->resident -= (old & PTE_ADDR_MASK) != zeroes;
		mm->shown -= !!(old & PTE_SHARED);
		frame[n++] = old & PTE_SHARED ? NO_FRAME : old & PTE_ADDR_MASK;
	}
	i = MIN(i, end);
	if (n > 0)
		tlb_flush_range(&mm->cpus, va, va + (i - first) * PAGE_SIZE);
	while (n > 0)
		if (frame[--n] != NO_FRAME)
			frame_release(frame[n]);
	return i - first;
}

virt_addr_t pages_drop(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	virt_addr_t va = start;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(mm->pgd, &va, end, &count))) {
		unsigned first = PT_INDEX(va, 1);

		va += drop_batch(mm, va, pte - first, first + count) * PAGE_SIZE;
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
		for (unsigned i = 0; i < count; i++) {
			phys_addr_t pa = pte[i] & PTE_ADDR_MASK;

			if (pte[i] & PTE_SHARED)
				pte[i] = pa | PTE_SHARED | pte_prot(prot);
			else if (pa)
				pte[i] = pa | private_prot(pa, prot);
		}
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

/* `from` are entries of one page table, `va` the first one's address. */
static int share_entries(struct mm *to, pte_t *from, virt_addr_t va, unsigned count)
{
	pte_t *entries = NULL; /* in the same places of a table of `to` */

	for (unsigned i = 0; i < count; i++) {
		phys_addr_t pa = from[i] & PTE_ADDR_MASK;

		if (!pa || (from[i] & PTE_SHARED))
			continue;
		if (!entries) {
			pte_t *entry = make_entry(to, va + i * PAGE_SIZE);

			if (!entry)
				return -ENOFRAME;
			entries = entry - i;
		}
		frame_hold(pa);
		from[i] &= ~(u64)(PTE_W | PTE_D);
		entries[i] = from[i];
		to->resident += pa != zeroes;
	}
	return 0;
}

int pages_share(struct mm *to, struct mm *from, const struct vma *vma)
{
	virt_addr_t va = vma->start;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(from->pgd, &va, vma->end, &count))) {
		int err = share_entries(to, pte, va, count);

		if (err)
			return err;
		va += count * PAGE_SIZE;
		if (seam_long_work_point())
			return -EINTR;
	}
	return 0;
}
