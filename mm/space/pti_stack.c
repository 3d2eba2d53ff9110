/*
 * Where the PTI stacks of a process lie: in slot 507 behind the two places of the LDT, each
 * between two pages that are never there (kernel/base/deferred.h).  Both PGDs share the
 * tables, under mm->ldt.lock as those of the LDT are.
 *
 * A place is free when its stack's entry is empty.  mm->pti_free is not above the lowest
 * free one.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/sleep_lock.h"
#include "mm/frames/frame.h"
#include "mm/space/process_entry.h"
#include "mm/space/pti_stack.h"
#include "mm/tlb.h"

bool pti_deferred;

bool pti_stack_alloc(struct pti_stack *s)
{
	phys_addr_t pa = frame_alloc_zeroed();

	*s = (struct pti_stack){ .page = pa == NO_FRAME ? NULL : phys_to_virt(pa) };
	return s->page;
}

void pti_stack_free(struct pti_stack *s)
{
	ASSERT(!s->mm);
	if (s->page)
		frame_free(virt_to_phys(s->page));
	s->page = NULL;
}

static virt_addr_t stack_address(unsigned place)
{
	return PTI_PLACE_BASE + (u64)place * PTI_PLACE_SIZE + PTI_PLACE_STACK;
}

static unsigned find_place(const struct mm *mm)
{
	struct pt_leaf leaf;
	unsigned place = mm->pti_free;

	while (place < PTI_PLACES && !pt_walk(mm->pgd, stack_address(place), &leaf))
		place++;
	return place;
}

/* The entries of a place are in one table: if there is one for the first, so for the second. */
static int show_at(struct pti_stack *s, struct mm *mm, virt_addr_t at, const void *facts)
{
	int err = process_entry_map_page(mm->pgd, at, virt_to_phys(s->page), PROT_RW);

	if (!err)
		err = process_entry_map_page(mm->pgd, at + PAGE_SIZE, virt_to_phys(facts), PROT_R);
	if (err)
		return err;
	s->at = at;
	s->mm = mm;
	return 0;
}

int pti_stack_show(struct pti_stack *s, struct mm *mm, const void *facts)
{
	unsigned place;
	int err = -EAGAIN;

	if (!s->page)
		return 0;
	ASSERT(!s->mm);
	sleep_lock(&mm->ldt.lock);
	place = find_place(mm);
	if (place < PTI_PLACES)
		err = show_at(s, mm, stack_address(place), facts);
	if (!err)
		mm->pti_free = place + 1;
	sleep_unlock(&mm->ldt.lock);
	return err;
}

void pti_stack_hide(struct pti_stack *s)
{
	struct mm *mm = s->mm;

	if (!mm)
		return;
	sleep_lock(&mm->ldt.lock);
	pt_unmap(mm->pgd, s->at);
	pt_unmap(mm->pgd, s->at + PAGE_SIZE);
	tlb_flush_range(&mm->cpus, s->at, s->at + 2 * PAGE_SIZE);
	mm->pti_free = MIN(mm->pti_free, (unsigned)((s->at - PTI_PLACE_BASE) / PTI_PLACE_SIZE));
	s->mm = NULL;
	sleep_unlock(&mm->ldt.lock);
}
