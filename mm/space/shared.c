/*
 * Shared memory objects.  An object keeps its frames in a tree of its own that
 * is built like a page table, with the offset for an address; no processor
 * ever walks it.  The page tables of the processes that map the object get
 * their entries from it one by one, at the first touch, marked PTE_SHARED: such a
 * frame is not theirs to free.
 *
 * An object has the size of the mmap that made it, as on Linux: mremap makes an
 * area larger, not the object, and what lies behind its end is SIGBUS.
 *
 * Invariant: while an entry of a page table shows a frame, the area around it
 * holds the object.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/spinlock.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/space/pt_range.h"
#include "mm/space/shared.h"

struct shared {
	u32 holds;
	u32 measured; /* in this round: shared_measure() */
	u64 frames;   /* of its content and its tree; this one's and the root's */
	u64 id;
	u64 size; /* bytes; areas may reach beyond it */
	pte_t *root;
};

static struct spinlock lock = SPINLOCK(LOCK_SHARED); /* of all trees */

u64 space_id_new(void)
{
	static u64 last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

struct shared *shared_alloc(u64 size)
{
	phys_addr_t pa = frame_alloc_zeroed();
	phys_addr_t root = pa == NO_FRAME ? NO_FRAME : frame_alloc_zeroed();
	struct shared *s;

	if (root == NO_FRAME) {
		if (pa != NO_FRAME)
			frame_free(pa);
		return NULL;
	}
	s = phys_to_virt(pa);
	live_object(s, sizeof(*s));
	s->holds = 1;
	s->id = space_id_new();
	s->size = size;
	s->frames = 2;
	s->root = phys_to_virt(root);
	return s;
}

void shared_get(struct shared *s)
{
	__atomic_fetch_add(&s->holds, 1, __ATOMIC_RELAXED);
}

static int free_leaf(const struct pt_leaf *leaf, void *arg __unused)
{
	frame_free(leaf->pa);
	seam_long_work_point();
	return 0;
}

void shared_put(struct shared *s)
{
	if (__atomic_sub_fetch(&s->holds, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pt_for_each_leaf(s->root, 0, PT_ENTRIES - 1, free_leaf, NULL);
	pt_free_tables(s->root, 0, PT_ENTRIES - 1);
	frame_free(virt_to_phys(s->root));
	frame_free_object(s, sizeof(*s), 1);
}

int shared_frame(struct shared *s, u64 offset, phys_addr_t *pa)
{
	unsigned missing;
	pte_t *entry;

	*pa = NO_FRAME;
	if (offset >= s->size)
		return -ENXIO;
	SPIN_GUARD(&lock);
	missing = pt_missing(s->root, offset);
	entry = pt_entry(s->root, offset, 1, true);
	if (missing)
		s->frames += missing - pt_missing(s->root, offset);
	if (entry && (*entry & PTE_P)) {
		*pa = *entry & PTE_ADDR_MASK;
	} else if (entry) {
		*pa = frame_alloc_zeroed();
		if (*pa != NO_FRAME) {
			*entry = *pa | PTE_P;
			s->frames++;
		}
	}
	return *pa == NO_FRAME ? -ENOFRAME : 0;
}

u64 shared_id(const struct shared *s)
{
	return s->id;
}

u64 shared_measure(struct shared *s, u32 round)
{
	if (s->measured == round)
		return 0;
	s->measured = round;
	return s->frames;
}
