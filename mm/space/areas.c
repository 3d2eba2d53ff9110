/*
 * The areas of an address space, in a B+ tree: leaves hold areas, up to NODE_AREAS in the
 * order of their addresses; an inner node holds for each node below it where its areas
 * begin and end, and the largest room between two of them.  So to find an area, to add or
 * remove one and to find room look at one node a level, and 65,530 areas are four or five
 * levels.
 *
 * Why this tree and not a balanced binary one: the root lies in struct mm, and nearly all
 * processes have fewer areas than it holds.  Their tree is one sorted array as long as that
 * is so: found by halving, copied by fork in one piece, nothing allocated.  And a node of
 * 23 areas is one allocation and a few cache lines where a binary tree has 23 of each.
 *
 * Invariants:
 *   N1  All leaves are equally deep; no node but the root is empty; an inner root has two
 *       entries or more.
 *   N2  A branch says of the node below it what summary() finds.
 *   N3  Two neighbours under one node have more than HALF entries between them: a full node
 *       is halved, and what has lost some is made one with a neighbour where both come to
 *       MERGE_MOST.  (Not to NODE_AREAS: else an area that comes and goes would split and
 *       merge each time.)  So a level has some five times the nodes of the one above, and
 *       AREAS_MAX_HEIGHT is never reached.
 *   N4  Memory is taken by areas_reserve() and areas_copy() alone.  What is reserved waits
 *       in a list, as do some of the nodes that a merge leaves over.
 *
 * Called by mm/space/vma.c, with the lock of the struct mm held.
 * Compiled for the host tests too (tests/host/test_vma.c).
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "mm/frames/live.h"
#include "mm/frames/slab.h"
#include "mm/space/mm.h"

#define HALF (NODE_AREAS / 2)
#define MERGE_MOST (NODE_AREAS * 3 / 4)
#define SPARE_KEPT 4 /* of what merges leave over */
#define NODES_PER_FRAME (SLAB_MOST / ALIGN_UP(sizeof(struct area_node), SLAB_UNIT))

/* One search and one way to move entries do for leaves and inner nodes. */
static_assert(sizeof(struct area_branch) == sizeof(struct vma), "entries are of one size");
static_assert(offsetof(struct area_branch, end) == offsetof(struct vma, end), "of one order");
static_assert(NODES_PER_FRAME == 4, "as NODE_AREAS says");

static struct slab nodes = SLAB("area node", struct area_node);

/* ---- Nodes ----------------------------------------------------------------------- */

/* Entries of the root from `count` on are room: mm/frames/live.h. */
static void set_count(struct mm *mm, struct area_node *n, unsigned count)
{
	n->count = count;
	if (n == &mm->areas.root)
		live_part(mm, sizeof(*mm), offsetof(struct mm, areas.root.vma[count]));
}

/* Makes a place for entry i. */
static void open_place(struct mm *mm, struct area_node *n, unsigned i)
{
	set_count(mm, n, n->count + 1);
	for (unsigned k = n->count - 1; k > i; k--) /* as below */
		n->vma[k] = n->vma[k - 1];
}

static void take_out(struct mm *mm, struct area_node *n, unsigned i, unsigned count)
{
	for (; i + count < n->count; i++) /* half of what memmove() takes */
		n->vma[i] = n->vma[i + count];
	set_count(mm, n, n->count - count);
}

/* Copies all entries. */
static void fill(struct mm *mm, struct area_node *to, const struct area_node *from)
{
	set_count(mm, to, from->count);
	memcpy(to->vma, from->vma, from->count * sizeof(from->vma[0]));
}

/* Where what lies below entry i must end, of a node of that height. */
static virt_addr_t limit(const struct area_node *n, unsigned i, unsigned height)
{
	return height ? n->branch[i].limit : areas_limit(&n->vma[i]);
}

static struct area_branch summary(struct area_node *n, unsigned height)
{
	struct area_branch b = {
		.start = n->vma[0].start,
		.end = n->vma[n->count - 1].end,
		.limit = limit(n, 0, height),
		.node = n,
	};

	for (unsigned i = 0; i < n->count; i++) {
		virt_addr_t below = i > 0 ? n->vma[i - 1].end : ~0ULL, top = limit(n, i, height);

		if (top > below)
			b.gap = MAX(b.gap, top - below);
		if (height)
			b.gap = MAX(b.gap, n->branch[i].gap);
	}
	return b;
}

/* ---- Memory ---------------------------------------------------------------------- */

static struct area_node *new_node(struct areas *a)
{
	struct area_node *n = slab_alloc(&nodes);

	a->nodes += !!n;
	return n;
}

static void free_node(struct areas *a, struct area_node *n)
{
	a->nodes--;
	slab_free(&nodes, n);
}

static struct area_node *take_spare(struct areas *a)
{
	struct area_node *n = a->spare;

	ASSERT(n);
	a->spare = n->next;
	a->spare_count--;
	return n;
}

static void add_spare(struct areas *a, struct area_node *n)
{
	n->next = a->spare;
	a->spare = n;
	a->spare_count++;
}

static void leave_over(struct areas *a, struct area_node *n)
{
	if (a->spare_count < SPARE_KEPT)
		add_spare(a, n);
	else
		free_node(a, n);
}

/*
 * An insertion splits a node of each height below the root's, at most; the root is split
 * once, which takes two, and all that were split have room for the others.
 */
int areas_add_spare(struct areas *a, unsigned inserts)
{
	ASSERT_OP(inserts, <, HALF);
	while (a->spare_count < inserts * a->height + 2) {
		struct area_node *n = new_node(a);

		if (!n)
			return -ENOFRAME;
		add_spare(a, n);
	}
	return 0;
}

u64 areas_frames(const struct areas *a)
{
	return ALIGN_UP(a->nodes, NODES_PER_FRAME) / NODES_PER_FRAME;
}

/* ---- Places ---------------------------------------------------------------------- */

/* Of an address behind all areas it is the last leaf. */
struct area_node *areas_leaf(struct areas *a, struct vma_at *at, virt_addr_t addr)
{
	struct area_node *n = &a->root;

	for (unsigned h = a->height; h > 0; h--) {
		unsigned i = MIN(area_node_search(n, addr), n->count - 1);

		at->node[h] = n;
		at->i[h] = i;
		n = n->branch[i].node;
	}
	return n;
}

/* Down from the node of height h to the first or last area of a leaf. */
static struct vma *descend(struct vma_at *at, unsigned h, bool last)
{
	seam_long_work_point();
	for (; h > 0; h--) {
		struct area_node *n = at->node[h]->branch[at->i[h]].node;

		at->node[h - 1] = n;
		at->i[h - 1] = last ? n->count - 1 : 0;
	}
	return &at->node[0]->vma[at->i[0]];
}

struct vma *areas_next_leaf(struct areas *a, struct vma_at *at)
{
	for (unsigned h = 1; h <= a->height; h++)
		if (++at->i[h] < at->node[h]->count)
			return descend(at, h, false);
	return NULL;
}

struct vma *areas_last_leaf(struct areas *a, struct vma_at *at)
{
	for (unsigned h = 1; h <= a->height; h++)
		if (at->i[h] > 0) {
			at->i[h]--;
			return descend(at, h, true);
		}
	return NULL;
}

/* ---- Adding and removing --------------------------------------------------------- */

void areas_tell(struct areas *a, const struct vma_at *at)
{
	for (unsigned h = 0; h < a->height; h++)
		at->node[h + 1]->branch[at->i[h + 1]] = summary(at->node[h], h);
}

/* All that the root has goes to a node below it. */
static void raise_root(struct mm *mm)
{
	struct area_node *root = &mm->areas.root, *n = take_spare(&mm->areas);

	ASSERT_OP(mm->areas.height, <, AREAS_MAX_HEIGHT);
	fill(mm, n, root);
	root->branch[0] = summary(n, mm->areas.height);
	set_count(mm, root, 1);
	mm->areas.height++;
}

/* Halves the node of height h below entry i. */
static void split(struct mm *mm, struct area_node *parent, unsigned i, unsigned h)
{
	struct area_node *low = parent->branch[i].node, *high = take_spare(&mm->areas);

	high->count = low->count - HALF;
	memcpy(high->vma, &low->vma[HALF], high->count * sizeof(high->vma[0]));
	low->count = HALF;
	open_place(mm, parent, i + 1);
	parent->branch[i] = summary(low, h);
	parent->branch[i + 1] = summary(high, h);
}

/* Splits what is full on the way to addr, from the top: so each has room for one more. */
static __noinline void split_full(struct mm *mm, virt_addr_t addr)
{
	struct area_node *n = &mm->areas.root;

	if (n->count == NODE_AREAS)
		raise_root(mm);
	for (unsigned h = mm->areas.height; h > 0; h--) {
		unsigned i = MIN(area_node_search(n, addr), n->count - 1);

		if (n->branch[i].node->count == NODE_AREAS) {
			split(mm, n, i, h - 1);
			i = MIN(area_node_search(n, addr), n->count - 1);
		}
		n = n->branch[i].node;
	}
}

void areas_insert(struct mm *mm, struct vma_at *at, const struct vma *vma)
{
	if (unlikely(at->node[0]->count == NODE_AREAS)) {
		split_full(mm, vma->start);
		areas_seek(&mm->areas, at, vma->start);
	}
	open_place(mm, at->node[0], at->i[0]);
	at->node[0]->vma[at->i[0]] = *vma;
	mm->areas.count++;
	areas_changed(&mm->areas, at);
}

/*
 * Makes the nodes of height h below entries i and i + 1 one, if that is not too full: and
 * the two below these that become neighbours then.
 */
static void merge(struct mm *mm, struct area_node *parent, unsigned i, unsigned h)
{
	struct area_node *low, *high;
	unsigned seam;

	if (i + 1 >= parent->count)
		return;
	low = parent->branch[i].node;
	high = parent->branch[i + 1].node;
	seam = low->count;
	if (seam + high->count > MERGE_MOST)
		return;
	memcpy(&low->vma[seam], high->vma, high->count * sizeof(high->vma[0]));
	low->count += high->count;
	take_out(mm, parent, i + 1, 1);
	leave_over(&mm->areas, high);
	if (h > 0)
		merge(mm, low, seam - 1, h - 1);
	parent->branch[i] = summary(low, h);
}

/* The leaf has lost some; a root with one entry is that entry's node. */
static __noinline void settle(struct mm *mm, const struct vma_at *at)
{
	struct areas *a = &mm->areas;

	for (unsigned h = 0; h < a->height; h++) {
		struct area_node *n = at->node[h], *parent = at->node[h + 1];
		unsigned i = at->i[h + 1];

		if (n->count == 0) {
			take_out(mm, parent, i, 1);
			leave_over(a, n);
		} else {
			parent->branch[i] = summary(n, h);
			merge(mm, parent, i, h);
		}
		if (i > 0)
			merge(mm, parent, i - 1, h);
	}
	for (; a->height > 0 && a->root.count == 1; a->height--) {
		struct area_node *n = a->root.branch[0].node;

		fill(mm, &a->root, n);
		leave_over(a, n);
	}
	if (a->root.count == 0)
		a->height = 0;
}

void areas_remove(struct mm *mm, const struct vma_at *at, unsigned n)
{
	take_out(mm, at->node[0], at->i[0], n);
	mm->areas.count -= n;
	if (unlikely(mm->areas.height))
		settle(mm, at);
}

/* ---- Room ------------------------------------------------------------------------ */

/*
 * Where room of len bytes above an area of the leaf ends, or 0.  The room above the last
 * area is up to `end`; none goes beyond `top`.
 */
static virt_addr_t room_in_leaf(const struct area_node *n, u64 len, virt_addr_t end,
				virt_addr_t top)
{
	const struct vma *vma = n->vma + n->count;

	while (vma > n->vma && vma[-1].start >= top + STACK_GUARD_GAP)
		vma--; /* a stack, and what is above it: they leave all below `top` free */
	while (vma-- > n->vma) {
		if (vma->end <= end && end - vma->end >= len)
			return end;
		end = MIN(top, areas_limit(vma));
	}
	return 0;
}

/*
 * The same below a node of height h.  Looks into no node in vain, but into one of each
 * height in which `top` lies.
 */
static virt_addr_t room_below(const struct area_node *n, unsigned h, u64 len, virt_addr_t end,
			      virt_addr_t top)
{
	virt_addr_t found = 0;

	if (h == 0)
		return room_in_leaf(n, len, end, top);
	for (unsigned i = n->count; !found && i > 0; i--) {
		const struct area_branch *b = &n->branch[i - 1];

		if (b->end <= end && end - b->end >= len)
			return end;
		if (b->gap >= len && b->start < top)
			found = room_below(b->node, h - 1, len, end, top);
		end = MIN(top, b->limit);
	}
	return found;
}

virt_addr_t areas_find_room(const struct areas *a, u64 len, virt_addr_t bottom, virt_addr_t top)
{
	virt_addr_t end = likely(a->height == 0) ? room_in_leaf(&a->root, len, top, top) :
						   room_below(&a->root, a->height, len, top, top);

	if (!end) /* then below all */
		end = a->count ? MIN(top, limit(&a->root, 0, a->height)) : top;
	return len <= end && end - len >= bottom ? end - len : 0;
}

/* ---- All ------------------------------------------------------------------------- */

static void free_below(struct areas *a, struct area_node *n, unsigned height)
{
	for (unsigned i = 0; height > 0 && i < n->count; i++) {
		free_below(a, n->branch[i].node, height - 1);
		free_node(a, n->branch[i].node);
	}
	seam_long_work_point();
}

void areas_free(struct mm *mm)
{
	struct areas *a = &mm->areas;

	if (a->height > 0)
		free_below(a, &a->root, a->height);
	while (a->spare)
		free_node(a, take_spare(a));
	set_count(mm, &a->root, 0);
	a->count = a->height = 0;
}

/* What has been copied is a tree that free_below() can free, whatever it returns. */
static int copy_below(struct mm *mm, struct area_node *to, const struct area_node *from,
		      unsigned height)
{
	int err = 0;

	if (height == 0) {
		fill(mm, to, from);
		return seam_long_work_point() ? -EINTR : 0;
	}
	for (unsigned i = 0; !err && i < from->count; i++) {
		struct area_node *n = new_node(&mm->areas);

		if (!n)
			return -ENOFRAME;
		set_count(mm, to, i + 1);
		to->branch[i] = from->branch[i];
		to->branch[i].node = n;
		err = copy_below(mm, n, from->branch[i].node, height - 1);
	}
	return err;
}

int areas_copy(struct mm *to, const struct mm *from)
{
	int err = 0;

	to->areas.count = from->areas.count;
	to->areas.height = from->areas.height;
	if (likely(from->areas.height == 0))
		fill(to, &to->areas.root, &from->areas.root);
	else
		err = copy_below(to, &to->areas.root, &from->areas.root, from->areas.height);
	if (err)
		areas_free(to);
	return err;
}
