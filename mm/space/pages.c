/*
 * Pages of address spaces: present at the first touch, zeroed; taken away in
 * batches.  A page of a PROT_NONE area keeps its frame: the entry is absent,
 * with the address still in it.
 *
 * Private pages are copied on write.  fork shows a frame in both address spaces, with no
 * right to write in either; who writes to it next gets a copy, or the frame itself if
 * nobody else has it any more.  What was read before it was written shows the page of zeroes,
 * or, in an area that shows a file, the file's frame, which that holds, too.
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
#include "mm/space/vma.h"
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
	unsigned made;
	pte_t *pte = pt_make_user_entry(mm->pgd, va, &made);

	if (!pte || !made)
		return pte;
	mm->tables += made;
	if (made == PT_LEVELS - 1)
		roots_tell(mm, PT_INDEX(va, PT_LEVELS));
	return pte;
}

/* The rights to what must not be written yet.  On x86 who may write alone may read. */
static u64 read_prot(unsigned prot)
{
	return pte_prot(prot) & ~(u64)(PTE_W | PTE_D);
}

/* The rights of a private page: to write only if the frame is held by nobody else. */
static u64 private_prot(phys_addr_t pa, unsigned prot)
{
	return frame_has_others(pa) ? read_prot(prot) : pte_prot(prot);
}

/*
 * Of a private page that is there: gives it a frame of its own.  Others use what they
 * have cached until the flush, so the old frame is held until then.
 */
static __noinline int make_own(struct mm *mm, pte_t *pte, unsigned prot, virt_addr_t va,
			       phys_addr_t *pa)
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
	bool is_private = false;
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
		is_private = !err && (vma->flags & VMA_PRIVATE);
		if (is_private) { /* a holder more, of a page that fork might have shown */
			frame_hold(*pa);
			bits = private_prot(*pa, vma->prot);
		}
	} else {
		*pa = how == PAGES_READ ? zeroes :
		      how == PAGES_FILL ? frame_alloc() :
					  frame_alloc_zeroed();
		bits = *pa == zeroes ? read_prot(vma->prot) : pte_prot(vma->prot);
	}
	if (*pa == NO_FRAME)
		return err ? err : -ENOFRAME;
	*pte = *pa | bits;
	mm->resident += *pa != zeroes;
	mm->shown += !!(bits & PTE_SHARED);
	return is_private && how != PAGES_READ ? make_own(mm, pte, vma->prot, va, pa) : 0;
}

bool pages_allow(struct mm *mm, virt_addr_t va, u64 error)
{
	const pte_t *pte = pt_find_entry(mm->pgd, va);

	return pte && (*pte & PTE_P) && (!(error & PF_WRITE) || (*pte & PTE_W)) &&
	       (!(error & PF_INSTR) || !(*pte & PTE_NX));
}

/* Pages that have been taken out of the tables, to be given back together. */
struct batch {
	unsigned count;
	phys_addr_t frame[BATCH];
};

/*
 * Clears entries of `table` from *i on, in front of entry `end`, at most as many as the
 * batch has room for, and leaves in *i where it got to.
 */
static void take_out(struct mm *mm, pte_t *table, unsigned *i, unsigned end, struct batch *b)
{
	unsigned n = 0, shown = 0, untouched = 0, at;
	phys_addr_t zero = zeroes;

	for (at = *i; n < BATCH && (at = pt_next_used_before(table, at, end)) < end; at++) {
		pte_t old = table[at];

		table[at] = 0;
		untouched += (old & PTE_ADDR_MASK) == zero;
		shown += !!(old & PTE_SHARED);
		b->frame[n++] = old & PTE_SHARED ? NO_FRAME : old & PTE_ADDR_MASK;
	}
	mm->resident -= n - untouched;
	mm->shown -= shown;
	*i = at;
	b->count = n;
}

/* Ends the holds, and frees what nobody else holds, under one lock. */
static void give_back(struct batch *b)
{
	unsigned last = 0;

	for (unsigned i = 0; i < b->count; i++)
		if (b->frame[i] != NO_FRAME && frame_drop(b->frame[i]))
			b->frame[last++] = b->frame[i];
	if (last > 0)
		frame_free_many(b->frame, last);
}

/* All are cleared, and flushed from the CPUs that have the mm, before the frames are free. */
virt_addr_t pages_drop(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	virt_addr_t va = start;
	struct batch b;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(mm->pgd, &va, end, &count))) {
		unsigned i = 0;

		take_out(mm, pte, &i, count, &b);
		if (b.count > 0)
			tlb_flush_range(&mm->cpus, va, va + i * PAGE_SIZE);
		give_back(&b);
		va += i * PAGE_SIZE;
		if (seam_long_work_point())
			return va;
	}
	return end;
}

static bool same_table(virt_addr_t a, virt_addr_t b)
{
	return a >> PT_SHIFT(2) == b >> PT_SHIFT(2);
}

/*
 * Pages of [start, end), and the tables that lead only to what has been passed: `next` is
 * the first address that something else is at.  Nothing is flushed.
 */
static void free_range(struct mm *mm, virt_addr_t start, virt_addr_t end, virt_addr_t next)
{
	virt_addr_t va = start;
	struct batch b;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(mm->pgd, &va, end, &count))) {
		virt_addr_t last = va + (count - 1) * PAGE_SIZE;

		for (unsigned i = 0; i < count;) {
			take_out(mm, pte, &i, count, &b);
			give_back(&b);
		}
		va = last + PAGE_SIZE;
		if (!same_table(last, va < end ? va : next))
			mm->tables -= pt_free_user_table(mm->pgd, last);
		seam_long_work_point();
	}
}

/*
 * No flush: no CPU has the mm loaded.  Each that had it has since loaded another PGD, which
 * dropped all that it had of this one (mm/tlb.c), so nobody can reach the frames.
 */
void pages_free_all(struct mm *mm)
{
	struct vma_at at;
	const struct vma *vma = vma_first(mm, &at, 0);

	while (vma) {
		virt_addr_t start = vma->start;
		virt_addr_t end = vma_run(mm, &at, &vma);

		free_range(mm, start, end, vma ? vma->start : KERNEL_HALF);
	}
	/* Tables of areas that are gone, and what a guest's tables have displaced. */
	if (mm->tables > 0)
		free_range(mm, 0, USER_END, KERNEL_HALF);
	ASSERT_OP(mm->tables, ==, 0);
}

#define WHOLE (1ULL << 20) /* what a page counts that nobody else has */

u64 pages_measure(struct mm *mm)
{
	u64 sum = 0;
	virt_addr_t va = 0;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(mm->pgd, &va, USER_END, &count))) {
		for (unsigned i = 0; (i = pt_next_used_before(pte, i, count)) < count; i++)
			if (!(pte[i] & PTE_SHARED))
				sum += WHOLE / frame_holders(pte[i] & PTE_ADDR_MASK);
		va += count * PAGE_SIZE;
		if (seam_long_work_point())
			break;
	}
	return sum / WHOLE;
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

	for (unsigned i = 0; (i = pt_next_used_before(from, i, count)) < count; i++) {
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

int pages_share(struct mm *to, struct mm *from, virt_addr_t start, virt_addr_t end)
{
	virt_addr_t va = start;
	unsigned count;
	pte_t *pte;

	while ((pte = pt_next_entries(from->pgd, &va, end, &count))) {
		int err = share_entries(to, pte, va, count);

		if (err)
			return err;
		va += count * PAGE_SIZE;
		if (seam_long_work_point())
			return -EINTR;
	}
	return 0;
}
