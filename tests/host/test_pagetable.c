/*
 * Test of mm/pagetable.c: long random runs against the model that the kernel's
 * own suite uses (tests/suites/pt_model.c), in an arena in place of RAM, and
 * that no table is read or written beyond its frame.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/pagetable.h"
#include "tests/host/arena.h"
#include "tests/host/host.h"
#include "tests/suites/pt_model.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA (4ULL << 20)
#define RUNS 8
#define STEPS 4000

static void *bitmap;

static void begin(void)
{
	arena_make(ARENA);
	bitmap = calloc(1, frame_bitmap_bytes(ARENA));
	frame_init(bitmap, ARENA);
	frame_add_range(0, ARENA);
}

static void end(void)
{
	free(bitmap);
	arena_free();
}

static pte_t *new_pgd(void)
{
	return phys_to_virt(frame_alloc_zeroed());
}

static void run(u64 seed)
{
	static struct pt_model m;
	unsigned step = 0;

	begin();
	pt_model_init(&m, new_pgd(), seed);
	while (step < STEPS && pt_model_step(&m))
		step++;
	if (m.wrong) {
		printf("# seed %#lx, step %u, at %#lx: %s\n", seed, step, m.at, m.wrong);
		CHECK_EQ(m.found, m.expected);
	}
	CHECK_EQ(step, STEPS);
	CHECK_EQ(frame_stats().total - frame_stats().free, 1 + pt_model_frames(&m));
	pt_free_tables(m.pgd, 0, PT_ENTRIES - 1);
	CHECK_EQ(frame_stats().total - frame_stats().free, 1);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		CHECK_EQ(m.pgd[i], 0);
	for (unsigned i = 0; i < ARRAY_SIZE(m.done); i++)
		CHECK(m.done[i] > STEPS / 200);
	end();
}

static void test_model(void)
{
	for (unsigned i = 0; i < RUNS; i++)
		run(host_random() | 1);
}

/* A range from anywhere to anywhere, checked at each of its pages. */
static void test_ranges(void)
{
	for (unsigned round = 0; round < 60; round++) {
		virt_addr_t va = host_random() % (PT_SIZE(3) * 4) & ~0xfffULL;
		phys_addr_t pa = host_random() % (PT_SIZE(3) * 4) & ~0xfffULL;
		u64 size = (1 + host_random() % 2000) << PAGE_SHIFT;
		unsigned max_level = 1 + (unsigned)(host_random() % 3);
		struct pt_leaf leaf;
		pte_t *pgd;

		begin();
		pgd = new_pgd();
		if (host_random() % 2)
			pa = ALIGN_DOWN(pa, PT_SIZE(2)) + va % PT_SIZE(2);
		CHECK_EQ(pt_map_range(pgd, va, pa, size, PROT_RW, max_level), 0);
		for (u64 off = 0; off < size; off += PAGE_SIZE) {
			CHECK_EQ(pt_walk(pgd, va + off, &leaf), 0);
			CHECK_EQ(pt_translate(pgd, va + off + 7), pa + off + 7);
			CHECK(leaf.level <= max_level);
			/* As large as can be: the 2 MiB around lie in both. */
			if (max_level > 1 && (va - pa) % PT_SIZE(2) == 0 &&
			    ALIGN_DOWN(va + off, PT_SIZE(2)) >= va &&
			    ALIGN_DOWN(va + off, PT_SIZE(2)) + PT_SIZE(2) <= va + size)
				CHECK_EQ(leaf.level, 2);
		}
		CHECK_EQ(pt_translate(pgd, va + size), NO_FRAME);
		CHECK_EQ(pt_translate(pgd, pt_canonical(va - 1)), NO_FRAME);
		CHECK_EQ(pt_map_range(pgd, va, pa, size, PROT_RW, max_level), -EEXIST);
		end();
	}
}

/* No memory, at each allocation of a range in turn. */
static void test_no_memory(void)
{
	virt_addr_t va = 0xffff888000000000 + PT_SIZE(3) - PAGE_SIZE;
	int err = -ENOMEM;
	long n;

	for (n = 0; err; n++) {
		pte_t *pgd;

		begin();
		pgd = new_pgd();
		frame_fail_after(n);
		err = pt_map_range(pgd, va, 0, 2 * PAGE_SIZE, PROT_R, 3);
		frame_fail_after(-1);
		CHECK_EQ(err, n < 5 ? -ENOMEM : 0);
		CHECK_EQ(pt_translate(pgd, va), n < 3 ? NO_FRAME : 0);
		CHECK_EQ(pt_translate(pgd, va + PAGE_SIZE), n < 5 ? NO_FRAME : PAGE_SIZE);
		CHECK_EQ(frame_stats().total - frame_stats().free, 1 + MIN(n, 5));
		pt_free_tables(pgd, 0, PT_ENTRIES - 1);
		CHECK_EQ(frame_stats().total - frame_stats().free, 1);
		end();
	}
	CHECK_EQ(n, 6);
}

/* RAM itself runs out: -ENOMEM, and the tables are still whole. */
static void test_exhaustion(void)
{
	pte_t *pgd;
	u64 pages = 0;
	int err;

	begin();
	pgd = new_pgd();
	while ((err = pt_map(pgd, pages * PT_SIZE(2), 0x1000, PROT_R)) == 0)
		pages++;
	CHECK_EQ(err, -ENOMEM);
	CHECK(pages > ARENA / PAGE_SIZE - 16);
	CHECK_EQ(frame_stats().free, 0);
	for (u64 i = 0; i < pages; i++)
		CHECK_EQ(pt_translate(pgd, i * PT_SIZE(2)), 0x1000);
	pt_free_tables(pgd, 0, PT_ENTRIES - 1);
	CHECK_EQ(frame_stats().total - frame_stats().free, 1);
	end();
}

const struct host_case host_cases[] = {
	{ "random runs agree with the model", test_model },
	{ "a range is mapped, all of it, in the largest pages", test_ranges },
	{ "each allocation that fails is -ENOMEM", test_no_memory },
	{ "when RAM runs out the tables are still whole", test_exhaustion },
	{ NULL, NULL }
};
