/*
 * Areas.  All changes come down to two steps: split so that a boundary falls
 * on an address, then act on whole areas; and merging equal neighbours after.
 * A change that would need more places than there are fails before it has
 * begun.  Two places are never filled: cutting needs them for a moment, even
 * where it leaves no more areas than before.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "mm/space/shared.h"
#include "mm/space/vma.h"

/* Index of the first area that ends above addr. */
static unsigned first_above(const struct mm *mm, virt_addr_t addr)
{
	unsigned lo = 0, hi = mm->count;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (mm->vma[mid].end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

const struct vma *vma_find(const struct mm *mm, virt_addr_t addr)
{
	unsigned i = first_above(mm, addr);

	return i < mm->count && mm->vma[i].start <= addr ? &mm->vma[i] : NULL;
}

bool vma_range_free(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	unsigned i = first_above(mm, start);

	return i == mm->count || mm->vma[i].start >= end;
}

/* Where what lies below the area must end. */
static virt_addr_t gap_start(const struct vma *vma)
{
	if (!(vma->flags & VMA_GROWSDOWN))
		return vma->start;
	return vma->start - MIN(vma->start, STACK_GUARD_GAP);
}

bool vma_room_free(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	unsigned i = first_above(mm, start);

	return i == mm->count || gap_start(&mm->vma[i]) >= end;
}

virt_addr_t vma_find_room(const struct mm *mm, u64 len, virt_addr_t bottom, virt_addr_t top)
{
	virt_addr_t end = top;

	for (unsigned i = mm->count; i > 0; i--) {
		const struct vma *vma = &mm->vma[i - 1];

		if (vma->end <= end && end - vma->end >= len)
			break;
		end = MIN(end, gap_start(vma));
	}
	return len <= end && end - len >= bottom ? end - len : 0;
}

static void insert_at(struct mm *mm, unsigned i, struct vma vma)
{
	vma_count_is(mm, mm->count + 1);
	memmove(&mm->vma[i + 1], &mm->vma[i], (mm->count - i) * sizeof(vma));
	mm->vma[i] = vma;
	mm->count++;
}

static void delete_at(struct mm *mm, unsigned i, unsigned n)
{
	for (unsigned k = i; k < i + n; k++)
		if (mm->vma[k].shared)
			shared_put(mm->vma[k].shared);
	memmove(&mm->vma[i], &mm->vma[i + n], (mm->count - i - n) * sizeof(struct vma));
	mm->count -= n;
	vma_count_is(mm, mm->count);
}

/* Makes `addr` a boundary.  There is room for one more. */
static void split_at(struct mm *mm, virt_addr_t addr)
{
	unsigned i = first_above(mm, addr);

	if (i == mm->count || mm->vma[i].start >= addr)
		return;
	insert_at(mm, i, mm->vma[i]);
	mm->vma[i].end = addr;
	mm->vma[i + 1].start = addr;
	mm->vma[i + 1].offset += addr - mm->vma[i].start;
	if (mm->vma[i].shared)
		shared_get(mm->vma[i].shared);
}

/* Do two areas that touch come to the same as one? */
static bool alike(const struct vma *a, const struct vma *b)
{
	return a->prot == b->prot && a->flags == b->flags && a->shared == b->shared &&
	       (!a->shared || a->offset + (a->end - a->start) == b->offset);
}

/* Joins areas around [start, end) that touch and are alike. */
static void merge_around(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	unsigned i = first_above(mm, start ? start - 1 : 0);

	while (i + 1 < mm->count && mm->vma[i].start <= end) {
		struct vma *a = &mm->vma[i], *b = a + 1;

		if (a->end == b->start && alike(a, b)) {
			a->end = b->end;
			delete_at(mm, i + 1, 1);
		} else {
			i++;
		}
	}
}

/* Room for `more` areas, and for the two that a cut has for a moment. */
bool vma_has_room(const struct mm *mm, unsigned more)
{
	return mm->count + more + 2 <= MM_MAX_VMAS;
}

/* The area that split_at(addr) would cut in two, or NULL. */
static const struct vma *cut_by(const struct mm *mm, virt_addr_t addr)
{
	const struct vma *vma = vma_find(mm, addr);

	return vma && vma->start < addr ? vma : NULL;
}

int vma_insert(struct mm *mm, struct vma vma)
{
	if (!vma_has_room(mm, 1))
		return -ENOMEM;
	insert_at(mm, first_above(mm, vma.start), vma);
	merge_around(mm, vma.start, vma.end);
	return 0;
}

/* Linux lets stacks and inaccessible areas come as near as they like. */
const struct vma *vma_growing(const struct mm *mm, virt_addr_t start)
{
	unsigned i = first_above(mm, start);
	const struct vma *below = i > 0 ? &mm->vma[i - 1] : NULL;

	if (i == mm->count || !(mm->vma[i].flags & VMA_GROWSDOWN))
		return NULL;
	if (below && below->prot && !(below->flags & VMA_GROWSDOWN) &&
	    start - below->end < STACK_GUARD_GAP)
		return NULL;
	return &mm->vma[i];
}

void vma_grow_down(struct mm *mm, virt_addr_t start)
{
	struct vma *vma = &mm->vma[first_above(mm, start)];

	vma->start = start;
	merge_around(mm, start, vma->end);
}

bool vma_can_remove(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	const struct vma *first;
	bool hole;

	if (vma_has_room(mm, 1))
		return true;
	first = cut_by(mm, start);
	hole = first && first == cut_by(mm, end);
	return vma_range_free(mm, start, end) || vma_has_room(mm, hole);
}

int vma_remove(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	unsigned i = first_above(mm, start), n = 0;

	while (i + n < mm->count && mm->vma[i + n].start < end)
		n++;
	if (n == 0)
		return 0;
	if (mm->vma[i].start >= start && mm->vma[i + n - 1].end <= end) {
		delete_at(mm, i, n);
		return 0;
	}
	if (!vma_can_remove(mm, start, end))
		return -ENOMEM;
	split_at(mm, start);
	split_at(mm, end);
	i = first_above(mm, start);
	for (n = 0; i + n < mm->count && mm->vma[i + n].end <= end;)
		n++;
	delete_at(mm, i, n);
	return 0;
}

virt_addr_t vma_covered_to(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	for (unsigned i = first_above(mm, start); start < end; i++) {
		if (i == mm->count || mm->vma[i].start > start)
			return start;
		start = mm->vma[i].end;
	}
	return end;
}

bool vma_covers(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return vma_covered_to(mm, start, end) == end;
}

/* Of areas that have all of `flags`. */
static u64 bytes(const struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned flags)
{
	u64 sum = 0;

	for (unsigned i = start ? first_above(mm, start) : 0; i < mm->count; i++) {
		const struct vma *vma = &mm->vma[i];

		if (vma->start >= end)
			break;
		if ((vma->flags & flags) == flags)
			sum += MIN(end, vma->end) - MAX(start, vma->start);
	}
	return sum;
}

u64 vma_bytes(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return bytes(mm, start, end, 0);
}

u64 vma_locked_bytes(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	return bytes(mm, start, end, VMA_LOCKED);
}

u64 vma_data_bytes(const struct mm *mm)
{
	u64 sum = 0;

	for (unsigned i = 0; i < mm->count; i++)
		if (vma_is_data(&mm->vma[i]))
			sum += mm->vma[i].end - mm->vma[i].start;
	return sum;
}

bool vma_can_protect(const struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	unsigned more = !!cut_by(mm, start) + !!cut_by(mm, end);

	return vma_covers(mm, start, end) && vma_has_room(mm, more);
}

void vma_protect(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	split_at(mm, start);
	split_at(mm, end);
	for (unsigned i = first_above(mm, start); i < mm->count && mm->vma[i].end <= end; i++)
		mm->vma[i].prot = prot;
	merge_around(mm, start, end);
}

void vma_lock(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned lock)
{
	split_at(mm, start);
	split_at(mm, end);
	for (unsigned i = first_above(mm, start); i < mm->count && mm->vma[i].end <= end; i++)
		mm->vma[i].flags = (mm->vma[i].flags & ~VMA_LOCKS) | lock;
	merge_around(mm, start, end);
}

void vma_remove_all(struct mm *mm)
{
	delete_at(mm, 0, mm->count);
}
