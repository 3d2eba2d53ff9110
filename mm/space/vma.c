/*
 * Areas.  All changes come down to two steps: split so that a boundary falls
 * on an address, then act on whole areas; and merging equal neighbours after.
 * A change that would need more areas than there may be, or memory that is not there,
 * fails when it is prepared.  mm/space/areas.c keeps them in order.
 */
#include "mm/space/shared.h"
#include "mm/space/vma.h"

const struct vma *vma_first(struct mm *mm, struct vma_at *at, virt_addr_t addr)
{
	return areas_seek(&mm->areas, at, addr);
}

const struct vma *vma_next(struct mm *mm, struct vma_at *at)
{
	return areas_next(&mm->areas, at);
}

virt_addr_t vma_run(struct mm *mm, struct vma_at *at, const struct vma **vma)
{
	virt_addr_t end;

	do {
		end = (*vma)->end;
		*vma = areas_next(&mm->areas, at);
	} while (*vma && (*vma)->start == end);
	return end;
}

const struct vma *vma_find(const struct mm *mm, virt_addr_t addr)
{
	const struct area_node *n = &mm->areas.root;
	unsigned i;

	for (unsigned h = mm->areas.height; unlikely(h > 0); h--) {
		i = area_node_search(n, addr);
		if (i == n->count)
			return NULL;
		n = n->branch[i].node;
	}
	i = area_node_search(n, addr);
	return i < n->count && n->vma[i].start <= addr ? &n->vma[i] : NULL;
}

bool vma_range_free(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	struct vma_at at;
	const struct vma *vma = areas_seek(&mm->areas, &at, start);

	return !vma || vma->start >= end;
}

bool vma_room_free(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	struct vma_at at;
	const struct vma *vma = areas_seek(&mm->areas, &at, start);

	return !vma || areas_limit(vma) >= end;
}

/* ---- Sums ------------------------------------------------------------------------ */

/* sign: 1, or -1 of an area that goes or changes. */
static void count(struct mm *mm, const struct vma *vma, int sign)
{
	u64 bytes = (vma->end - vma->start) * (u64)sign;

	mm->bytes += bytes;
	if (vma_is_data(vma))
		mm->data_bytes += bytes;
	if (vma->flags & VMA_LOCKED)
		mm->locked_bytes += bytes;
}

/* Of areas that have all of `flags`. */
static u64 bytes(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned flags)
{
	const struct vma *vma;
	struct vma_at at;
	u64 sum = 0;

	for (vma = areas_seek(&mm->areas, &at, start); vma && vma->start < end;
	     vma = areas_next(&mm->areas, &at))
		if ((vma->flags & flags) == flags)
			sum += MIN(end, vma->end) - MAX(start, vma->start);
	return sum;
}

u64 vma_bytes(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return bytes(mm, start, end, 0);
}

u64 vma_locked_bytes(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return bytes(mm, start, end, VMA_LOCKED);
}

virt_addr_t vma_covered_to(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	const struct vma *vma;
	struct vma_at at;

	for (vma = areas_seek(&mm->areas, &at, start); start < end;
	     vma = areas_next(&mm->areas, &at)) {
		if (!vma || vma->start > start)
			return start;
		start = vma->end;
	}
	return end;
}

bool vma_covers(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return vma_covered_to(mm, start, end) == end;
}

/* ---- Splitting and merging ------------------------------------------------------- */

/* The area that split_at(addr) would cut in two, or NULL. */
static const struct vma *cut_by(const struct mm *mm, virt_addr_t addr)
{
	const struct vma *vma = vma_find(mm, addr);

	return vma && vma->start < addr ? vma : NULL;
}

/* Cuts the area there, so that another begins at `addr`, which the place is then. */
static __noinline struct vma *cut(struct mm *mm, struct vma_at *at, virt_addr_t addr)
{
	struct vma *low = &at->node[0]->vma[at->i[0]], high = *low;

	high.start = addr;
	high.offset += addr - low->start;
	if (high.shared)
		shared_get(high.shared);
	low->end = addr;
	areas_changed(&mm->areas, at);
	at->i[0]++;
	areas_insert(mm, at, &high);
	return &at->node[0]->vma[at->i[0]];
}

/* Makes `addr` a boundary.  The first area above, or NULL; the place is its. */
static struct vma *split_at(struct mm *mm, struct vma_at *at, virt_addr_t addr)
{
	struct vma *vma = areas_seek(&mm->areas, at, addr);

	return vma && vma->start < addr ? cut(mm, at, addr) : vma;
}

/* Do two areas that touch come to the same as one? */
static bool alike(const struct vma *a, const struct vma *b)
{
	return a->prot == b->prot && a->flags == b->flags && a->shared == b->shared &&
	       !(a->flags & VMA_ALONE) &&
	       (!a->shared || a->offset + (a->end - a->start) == b->offset);
}

/*
 * Joins areas that touch and are alike: from the one below the place, to the one that
 * begins at `end`.
 */
static __noinline void merge_around(struct mm *mm, struct vma_at *at, virt_addr_t end)
{
	struct vma *low = areas_prev(&mm->areas, at), *high;

	if (!low) /* and the place is as it was, or lost */
		low = areas_seek(&mm->areas, at, 0);
	for (; low && low->start <= end; low = high) {
		struct vma gone;

		high = areas_next(&mm->areas, at);
		if (!high || low->end != high->start || !alike(low, high))
			continue;
		gone = *high;
		areas_remove(mm, at, 1);
		high = areas_seek(&mm->areas, at,
				  gone.start - 1); /* which is `low`: perhaps it goes on */
		high->end = gone.end;
		areas_changed(&mm->areas, at);
		if (gone.shared)
			shared_put(gone.shared);
	}
}

/* ---- Changes --------------------------------------------------------------------- */

/* Is there another beside it?  (The one below is not looked for in another leaf.) */
static bool has_neighbour(const struct vma_at *at, const struct vma *vma, const struct vma *above)
{
	if (above && above->start == vma->end)
		return true;
	return at->i[0] == 0 || at->node[0]->vma[at->i[0] - 1].end == vma->start;
}

void vma_insert(struct mm *mm, const struct vma *vma)
{
	struct vma_at at;
	const struct vma *above = areas_seek(&mm->areas, &at, vma->start);
	bool may_merge = has_neighbour(&at, vma, above);

	count(mm, vma, 1);
	areas_insert(mm, &at, vma);
	if (may_merge)
		merge_around(mm, &at, vma->end);
}

/* Linux lets stacks and inaccessible areas come as near as they like. */
const struct vma *vma_growing(struct mm *mm, virt_addr_t start)
{
	struct vma_at at;
	const struct vma *vma = areas_seek(&mm->areas, &at, start), *below;

	if (!vma || !(vma->flags & VMA_GROWSDOWN))
		return NULL;
	below = areas_prev(&mm->areas, &at);
	if (below && below->prot && !(below->flags & VMA_GROWSDOWN) &&
	    start - below->end < STACK_GUARD_GAP)
		return NULL;
	return vma;
}

void vma_grow_down(struct mm *mm, virt_addr_t start)
{
	struct vma_at at;
	struct vma *vma = areas_seek(&mm->areas, &at, start);

	count(mm, vma, -1);
	vma->start = start;
	count(mm, vma, 1);
	areas_changed(&mm->areas, &at);
	merge_around(mm, &at, vma->end);
}

bool vma_is_hole(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	const struct vma *vma = cut_by(mm, start);

	return vma && vma->end > end;
}

/*
 * Removes from the place on what one leaf has that ends at `end` or below, and of the next
 * area what lies below `end`.  Is that all there is?
 */
static bool remove_some(struct mm *mm, struct vma_at *at, struct vma *vma, virt_addr_t end)
{
	unsigned n, left = areas_left(at);

	for (n = 0; n < left && vma[n].end <= end; n++) {
		count(mm, &vma[n], -1);
		if (vma[n].shared)
			shared_put(vma[n].shared);
	}
	if (n < left && vma[n].start < end) {
		count(mm, &vma[n], -1);
		vma[n].offset += end - vma[n].start;
		vma[n].start = end;
		count(mm, &vma[n], 1);
	}
	areas_remove(mm, at, n);
	return n < left;
}

void vma_remove(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	struct vma_at at;
	struct vma *vma = areas_seek(&mm->areas, &at, start);

	if (vma && vma->start < start)
		vma = cut(mm, &at, start);
	while (vma && vma->start < end && !remove_some(mm, &at, vma, end))
		vma = areas_seek(&mm->areas, &at, start);
}

void vma_remove_all(struct mm *mm)
{
	struct vma_at at;

	for (struct vma *vma = areas_seek(&mm->areas, &at, 0); vma;
	     vma = areas_next(&mm->areas, &at))
		if (vma->shared)
			shared_put(vma->shared);
	areas_free(mm);
	mm->bytes = mm->data_bytes = mm->locked_bytes = 0;
}

int vma_prepare_protect(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	unsigned more = !!cut_by(mm, start) + !!cut_by(mm, end);

	return vma_covers(mm, start, end) ? vma_prepare(mm, more) : -ENOMEM;
}

/* Makes whole areas of [start, end), and whatever `to` says of them. */
static void change(struct mm *mm, virt_addr_t start, virt_addr_t end, const struct vma *mask,
		   const struct vma *to)
{
	struct vma_at at;
	struct vma *vma;

	split_at(mm, &at, end);
	for (vma = split_at(mm, &at, start); vma && vma->end <= end;
	     vma = areas_next(&mm->areas, &at)) {
		count(mm, vma, -1);
		vma->prot = (vma->prot & ~mask->prot) | to->prot;
		vma->flags = (vma->flags & ~mask->flags) | to->flags;
		count(mm, vma, 1);
	}
	areas_seek(&mm->areas, &at, start);
	merge_around(mm, &at, end);
}

void vma_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	change(mm, start, end, &(struct vma){ .prot = ~0U }, &(struct vma){ .prot = prot });
}

void vma_set_flags(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned mask, unsigned flags)
{
	change(mm, start, end, &(struct vma){ .flags = mask }, &(struct vma){ .flags = flags });
}

int vma_copy(struct mm *child, const struct mm *parent)
{
	struct vma_at at;
	int err = areas_copy(child, parent);

	for (struct vma *vma = err ? NULL : areas_seek(&child->areas, &at, 0); vma;
	     vma = areas_next(&child->areas, &at)) {
		vma->flags &= ~VMA_LOCKS;
		if (vma->shared)
			shared_get(vma->shared);
	}
	return err;
}
