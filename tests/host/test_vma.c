/*
 * Test of mm/space/vma.c and areas.c: areas against an array with one byte of rights a page;
 * the tree's invariants.
 */
#include "kernel/base/errno.h"
#include "mm/frames/frame.h"
#include "mm/space/vma.h"
#include "tests/host/arena.h"
#include "tests/host/host.h"

#include <stdlib.h>
#include <string.h>

#define PAGES 12000
#define FEW 96
#define BASE (2 * USER_START)
#define NONE 0xff /* no area; else VMA_* bits */
#define AT(page) (BASE + (u64)(page) * PAGE_SIZE)
#define RAM (32 << 20)

static struct mm *mm;
static u8 page[PAGES];
static unsigned pages; /* of these that a case uses */
static u64 bitmap[2 * RAM / PAGE_SIZE];

static void begin(unsigned n)
{
	arena_make(RAM);
	memset(bitmap, 0, sizeof(bitmap));
	frame_init(bitmap, RAM);
	frame_add_range(0x10000, RAM);
	mm = calloc(1, sizeof(*mm));
	pages = n;
	memset(page, NONE, sizeof(page));
}

static void end(void)
{
	vma_remove_all(mm);
	CHECK_EQ(mm->areas.nodes, 0);
	CHECK_EQ(mm->bytes + mm->data_bytes + mm->locked_bytes, 0);
	CHECK_EQ(frame_stats().free, frame_stats().total);
	free(mm);
	arena_free();
}

static int protect(struct mm *m, virt_addr_t start, virt_addr_t stop, unsigned prot)
{
	int err = vma_prepare_protect(m, start, stop);

	if (!err)
		vma_protect(m, start, stop, prot);
	return err;
}

static int unmap(virt_addr_t start, virt_addr_t stop)
{
	int err = vma_prepare_remove(mm, start, stop);

	if (!err)
		vma_remove(mm, start, stop);
	return err;
}

static int insert(virt_addr_t start, virt_addr_t stop, unsigned prot)
{
	int err = vma_prepare(mm, 1);

	if (!err)
		vma_insert(mm, &(struct vma){ .start = start, .end = stop, .prot = prot });
	return err;
}

/* The i-th area. */
static const struct vma *area(unsigned i)
{
	struct vma_at at;
	const struct vma *vma = vma_first(mm, &at, 0);

	while (vma && i-- > 0)
		vma = vma_next(mm, &at);
	return vma;
}

/* ---- The tree: mm/space/areas.c's invariants ------------------------------------------ */

struct seen {
	const struct vma *last; /* the area before */
	u64 gap;
	unsigned areas, nodes;
};

static void check_leaf(const struct area_node *n, struct seen *s)
{
	for (unsigned i = 0; i < n->count; i++) {
		const struct vma *vma = &n->vma[i];

		CHECK(vma->start < vma->end);
		if (s->last) {
			CHECK(s->last->end <= vma->start);
			CHECK(s->last->end < vma->start || s->last->prot != vma->prot);
			if (areas_limit(vma) > s->last->end)
				s->gap = MAX(s->gap, areas_limit(vma) - s->last->end);
		}
		s->last = vma;
		s->areas++;
	}
}

/* Returns the largest gap between two areas below the node. */
static u64 check_node(const struct area_node *n, unsigned height, struct seen *s)
{
	u64 gap = 0;

	for (unsigned i = 0; height > 0 && i < n->count; i++) {
		const struct area_branch *b = &n->branch[i];
		const struct vma *before = s->last;
		struct seen below = { .areas = s->areas, .nodes = s->nodes + 1 };

		CHECK(b->node->count > 0);
		if (i > 0)
			CHECK(b[-1].node->count + b->node->count > NODE_AREAS / 2);
		CHECK_EQ(b->gap, check_node(b->node, height - 1, &below));
		CHECK_EQ(b->end, below.last->end);
		CHECK(!before || before->end <= b->start);
		gap = MAX(gap, b->gap);
		if (i > 0 && b->limit > before->end)
			gap = MAX(gap, b->limit - before->end);
		*s = below;
	}
	if (height > 0)
		return gap;
	check_leaf(n, s);
	return s->gap;
}

static void check_tree(void)
{
	struct seen s = { 0 };

	check_node(&mm->areas.root, mm->areas.height, &s);
	CHECK_EQ(s.areas, mm->areas.count);
	CHECK_EQ(s.nodes + mm->areas.spare_count, mm->areas.nodes);
	if (mm->areas.height > 0)
		CHECK(mm->areas.root.count > 1);
}

/* ---- The model ------------------------------------------------------------------------ */

static void compare(void)
{
	u64 bytes = 0, data = 0;

	check_tree();
	for (unsigned i = 0; i < pages; i++) {
		const struct vma *v = vma_find(mm, AT(i));

		CHECK_EQ(v ? v->prot : NONE, page[i]);
		CHECK(vma_find(mm, AT(i) + PAGE_SIZE - 1) == v);
		CHECK_EQ(vma_range_free(mm, AT(i), AT(i + 1)), page[i] == NONE);
		bytes += page[i] == NONE ? 0 : PAGE_SIZE;
		data += page[i] != NONE && (page[i] & VMA_WRITE) ? PAGE_SIZE : 0;
	}
	CHECK_EQ(vma_bytes(mm, AT(0), AT(pages)), bytes);
	CHECK_EQ(vma_bytes(mm, 0, USER_END), mm->bytes);
	CHECK(mm->data_bytes >= data && mm->data_bytes - data == mm->bytes - bytes);
}

static bool all_free(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (page[i] != NONE)
			return false;
	return true;
}

static bool any_free(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (page[i] == NONE)
			return true;
	return false;
}

static void random_step(void)
{
	unsigned from = (unsigned)(host_random() % pages);
	unsigned to = from + 1 + (unsigned)(host_random() % MIN(pages - from, 12));
	unsigned prot = (unsigned)(host_random() % 4);
	int err;

	CHECK_EQ(vma_range_free(mm, AT(from), AT(to)), all_free(from, to));
	switch (host_random() % 3) {
	case 0:
		if (!all_free(from, to))
			return;
		CHECK_EQ(insert(AT(from), AT(to), prot), 0);
		memset(page + from, (int)prot, to - from);
		break;
	case 1:
		CHECK_EQ(unmap(AT(from), AT(to)), 0);
		memset(page + from, NONE, to - from);
		break;
	default:
		err = protect(mm, AT(from), AT(to), prot);
		CHECK_EQ(err, any_free(from, to) ? -ENOMEM : 0);
		if (!err)
			memset(page + from, (int)prot, to - from);
		break;
	}
}

static void test_random(void)
{
	begin(FEW);
	for (unsigned step = 0; step < 20000; step++) {
		random_step();
		compare();
	}
	end();
}

/*
 * Pages of random rights, one by one, in an order that visits each: from the top, from the
 * bottom, or all over.
 */
static void fill_pages(unsigned step)
{
	for (unsigned i = 0, at = step == PAGES - 1 ? step : 0; i < PAGES; i++) {
		unsigned prot = (unsigned)(host_random() % 4);

		if (page[at] == NONE) {
			CHECK_EQ(insert(AT(at), AT(at + 1), prot), 0);
			page[at] = (u8)prot;
		}
		at = (at + step) % PAGES;
	}
}

static void random_steps(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		random_step();
		if (i % 1000 == 0)
			compare();
	}
	compare();
}

static void test_many(void)
{
	static const unsigned steps[] = { 1, PAGES - 1, 7 };

	begin(PAGES);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		fill_pages(steps[i]);
		compare();
		CHECK(mm->areas.count > PAGES / 2 && mm->areas.height >= 2);
		random_steps(10000);
		for (unsigned from = 0; from < PAGES; from += 1 + (unsigned)(host_random() % 3)) {
			CHECK_EQ(unmap(AT(from), AT(from + 1)), 0);
			page[from] = NONE;
		}
		random_steps(3000);
		CHECK_EQ(unmap(AT(100), AT(PAGES - 100)), 0);
		memset(page + 100, NONE, PAGES - 200);
		compare();
		CHECK(mm->areas.height <= 1);
	}
	end();
}

/* A copy, at each number of frames that are too few, and with enough. */
static void test_copy(void)
{
	unsigned tries = 0;
	struct mm *child;
	int err = -ENOFRAME;

	begin(PAGES);
	fill_pages(1);
	for (long n = 0; err; n += 10, tries++) {
		u64 free_before = frame_stats().free;

		child = calloc(1, sizeof(*child));
		frame_fail_after(n);
		err = vma_copy(child, mm);
		frame_fail_after(-1);
		CHECK(err == 0 || err == -ENOFRAME);
		CHECK_EQ(child->areas.count, err ? 0 : mm->areas.count);
		if (!err) {
			struct mm *parent = mm;

			child->bytes = mm->bytes;
			child->data_bytes = mm->data_bytes;
			mm = child;
			compare();
			mm = parent;
			vma_remove_all(child);
		}
		CHECK_EQ(frame_stats().free, free_before);
		free(child);
	}
	CHECK(tries > 10);
	end();
}

/* Memory runs out at each frame: what was prepared is done, what was not changes nothing. */
static void test_no_memory(void)
{
	unsigned failed = 0;

	begin(PAGES);
	for (unsigned i = 0; i < PAGES / 2; i++) {
		unsigned before = mm->areas.count;
		int err;

		frame_fail_after(i % 2);
		err = insert(AT(2 * i), AT(2 * i + 1), 1);
		frame_fail_after(-1);
		failed += err == -ENOFRAME;
		CHECK(err == 0 || err == -ENOFRAME);
		CHECK_EQ(mm->areas.count, before + !err);
		page[2 * i] = err ? NONE : 1;
	}
	compare();
	CHECK(failed > 10);
	end();
}

/* The highest place below `top` page by page; 0: none. */
static virt_addr_t slow_room(unsigned len, unsigned top)
{
	for (unsigned from = top; from-- > 0;)
		if (from + len <= top && all_free(from, from + len))
			return AT(from);
	return 0;
}

static void test_room(void)
{
	begin(FEW);
	/* What is below the pages of the model is taken. */
	CHECK_EQ(insert(USER_START, BASE, 7), 0);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned len = 1 + (unsigned)(host_random() % 10);
		unsigned top = 1 + (unsigned)(host_random() % pages);

		random_step();
		CHECK_EQ(areas_find_room(&mm->areas, len * PAGE_SIZE, USER_START, AT(top)),
			 slow_room(len, top));
	}
	end();
	begin(FEW);
	CHECK_EQ(areas_find_room(&mm->areas, PAGE_SIZE, USER_START, MM_MMAP_TOP), MM_MMAP_TOP - PAGE_SIZE);
	CHECK_EQ(areas_find_room(&mm->areas, MM_MMAP_TOP - USER_START, USER_START, MM_MMAP_TOP), USER_START);
	CHECK_EQ(areas_find_room(&mm->areas, MM_MMAP_TOP - USER_START + PAGE_SIZE, USER_START, MM_MMAP_TOP), 0);
	CHECK_EQ(areas_find_room(&mm->areas, MM_MMAP_TOP, USER_START, MM_MMAP_TOP), 0);
	CHECK_EQ(areas_find_room(&mm->areas, USER_END, USER_START, MM_MMAP_TOP), 0);
	end();
}

static void test_merge(void)
{
	begin(FEW);
	CHECK_EQ(insert(AT(0), AT(2), 3), 0);
	CHECK_EQ(insert(AT(4), AT(6), 3), 0);
	CHECK_EQ(insert(AT(6), AT(8), 1), 0);
	CHECK_EQ(mm->areas.count, 3);
	CHECK_EQ(insert(AT(2), AT(4), 3), 0); /* fills the gap */
	CHECK_EQ(mm->areas.count, 2);
	CHECK_EQ(protect(mm, AT(6), AT(8), 3), 0); /* alike now */
	CHECK_EQ(mm->areas.count, 1);
	CHECK_EQ(area(0)->start, AT(0));
	CHECK_EQ(area(0)->end, AT(8));
	CHECK_EQ(protect(mm, AT(3), AT(5), 1), 0); /* cut in three */
	CHECK_EQ(mm->areas.count, 3);
	CHECK_EQ(unmap(AT(1), AT(7)), 0); /* across all */
	CHECK_EQ(mm->areas.count, 2);
	CHECK_EQ(area(0)->end, AT(1));
	CHECK_EQ(area(1)->start, AT(7));
	end();
}

/* Three pages of four, until no more will go in. */
static unsigned fill(void)
{
	unsigned n = 0;

	while (insert(AT(4 * n), AT(4 * n + 3), 3) == 0)
		n++;
	return n;
}

static void test_full(void)
{
	unsigned n;

	begin(FEW);
	n = fill();
	CHECK_EQ(n, MM_MAX_VMAS);
	CHECK_EQ(mm->areas.count, n);
	/* What would need one more area, and what would not. */
	CHECK_EQ(unmap(AT(1), AT(2)), -ENOMEM);
	CHECK_EQ(protect(mm, AT(0), AT(1), 1), -ENOMEM);
	CHECK_EQ(protect(mm, AT(1), AT(2), 1), -ENOMEM);
	CHECK_EQ(mm->areas.count, n);
	CHECK_EQ(vma_find(mm, AT(1))->end, AT(3)); /* nothing was cut */
	CHECK_EQ(unmap(AT(3), AT(4)), 0); /* nothing there */
	CHECK_EQ(protect(mm, AT(0), AT(3), 1), 0); /* all of one */
	CHECK_EQ(unmap(AT(2), AT(3)), 0); /* its end */
	CHECK_EQ(mm->areas.count, n);
	CHECK_EQ(unmap(AT(9), AT(13)), 0); /* an end and a beginning */
	CHECK_EQ(mm->areas.count, n);
	CHECK_EQ(unmap(AT(4), AT(7)), 0); /* one goes */
	CHECK_EQ(mm->areas.count, n - 1);
	CHECK_EQ(unmap(AT(17), AT(18)), 0); /* now there is room for a hole */
	CHECK_EQ(mm->areas.count, n);
	CHECK_EQ(insert(AT(4), AT(5), 3), -ENOMEM);
	check_tree();
	CHECK_EQ(unmap(AT(0), AT(4 * n)), 0); /* all */
	CHECK_EQ(mm->areas.count, 0);
	end();
}

/* An area that grows down wants its gap, wherever in the tree it is. */
static void test_gap(void)
{
	const u64 step = 4 * STACK_GUARD_GAP;

	begin(FEW);
	for (unsigned i = 0; i < 2000; i++) {
		struct vma vma = { .start = BASE + i * step, .prot = 3, .flags = VMA_GROWSDOWN };

		vma.end = vma.start + STACK_GUARD_GAP;
		CHECK_EQ(vma_prepare(mm, 1), 0);
		vma_insert(mm, &vma);
	}
	check_tree();
	for (unsigned i = 1; i < 2000; i += 7) {
		virt_addr_t start = BASE + i * step, room = start - 3 * STACK_GUARD_GAP;

		CHECK_EQ(areas_find_room(&mm->areas, 2 * STACK_GUARD_GAP, BASE, start + 1), room);
		CHECK_EQ(areas_find_room(&mm->areas, 2 * STACK_GUARD_GAP + PAGE_SIZE, BASE, start), 0);
		CHECK(vma_room_free(mm, room, start - STACK_GUARD_GAP));
		CHECK(!vma_room_free(mm, room, start - STACK_GUARD_GAP + PAGE_SIZE));
		CHECK(vma_growing(mm, start - PAGE_SIZE)->start == start);
	}
	vma_grow_down(mm, BASE + 5 * step - STACK_GUARD_GAP);
	check_tree();
	end();
}

static void test_edges(void)
{
	begin(FEW);
	CHECK(vma_find(mm, 0) == NULL);
	CHECK(vma_range_free(mm, 0, USER_END));
	CHECK_EQ(unmap(0, USER_END), 0);
	CHECK_EQ(protect(mm, AT(0), AT(1), 1), -ENOMEM);
	CHECK_EQ(insert(0, PAGE_SIZE, 1), 0);
	CHECK_EQ(insert(USER_END - PAGE_SIZE, USER_END, 1), 0);
	CHECK(vma_find(mm, 0) == area(0));
	CHECK(vma_find(mm, USER_END - 1) == area(1));
	CHECK(vma_find(mm, USER_END) == NULL);
	CHECK(vma_range_free(mm, PAGE_SIZE, USER_END - PAGE_SIZE));
	CHECK(!vma_range_free(mm, PAGE_SIZE, USER_END - PAGE_SIZE + 1));
	CHECK(!vma_range_free(mm, PAGE_SIZE - 1, PAGE_SIZE));
	end();
}

const struct host_case host_cases[] = {
	{ "a random run of changes agrees with an array of pages", test_random },
	{ "the same with thousands of areas, and the tree is in order", test_many },
	{ "a copy is whole, or leaves nothing", test_copy },
	{ "where memory runs out nothing has changed", test_no_memory },
	{ "room is found at the highest place", test_room },
	{ "an area that grows down keeps its gap", test_gap },
	{ "neighbours that are alike become one", test_merge },
	{ "when full, only what needs a further area fails", test_full },
	{ "the first and last pages of the user half", test_edges },
	{ NULL, NULL }
};
