/*
 * Test of mm/frames/frame.c: the shapes that memory may have, contiguous runs and
 * alignment against a plain array, and what must panic.
 *
 * Each bitmap is a block of exactly the size that frame_bitmap_bytes() asks
 * for, so that the address sanitizer sees a bit beyond it.
 */
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "tests/host/arena.h"
#include "tests/host/host.h"

#include <stdlib.h>
#include <string.h>

#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)

static void *bitmap;

static void begin(phys_addr_t top)
{
	size_t bytes = frame_bitmap_bytes(top);

	arena_make(ALIGN_UP(top, PAGE_SIZE));
	bitmap = calloc(1, bytes);
	frame_init(bitmap, top);
}

static void end(void)
{
	free(bitmap);
	arena_free();
}

static u64 used(void)
{
	return frame_stats().total - frame_stats().free;
}

static void test_empty(void)
{
	begin(MIB(64));
	CHECK_EQ(frame_stats().total, 0);
	CHECK_EQ(frame_stats().free, 0);
	CHECK_EQ(frame_stats().top, MIB(64));
	CHECK_EQ(frame_alloc(), NO_FRAME);
	CHECK_EQ(frame_alloc_zeroed(), NO_FRAME);
	CHECK_EQ(frame_alloc_contiguous(1, NO_FRAME), NO_FRAME);
	end();
}

static void test_rounding(void)
{
	begin(MIB(1));
	frame_add_range(0x1001, 0x4fff); /* inwards: 2 and 3 */
	CHECK_EQ(frame_stats().total, 2);
	CHECK_EQ(frame_alloc(), 0x2000);
	CHECK_EQ(frame_alloc(), 0x3000);
	CHECK_EQ(frame_alloc(), NO_FRAME);
	frame_add_range(0x5001, 0x5fff); /* nothing whole in it */
	frame_add_range(0x7000, 0x7000);
	frame_add_range(0x9000, 0x8000);
	CHECK_EQ(frame_stats().total, 2);
	frame_add_range(0x10000, 0x20000);
	frame_reserve_range(0x12fff, 0x14001); /* outwards: 2, 3 and 4 */
	CHECK_EQ(frame_stats().total, 2 + 13);
	frame_reserve_range(0x18000, 0x18000);
	CHECK_EQ(frame_stats().total, 2 + 13);
	end();
}

static void test_overlap(void)
{
	begin(MIB(1));
	frame_add_range(0x10000, 0x20000);
	frame_add_range(0x18000, 0x30000); /* the middle twice */
	frame_add_range(0x10000, 0x11000);
	CHECK_EQ(frame_stats().total, 32);
	CHECK_EQ(frame_stats().free, 32);
	frame_reserve_range(0x14000, 0x28000);
	frame_reserve_range(0x20000, 0x2c000); /* again, and more */
	frame_reserve_range(0x80000, 0x90000); /* never handed over */
	CHECK_EQ(frame_stats().total, 8);
	CHECK_EQ(frame_stats().free, 8);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(frame_alloc(), (i < 4 ? 0x10000 : 0x28000) + i * PAGE_SIZE);
	CHECK_EQ(frame_alloc(), NO_FRAME);
	end();
}

/* Ends of memory that are no multiple of 64 frames, nor of a frame. */
static void test_odd_tops(void)
{
	static const u64 tops[] = { 0x1000, 0x3f000, 0x40000, 0x40001, 0x40fff, 0x41000,
				    0x7ffff, 0x80064 };

	for (unsigned i = 0; i < ARRAY_SIZE(tops); i++) {
		u64 frames = tops[i] / PAGE_SIZE, n = 0;

		begin(tops[i]);
		frame_add_range(0, GIB(8)); /* cut at the top */
		CHECK_EQ(frame_stats().total, frames);
		while (frame_alloc() != NO_FRAME)
			n++;
		CHECK_EQ(n, frames);
		frame_reserve_range(0, GIB(8));
		CHECK_EQ(frame_stats().total, 0);
		end();
	}
}

struct range {
	u64 start, end;
};

static bool inside(const struct range *ranges, phys_addr_t pa)
{
	for (; ranges->end; ranges++)
		if (pa >= ranges->start && pa + PAGE_SIZE <= ranges->end)
			return true;
	return false;
}

/* Takes every frame of the shape: each once, all inside, as many as there are. */
static void take_all(const struct range *ranges, u64 top, u64 frames)
{
	u8 *seen = calloc(1, top / PAGE_SIZE);
	u64 n = 0, outside = 0, twice = 0;
	phys_addr_t pa;

	CHECK_EQ(frame_stats().free, frames);
	while ((pa = frame_alloc()) != NO_FRAME) {
		outside += !inside(ranges, pa);
		twice += seen[pa / PAGE_SIZE]++ != 0;
		n++;
	}
	CHECK_EQ(n, frames);
	CHECK_EQ(outside, 0);
	CHECK_EQ(twice, 0);
	CHECK_EQ(frame_stats().free, 0);
	for (u64 pfn = 0; pfn < top / PAGE_SIZE; pfn++)
		if (seen[pfn])
			frame_free(pfn * PAGE_SIZE);
	CHECK_EQ(frame_stats().free, frames);
	free(seen);
}

static void test_shape(const struct range *ranges)
{
	u64 top = 0, bytes = 0;

	for (const struct range *r = ranges; r->end; r++) {
		top = r->end;
		bytes += r->end - r->start;
	}
	begin(top);
	for (const struct range *r = ranges; r->end; r++)
		frame_add_range(r->start, r->end);
	CHECK_EQ(frame_stats().total, bytes / PAGE_SIZE);
	CHECK_EQ(frame_stats().top, top);
	take_all(ranges, top, bytes / PAGE_SIZE);
	end();
}

/* As QEMU's pc and q35 report them. */
static void test_shapes(void)
{
	static const struct range mib64[] = {
		{ 0x1000, 0x9f000 }, { MIB(1), MIB(64) - 0x20000 }, { 0, 0 } };
	static const struct range gib4[] = {
		{ 0x1000, 0x9f000 }, { MIB(1), GIB(3) - 0x21000 },
		{ GIB(4), GIB(5) }, { 0, 0 } };
	static const struct range gib8[] = {
		{ 0x1000, 0x9f000 }, { MIB(1), GIB(2) - 0x21000 },
		{ GIB(4), GIB(10) }, { 0, 0 } };

	test_shape(mib64);
	test_shape(gib4);
	test_shape(gib8);
}

/* ---- Against a plain array ---------------------------------------------------------- */

#define N 700 /* frames, not a multiple of 64 */
#define HOLE_START 300
#define HOLE_END 333

static u8 owner[N]; /* 0: free, 1: hole, else: taken, number of frames at the first */
static u8 body[N];  /* in use */

static unsigned block_size(unsigned n)
{
	unsigned size = 1;

	while (size < n)
		size *= 2;
	return size;
}

/* The first frame of the lowest block for n frames, all of which end at the limit. */
static phys_addr_t lowest(unsigned n, unsigned limit)
{
	unsigned size = block_size(n);

	for (unsigned i = 0; i + n <= limit && i + size <= N; i += size) {
		unsigned k = 0;

		while (k < size && !body[i + k])
			k++;
		if (k == size)
			return i * PAGE_SIZE;
	}
	return NO_FRAME;
}

static void model_take(void)
{
	unsigned n = host_random() % 4 ? 1 : 1 + (unsigned)(host_random() % 64);
	unsigned limit = host_random() % 4 ? N : (unsigned)(host_random() % (N + 40));
	phys_addr_t expected = lowest(n, limit);
	phys_addr_t pa = frame_alloc_contiguous(n, limit * PAGE_SIZE);
	unsigned pfn = (unsigned)(pa / PAGE_SIZE);

	CHECK_EQ(pa, expected);
	if (pa == NO_FRAME)
		return;
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(body[pfn + i], 0);
		body[pfn + i] = 1;
	}
	for (u64 i = 0; i < n * PAGE_SIZE; i += 509)
		CHECK_EQ(arena.base[pa + i], 0);
	memset(arena.base + pa, 0xa5, n * PAGE_SIZE);
	owner[pfn] = (u8)(n + 1);
}

static void model_take_one(void)
{
	phys_addr_t pa = frame_alloc();
	unsigned pfn = (unsigned)(pa / PAGE_SIZE);

	CHECK_EQ(pa != NO_FRAME, lowest(1, N) != NO_FRAME);
	if (pa == NO_FRAME)
		return;
	CHECK_EQ(body[pfn], 0);
	body[pfn] = 1;
	owner[pfn] = 2;
	memset(arena.base + pa, 0xa5, PAGE_SIZE);
}

static void model_free(void)
{
	unsigned pfn = (unsigned)(host_random() % N), n;

	while (pfn < N && owner[pfn] < 2)
		pfn++;
	if (pfn == N)
		return;
	n = owner[pfn] - 1u;
	frame_free_contiguous(pfn * PAGE_SIZE, n);
	owner[pfn] = 0;
	memset(body + pfn, 0, n);
}

static void test_random(void)
{
	u64 in_use;

	begin(N * PAGE_SIZE);
	memset(owner, 0, sizeof(owner));
	memset(body, 0, sizeof(body));
	frame_add_range(0, N * PAGE_SIZE);
	frame_reserve_range(HOLE_START * PAGE_SIZE, HOLE_END * PAGE_SIZE);
	memset(body + HOLE_START, 1, HOLE_END - HOLE_START);
	for (unsigned step = 0; step < 20000; step++) {
		u64 what = host_random() % (step / 2000 % 2 ? 5 : 9);

		if (what < 2)
			model_take();
		else if (what == 2)
			model_take_one();
		else
			model_free();
		in_use = 0;
		for (unsigned i = 0; i < N; i++)
			in_use += body[i];
		CHECK_EQ(used(), in_use - (HOLE_END - HOLE_START));
	}
	end();
}

/* ---- Holders ------------------------------------------------------------------------- */

static void test_holders(void)
{
	phys_addr_t pa;

	begin(MIB(1));
	frame_add_range(0x10000, 0x20000);
	pa = frame_alloc();
	CHECK(!frame_has_others(pa));
	frame_hold(pa);
	frame_hold(pa);
	CHECK(frame_has_others(pa));
	frame_release(pa);
	CHECK(frame_has_others(pa));
	frame_release(pa);
	CHECK(!frame_has_others(pa));
	CHECK_EQ(used(), 1);
	frame_release(pa);
	CHECK_EQ(used(), 0);
	CHECK_EQ(frame_alloc(), pa); /* and is as new */
	CHECK(!frame_has_others(pa));
	end();
}

/* More than can be counted: for good, rather than free while somebody has it. */
static void test_too_many_holders(void)
{
	phys_addr_t pa;

	begin(MIB(1));
	frame_add_range(0x10000, 0x20000);
	pa = frame_alloc();
	frame_others[PFN(pa)] = ~0u - 1;
	frame_hold(pa);
	frame_hold(pa);
	CHECK(frame_has_others(pa));
	for (unsigned i = 0; i < 10; i++)
		frame_release(pa);
	CHECK(frame_has_others(pa));
	CHECK_EQ(used(), 1);
	pa = frame_alloc();
	frame_pin(pa);
	frame_release(pa);
	frame_hold(pa);
	frame_release(pa);
	CHECK_EQ(used(), 2);
	end();
}

/* ---- A bound -------------------------------------------------------------------------- */

/*
 * The shortest of many times that taking n frames and giving them back takes: how
 * busy the host is does not matter.
 */
static u64 ticks_for(unsigned n, phys_addr_t expected)
{
	u64 best = ~0ULL;

	for (unsigned i = 0; i < 1000; i++) {
		u64 begin = __builtin_ia32_rdtsc(), ticks;
		phys_addr_t pa = frame_alloc_contiguous(n, NO_FRAME);

		if (pa != NO_FRAME)
			frame_free_contiguous(pa, n);
		ticks = __builtin_ia32_rdtsc() - begin;
		best = MIN(best, ticks);
		CHECK_EQ(pa, expected);
	}
	return best;
}

/* Only the last 64 frames are free as one; before them, one in three. */
static u64 ticks_at_the_end(u64 top, bool fragmented)
{
	phys_addr_t last = top - 64 * PAGE_SIZE;
	u64 ticks;

	begin(top);
	for (u64 pa = 0; fragmented && pa < last; pa += 3 * PAGE_SIZE)
		frame_add_range(pa, pa + PAGE_SIZE);
	frame_add_range(last, top);
	ticks = ticks_for(2, last);
	frame_reserve_range(last, top);
	ticks = MAX(ticks, ticks_for(64, NO_FRAME));
	end();
	return ticks;
}

static void test_bound(void)
{
	u64 small = ticks_at_the_end(MIB(1), false);

	CHECK(ticks_at_the_end(GIB(64), false) <= 20 * small);
	CHECK(ticks_at_the_end(GIB(8), true) <= 20 * small);
}

/* ---- Panics ---------------------------------------------------------------------------- */

static void do_free(void *arg)
{
	frame_free(*(phys_addr_t *)arg);
}

static void do_free_pair(void *arg)
{
	frame_free_contiguous(*(phys_addr_t *)arg, 2);
}

static const char *free_panics(void (*how)(void *), phys_addr_t pa)
{
	const char *text = arena_catch(how, &pa);

	return text ? text : "(it returned)";
}

static void test_panics(void)
{
	phys_addr_t a, pair;
	u64 before;

	begin(MIB(1));
	frame_add_range(0x10000, 0x40000);
	frame_reserve_range(0x20000, 0x21000);
	a = frame_alloc();
	pair = frame_alloc_contiguous(2, NO_FRAME);
	before = frame_stats().free;
	CHECK_HAS(free_panics(do_free, 0x30000), "0x30000 freed twice");
	CHECK_HAS(free_panics(do_free, 0x20000), "0x20000 freed that was never managed");
	CHECK_HAS(free_panics(do_free, 0x8000), "0x8000 freed that was never managed");
	CHECK_HAS(free_panics(do_free, a + 8), "found 0x8 and 0");
	CHECK_HAS(free_panics(do_free, MIB(1)), "expected");
	CHECK_HAS(free_panics(do_free, NO_FRAME), "expected");
	frame_free(a);
	CHECK_HAS(free_panics(do_free, a), "freed twice");
	CHECK_HAS(free_panics(do_free_pair, pair + PAGE_SIZE), "freed twice");
	CHECK_HAS(free_panics(do_free_pair, 0x1f000), "freed twice");
	CHECK_EQ(frame_stats().free, before + 1);
	CHECK(!arena_catch(do_free_pair, &pair));
	CHECK_EQ(used(), 0);
	end();
}

static void test_fail_after(void)
{
	begin(MIB(1));
	frame_add_range(0, MIB(1));
	for (long n = 0; n < 5; n++) {
		u64 before = frame_stats().free;

		frame_fail_after(n);
		for (long i = 0; i < n; i++)
			CHECK(i % 2 ? frame_alloc() != NO_FRAME :
			      frame_alloc_contiguous(3, NO_FRAME) != NO_FRAME);
		CHECK_EQ(frame_alloc(), NO_FRAME);
		CHECK_EQ(frame_alloc_zeroed(), NO_FRAME);
		CHECK_EQ(frame_alloc_contiguous(1, NO_FRAME), NO_FRAME);
		frame_fail_after(-1);
		CHECK_EQ(before - frame_stats().free, n / 2 + (n + 1) / 2 * 3);
	}
	CHECK(frame_alloc() != NO_FRAME);
	end();
}

const struct host_case host_cases[] = {
	{ "without memory there is none", test_empty },
	{ "ranges are rounded inwards, reservations outwards", test_rounding },
	{ "ranges and reservations may overlap", test_overlap },
	{ "memory may end anywhere", test_odd_tops },
	{ "64 MiB, and 4 and 8 GiB with a hole, are taken to the last frame", test_shapes },
	{ "a random run of takes and frees agrees with an array", test_random },
	{ "the last of several holders frees a frame", test_holders },
	{ "with more holders than can be counted, it is never free", test_too_many_holders },
	{ "a search in 64 GiB, nearly full or in fragments, takes no longer than in 1 MiB", test_bound },
	{ "what must not be freed panics, and nothing changes", test_panics },
	{ "frame_fail_after counts allocations", test_fail_after },
	{ NULL, NULL }
};
