/*
 * PTI stacks (pti=deferred): a page for each thread, shown by both PGDs of its process in
 * slot 507, and by no other's; its process's facts are shown in the page above.
 * entry/deferred/pti_page.h says what is in them; to these functions they are frames.
 */
#ifndef MM_SPACE_PTI_STACK_H
#define MM_SPACE_PTI_STACK_H

#include "kernel/base/deferred.h"
#include "mm/space/mm.h"

/* pti=deferred.  Set once at boot, with pti_enabled. */
extern bool pti_deferred;

struct pti_stack {
	void *page;     /* in the direct map; NULL: it has none */
	virt_addr_t at; /* in slot 507 of `mm` */
	struct mm *mm;  /* NULL: it is shown nowhere */
};

/* The top of the stack in slot 507: TSS.sp0 while the thread runs. */
static inline u64 pti_stack_top(const struct pti_stack *s)
{
	return s->at + PTI_STACK_SIZE;
}

/*
 * A zeroed page, shown nowhere yet.  False: no memory.  pti_stack_free() wants it hidden
 * again, and does nothing if there is none.
 */
bool pti_stack_alloc(struct pti_stack *s);
void pti_stack_free(struct pti_stack *s);

/*
 * Shows it in mm at a free place, with the page `facts` (its address in the direct map).  0,
 * -ENOMEM, or -EAGAIN: PTI_PLACES threads have one.  Without pti=deferred (no page) 0, and
 * nothing is done.  Context: task context, no spinlock held; *s is shown nowhere.
 */
int pti_stack_show(struct pti_stack *s, struct mm *mm, const void *facts);

/*
 * Takes it out, on all CPUs, if it is shown.  Context: as above; the thread does not run
 * on it any more, nor will.
 */
void pti_stack_hide(struct pti_stack *s);

#endif
