/*
 * Test of mm/space/vma.c: areas against an array with one byte of rights a page.
 */
#include "kernel/base/errno.h"
#include "mm/space/vma.h"
#include "tests/host/host.h"

#include <stdlib.h>
#include <string.h>

#define PAGES 96
#define BASE (2 * USER_START)
#define NONE 0xff /* no area; else VMA_* bits */
#define AT(page) (BASE + (u64)(page) * PAGE_SIZE)

static struct mm *mm;
static u8 page[PAGES];

static void begin(void)
{
	mm = calloc(1, sizeof(*mm));
	memset(page, NONE, sizeof(page));
}

static void end(void)
{
	free(mm);
}

static int protect(struct mm *m, virt_addr_t start, virt_addr_t stop, unsigned prot)
{
	if (!vma_can_protect(m, start, stop))
		return -ENOMEM;
	vma_protect(m, start, stop, prot);
	return 0;
}

static int insert(virt_addr_t start, virt_addr_t end, unsigned prot)
{
	return vma_insert(mm, (struct vma){ .start = start, .end = end, .prot = prot });
}

/* Sorted, apart, not empty; alike neighbours are one; and page by page. */
static void compare(void)
{
	for (unsigned i = 0; i < mm->count; i++) {
		const struct vma *v = &mm->vma[i];

		CHECK(v->start < v->end);
		if (i > 0)
			CHECK(v[-1].end <= v->start);
		if (i > 0 && v[-1].end == v->start)
			CHECK(v[-1].prot != v->prot);
	}
	for (unsigned i = 0; i < PAGES; i++) {
		const struct vma *v = vma_find(mm, AT(i));

		CHECK_EQ(v ? v->prot : NONE, page[i]);
		CHECK(vma_find(mm, AT(i) + PAGE_SIZE - 1) == v);
		CHECK_EQ(vma_range_free(mm, AT(i), AT(i + 1)), page[i] == NONE);
	}
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
	unsigned from = (unsigned)(host_random() % PAGES);
	unsigned to = from + 1 + (unsigned)(host_random() % MIN(PAGES - from, 12));
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
		CHECK_EQ(vma_remove(mm, AT(from), AT(to)), 0);
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
	begin();
	for (unsigned step = 0; step < 20000; step++) {
		random_step();
		compare();
	}
	end();
}

/* The highest place below `top` page by page; 0: none. */
static virt_addr_t slow_room(unsigned pages, unsigned top)
{
	for (unsigned from = top; from-- > 0;)
		if (from + pages <= top && all_free(from, from + pages))
			return AT(from);
	return 0;
}

static void test_room(void)
{
	begin();
	/* What is below the pages of the model is taken. */
	CHECK_EQ(insert(USER_START, BASE, 7), 0);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned pages = 1 + (unsigned)(host_random() % 10);
		unsigned top = 1 + (unsigned)(host_random() % PAGES);

		random_step();
		CHECK_EQ(vma_find_room(mm, pages * PAGE_SIZE, USER_START, AT(top)),
			 slow_room(pages, top));
	}
	end();
	begin();
	CHECK_EQ(vma_find_room(mm, PAGE_SIZE, USER_START, MM_MMAP_TOP), MM_MMAP_TOP - PAGE_SIZE);
	CHECK_EQ(vma_find_room(mm, MM_MMAP_TOP - USER_START, USER_START, MM_MMAP_TOP), USER_START);
	CHECK_EQ(vma_find_room(mm, MM_MMAP_TOP - USER_START + PAGE_SIZE, USER_START, MM_MMAP_TOP), 0);
	CHECK_EQ(vma_find_room(mm, MM_MMAP_TOP, USER_START, MM_MMAP_TOP), 0);
	CHECK_EQ(vma_find_room(mm, USER_END, USER_START, MM_MMAP_TOP), 0);
	end();
}

static void test_merge(void)
{
	begin();
	CHECK_EQ(insert(AT(0), AT(2), 3), 0);
	CHECK_EQ(insert(AT(4), AT(6), 3), 0);
	CHECK_EQ(insert(AT(6), AT(8), 1), 0);
	CHECK_EQ(mm->count, 3);
	CHECK_EQ(insert(AT(2), AT(4), 3), 0); /* fills the gap */
	CHECK_EQ(mm->count, 2);
	CHECK_EQ(protect(mm, AT(6), AT(8), 3), 0); /* alike now */
	CHECK_EQ(mm->count, 1);
	CHECK_EQ(mm->vma[0].start, AT(0));
	CHECK_EQ(mm->vma[0].end, AT(8));
	CHECK_EQ(protect(mm, AT(3), AT(5), 1), 0); /* cut in three */
	CHECK_EQ(mm->count, 3);
	CHECK_EQ(vma_remove(mm, AT(1), AT(7)), 0); /* across all */
	CHECK_EQ(mm->count, 2);
	CHECK_EQ(mm->vma[0].end, AT(1));
	CHECK_EQ(mm->vma[1].start, AT(7));
	end();
}

/* Every second page, until no more will go in. */
static unsigned fill(void)
{
	unsigned n = 0;

	while (insert(AT(4 * n), AT(4 * n + 3), 3) == 0)
		n++;
	return n;
}

static void expect_areas(unsigned n)
{
	CHECK_EQ(mm->count, n);
	CHECK(mm->count <= MM_MAX_VMAS);
}

static void test_full(void)
{
	unsigned n;

	begin();
	n = fill();
	CHECK(n > MM_MAX_VMAS - 4);
	expect_areas(n);
	/* What would need one more area, and what would not. */
	CHECK_EQ(vma_remove(mm, AT(1), AT(2)), -ENOMEM);
	CHECK_EQ(protect(mm, AT(0), AT(1), 1), -ENOMEM);
	CHECK_EQ(protect(mm, AT(1), AT(2), 1), -ENOMEM);
	expect_areas(n);
	CHECK_EQ(vma_find(mm, AT(1))->end, AT(3)); /* nothing was cut */
	CHECK_EQ(vma_remove(mm, AT(3), AT(4)), 0); /* nothing there */
	CHECK_EQ(protect(mm, AT(0), AT(3), 1), 0); /* all of one */
	CHECK_EQ(vma_remove(mm, AT(2), AT(3)), 0); /* its end */
	expect_areas(n);
	CHECK_EQ(vma_remove(mm, AT(9), AT(13)), 0); /* an end and a beginning */
	expect_areas(n);
	CHECK_EQ(vma_remove(mm, AT(4), AT(7)), 0); /* one goes */
	expect_areas(n - 1);
	CHECK_EQ(vma_remove(mm, AT(17), AT(18)), 0); /* now there is room for a hole */
	expect_areas(n);
	CHECK_EQ(insert(AT(4), AT(5), 3), -ENOMEM);
	CHECK_EQ(vma_remove(mm, AT(0), AT(4 * n)), 0); /* all */
	expect_areas(0);
	end();
}

static void test_edges(void)
{
	begin();
	CHECK(vma_find(mm, 0) == NULL);
	CHECK(vma_range_free(mm, 0, USER_END));
	CHECK_EQ(vma_remove(mm, 0, USER_END), 0);
	CHECK_EQ(protect(mm, AT(0), AT(1), 1), -ENOMEM);
	CHECK_EQ(insert(0, PAGE_SIZE, 1), 0);
	CHECK_EQ(insert(USER_END - PAGE_SIZE, USER_END, 1), 0);
	CHECK(vma_find(mm, 0) == &mm->vma[0]);
	CHECK(vma_find(mm, USER_END - 1) == &mm->vma[1]);
	CHECK(vma_find(mm, USER_END) == NULL);
	CHECK(vma_range_free(mm, PAGE_SIZE, USER_END - PAGE_SIZE));
	CHECK(!vma_range_free(mm, PAGE_SIZE, USER_END - PAGE_SIZE + 1));
	CHECK(!vma_range_free(mm, PAGE_SIZE - 1, PAGE_SIZE));
	end();
}

const struct host_case host_cases[] = {
	{ "a random run of changes agrees with an array of pages", test_random },
	{ "room is found at the highest place", test_room },
	{ "neighbours that are alike become one", test_merge },
	{ "when full, only what needs a further area fails", test_full },
	{ "the first and last pages of the user half", test_edges },
	{ NULL, NULL }
};
