/*
 * The frame allocator in the running kernel: what it hands out is RAM that
 * nobody else has, all of it and no more, on all CPUs at once.
 *
 * The shapes of memory that a machine may have are the host test's subject
 * (tests/host/test_frame.c).
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/image.h"
#include "mm/pti.h"

#define MANY 1000

static phys_addr_t taken[MANY];

static bool in_image(phys_addr_t pa)
{
	return pa >= KERNEL_PHYS_START && pa < (phys_addr_t)image_phys_end;
}

/* Steps: this is a frame as an allocator may hand it out. */
static void expect_frame(struct selftest *t, phys_addr_t pa, const char *step)
{
	struct pt_leaf leaf = { 0 };
	virt_addr_t va = DIRECT_MAP_BASE + pa;

	if (!EXPECT(t, pa != NO_FRAME, step))
		return;
	EXPECT_EQ(t, pa % PAGE_SIZE, 0, "it is a whole frame");
	EXPECT(t, pa + PAGE_SIZE <= frame_stats().top, "below the top of RAM");
	EXPECT(t, pa >= PAGE_SIZE, "not the first one");
	EXPECT(t, !in_image(pa), "not in the image");
	EXPECT_EQ(t, pt_walk(pti_init_pgd, va, &leaf), 0, "the direct map shows it");
	EXPECT_EQ(t, leaf.rights & (PTE_W | PTE_NX), PTE_W | PTE_NX, "as RAM");
}

static void test_roundtrip(struct selftest *t)
{
	struct frame_stats before = frame_stats(), now;
	phys_addr_t a = frame_alloc(), b = frame_alloc();

	expect_frame(t, a, "a frame");
	expect_frame(t, b, "and another");
	EXPECT(t, a != b, "not the same");
	now = frame_stats();
	EXPECT_EQ(t, now.free, before.free - 2, "two are in use");
	EXPECT_EQ(t, now.total, before.total, "there are as many as before");
	EXPECT_EQ(t, now.top, before.top, "up to the same address");
	frame_free(b);
	EXPECT_EQ(t, frame_stats().free, before.free - 1, "one is in use");
	frame_free(a);
	EXPECT_EQ(t, frame_stats().free, before.free, "none is");
	EXPECT(t, before.free < before.total, "the kernel has some itself");
	EXPECT(t, before.total * PAGE_SIZE < before.top, "the image is not counted");
}

static void test_distinct(struct selftest *t)
{
	u64 before = frame_stats().free;

	for (u64 i = 0; i < MANY; i++) {
		taken[i] = frame_alloc();
		expect_frame(t, taken[i], "one of many");
		*(u64 *)phys_to_virt(taken[i]) = i;
	}
	EXPECT_EQ(t, frame_stats().free, before - MANY, "that many are in use");
	for (u64 i = 0; i < MANY; i++) {
		EXPECT_EQ(t, *(u64 *)phys_to_virt(taken[i]), i, "its mark is still there");
		for (u64 j = 0; j < i; j++)
			if (taken[j] == taken[i])
				EXPECT_EQ(t, j, i, "no frame is handed out twice");
	}
	for (u64 i = 0; i < MANY; i++)
		frame_free(taken[i]);
	EXPECT_EQ(t, frame_stats().free, before, "all are free again");
}

/* The first word of the page that is not zero, or PAGE_SIZE / 8. */
static u64 first_nonzero(phys_addr_t pa, u64 bytes)
{
	const u64 *p = phys_to_virt(pa);
	u64 i = 0;

	while (i < bytes / 8 && p[i] == 0)
		i++;
	return i;
}

static void test_zeroed(struct selftest *t)
{
	enum { N = 128 };
	unsigned again = 0;

	live_settle();
	for (unsigned i = 0; i < N; i++) {
		taken[i] = frame_alloc();
		memset(phys_to_virt(taken[i]), 0xa5, PAGE_SIZE);
	}
	for (unsigned i = 0; i < N; i++)
		frame_free(taken[i]);
	live_settle(); /* the sanitizing kernel gives nothing out again so soon */
	for (unsigned i = 0; i < N; i++) {
		phys_addr_t pa = frame_alloc_zeroed();

		for (unsigned j = 0; j < N; j++)
			again += taken[j] == pa;
		EXPECT_EQ(t, first_nonzero(pa, PAGE_SIZE), PAGE_SIZE / 8, "all zero");
		taken[N + i] = pa;
	}
	EXPECT(t, again > 0, "some had been written before");
	for (unsigned i = 0; i < N; i++)
		frame_free(taken[N + i]);
}

static void test_contiguous(struct selftest *t)
{
	static const unsigned counts[] = { 1, 2, 3, 4, 7, 8, 63, 64 };
	static const unsigned aligned[] = { 1, 2, 4, 4, 8, 8, 64, 64 };
	u64 before = frame_stats().free;

	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned n = counts[i];
		phys_addr_t pa = frame_alloc_contiguous(n, NO_FRAME);

		if (!EXPECT(t, pa != NO_FRAME, "n frames in a row"))
			continue;
		expect_frame(t, pa, "the first of them");
		expect_frame(t, pa + (n - 1) * PAGE_SIZE, "the last of them");
		EXPECT_EQ(t, pa % (aligned[i] * PAGE_SIZE), 0, "aligned");
		EXPECT_EQ(t, first_nonzero(pa, n * PAGE_SIZE), n * PAGE_SIZE / 8, "zeroed");
		EXPECT_EQ(t, frame_stats().free, before - n, "n are in use");
		memset(phys_to_virt(pa), 0xa5, n * PAGE_SIZE);
		frame_free_contiguous(pa, n);
		EXPECT_EQ(t, frame_stats().free, before, "none is");
	}
}

static void test_limit(struct selftest *t)
{
	phys_addr_t top = frame_stats().top, low;
	u64 before;

	live_settle();
	before = frame_stats().free;
	low = frame_alloc_contiguous(4, NO_FRAME);
	if (!EXPECT(t, low != NO_FRAME, "there is room for four"))
		return;
	frame_free_contiguous(low, 4);
	live_settle();
	/* The lowest four end there; with a guard behind them others may be the lowest. */
	for (phys_addr_t limit = low + 4 * PAGE_SIZE; limit > low; limit -= 3 * PAGE_SIZE) {
		phys_addr_t pa = frame_alloc_contiguous(4, limit);

		EXPECT(t, pa != NO_FRAME || limit < low + 4 * PAGE_SIZE, "there they are");
		if (pa == NO_FRAME)
			continue;
		EXPECT(t, pa + 4 * PAGE_SIZE <= limit, "below the limit");
		frame_free_contiguous(pa, 4);
		live_settle();
	}
	EXPECT_EQ(t, frame_alloc_contiguous(1, 0), NO_FRAME, "below 0");
	EXPECT_EQ(t, frame_alloc_contiguous(1, PAGE_SIZE), NO_FRAME,
		  "below 4 KiB: the first frame is never handed out");
	EXPECT_EQ(t, frame_alloc_contiguous(64, 63 * PAGE_SIZE), NO_FRAME,
		  "more than there are below the limit");
	low = frame_alloc_contiguous(1, top + (64 << 20));
	expect_frame(t, low, "a limit beyond the top is none");
	frame_free(low);
	EXPECT_EQ(t, frame_stats().free, before, "none is lost");
}

static void test_fail_after(struct selftest *t)
{
	u64 before = frame_stats().free;
	phys_addr_t pa[3];

	frame_fail_after(0);
	EXPECT_EQ(t, frame_alloc(), NO_FRAME, "one frame");
	EXPECT_EQ(t, frame_alloc_zeroed(), NO_FRAME, "a zeroed one");
	EXPECT_EQ(t, frame_alloc_contiguous(1, NO_FRAME), NO_FRAME, "one in a row");
	EXPECT_EQ(t, frame_alloc_contiguous(8, NO_FRAME), NO_FRAME, "eight in a row");
	EXPECT_EQ(t, frame_stats().free, before, "none was taken");
	frame_fail_after(3);
	pa[0] = frame_alloc();
	pa[1] = frame_alloc_zeroed();
	pa[2] = frame_alloc_contiguous(4, NO_FRAME);
	for (unsigned i = 0; i < ARRAY_SIZE(pa); i++)
		EXPECT(t, pa[i] != NO_FRAME, "three more allocations");
	EXPECT_EQ(t, frame_alloc(), NO_FRAME, "the fourth");
	EXPECT_EQ(t, frame_alloc(), NO_FRAME, "and all that follow");
	frame_fail_after(-1);
	frame_free(pa[0]);
	pa[0] = frame_alloc();
	EXPECT(t, pa[0] != NO_FRAME, "until it ends");
	frame_free(pa[0]);
	frame_free(pa[1]);
	frame_free_contiguous(pa[2], 4);
	EXPECT_EQ(t, frame_stats().free, before, "none is lost");
}

/* Which frames the next case holds: one bit each, up to 1 GiB. */
#define ALL_MAX (1ULL << 30)
static u64 held[ALL_MAX / PAGE_SIZE / 64];

static void test_all(struct selftest *t)
{
	u64 before = frame_stats().free, n = 0, reserved = 0, twice = 0, wrong = 0;

	if (frame_stats().top > ALL_MAX) {
		selftest_skip(t, "found %lu MiB of RAM, expected at most %llu MiB, to take "
			      "all of it", frame_stats().top >> 20, ALL_MAX >> 20);
		return;
	}
	memset(held, 0, sizeof(held));
	for (;;) {
		bool last = !frame_is_free();
		phys_addr_t pa = last ? frame_alloc_reserved() : frame_alloc();
		u64 *word, bit = BIT(PFN(pa) % 64);

		if (pa == NO_FRAME)
			break;
		word = &held[PFN(pa) / 64];
		reserved += last;
		twice += (*word & bit) != 0;
		*word |= bit;
		n++;
	}
	EXPECT_EQ(t, n, before, "as many frames as were free");
	EXPECT(t, reserved > 0, "the last ones only for who may have the reserve");
	EXPECT_EQ(t, twice, 0, "no frame twice");
	EXPECT_EQ(t, frame_stats().free, 0, "none is left");
	EXPECT_EQ(t, frame_alloc_zeroed(), NO_FRAME, "no zeroed one");
	EXPECT_EQ(t, frame_alloc_contiguous(1, NO_FRAME), NO_FRAME, "none in a row");
	for (u64 pfn = 0; pfn < ALL_MAX / PAGE_SIZE; pfn++) {
		if (!(held[pfn / 64] & BIT(pfn % 64)))
			continue;
		wrong += in_image(pfn << PAGE_SHIFT) || pfn == 0;
		frame_free(pfn << PAGE_SHIFT);
	}
	EXPECT_EQ(t, wrong, 0, "none was of the image, nor the first one");
	EXPECT_EQ(t, frame_stats().free, before, "all are free again");
}

/* ---- All CPUs at once --------------------------------------------------------------- */

#define ROUNDS 100
#define EACH 8

static struct {
	unsigned arrived; /* so that they begin together */
	unsigned cpus;
	u64 failed, stolen;
} crowd;

/* In an interrupt, on every CPU: takes, marks, looks, gives back. */
static void take_and_free(void *arg __unused)
{
	u64 cpu = this_cpu()->cpu;

	__atomic_fetch_add(&crowd.arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&crowd.arrived, __ATOMIC_SEQ_CST) < crowd.cpus)
		;
	for (u64 round = 0; round < ROUNDS; round++) {
		phys_addr_t mine[EACH];
		u64 mark = cpu << 32 | round;

		for (unsigned i = 0; i < EACH; i++) {
			mine[i] = i == 0 ? frame_alloc_contiguous(2, NO_FRAME) :
				  frame_alloc();
			if (mine[i] == NO_FRAME)
				__atomic_fetch_add(&crowd.failed, 1, __ATOMIC_SEQ_CST);
			else
				*(volatile u64 *)phys_to_virt(mine[i]) = mark + i;
		}
		for (unsigned i = 0; i < EACH; i++) {
			if (mine[i] == NO_FRAME)
				continue;
			if (*(volatile u64 *)phys_to_virt(mine[i]) != mark + i)
				__atomic_fetch_add(&crowd.stolen, 1, __ATOMIC_SEQ_CST);
			frame_free_contiguous(mine[i], i == 0 ? 2 : 1);
		}
	}
}

static void test_concurrent(struct selftest *t)
{
	struct frame_stats before = frame_stats();

	crowd.arrived = 0;
	crowd.failed = crowd.stolen = 0;
	crowd.cpus = cpumask_count(&cpus_online);
	if (crowd.cpus < 2) {
		selftest_skip(t, "found 1 CPU, expected 2 or more");
		return;
	}
	seam_call_on_cpus(&cpus_online, take_and_free, NULL);
	EXPECT_EQ(t, crowd.failed, 0, "allocations that failed");
	EXPECT_EQ(t, crowd.stolen, 0, "frames that two CPUs had at once");
	EXPECT_EQ(t, frame_stats().free, before.free, "all are free again");
	EXPECT_EQ(t, frame_stats().total, before.total, "and there are as many");
}

static const struct selftest_case cases[] = {
	{ "a frame is taken and given back, and the counts follow", test_roundtrip },
	{ "a thousand frames are a thousand places in RAM", test_distinct },
	{ "zeroed frames are zero, whatever was in them", test_zeroed },
	{ "frames in a row are aligned, zeroed and given back", test_contiguous },
	{ "frames in a row stay below the limit", test_limit },
	{ "frame_fail_after makes each kind of allocation fail", test_fail_after },
	{ "all of RAM can be taken, once, and then there is none", test_all },
	{ "all CPUs take and free at once, and none takes another's", test_concurrent },
};
SELFTEST_SUITE(frame, cases);
