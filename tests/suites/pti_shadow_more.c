/*
 * Kernel mappings in the shadow, besides what tests/suites/pti_shadow.c looks at:
 * pages whose frames are no neighbours, and what a removal does to memory, to the
 * TLBs and to a process's own slot.
 *
 * Works on a pair that is never loaded.  What all CPUs have been told is seen through
 * the kernel's own map of the same page: a flush drops that translation, too.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "mm/frames/frame.h"
#include "mm/space/kernel_mapping.h"
#include "mm/space/process_entry.h"
#include "mm/tlb.h"
#include "tests/suites/pti_shadow.h"

/* In slot 402, far behind all stacks and devices, and no other suite's. */
#define CACHED (VMAP_END - (32ULL << 30))
#define PAGES 4

/* ---- Pages that are no neighbours ------------------------------------------------- */

/* Frames of which none follows another, nor the one mapped before it. */
static bool take_scattered(struct selftest *t, phys_addr_t frame[PAGES])
{
	phys_addr_t run = frame_alloc_contiguous(2 * PAGES, NO_FRAME);

	if (!EXPECT(t, run != NO_FRAME, "frames"))
		return false;
	for (unsigned i = 0; i < PAGES; i++) {
		frame[i] = run + (i * 3 % PAGES * 2 + 1) * PAGE_SIZE;
		frame_free(run + 2 * i * PAGE_SIZE);
	}
	return true;
}

static void test_scattered(struct selftest *t)
{
	virt_addr_t va = SLOT_BASE + PT_SIZE(2) - 2 * PAGE_SIZE; /* in two tables */
	phys_addr_t frame[PAGES];
	pte_t *pgd = shadow_pair_make(t);

	if (!pgd || !take_scattered(t, frame))
		return;
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(t, pt_map(pgd, va + i * PAGE_SIZE, frame[i], PROT_RW), 0, "mapped");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, va, PAGES * PAGE_SIZE, PROT_RW), 0, "shown");
	for (unsigned i = 0; i < PAGES; i++) {
		EXPECT_EQ(t, pt_translate(pti_user_pgd(pgd), va + i * PAGE_SIZE), frame[i],
			  "the frame that the kernel's map has there");
	}
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, va, PAGES * PAGE_SIZE), 0, "out again");
	for (unsigned i = 0; i < PAGES; i++)
		frame_free(frame[i]);
	pt_free_tables(pgd, SLOT, SLOT);
	pti_free_pair(pgd);
}

/* ---- What a removal does besides ---------------------------------------------------- */

/* Does a removal, whatever comes of it, leave the next allocation for us? */
static void expect_takes_none(struct selftest *t, pte_t *pgd, virt_addr_t va, u64 size,
			      int err, const char *step)
{
	phys_addr_t next;

	frame_fail_after(1);
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, va, size), err, step);
	next = frame_alloc();
	frame_fail_after(-1);
	if (EXPECT(t, next != NO_FRAME, "no frame is taken on the way"))
		frame_free(next);
}

static void test_takes_none(struct selftest *t)
{
	virt_addr_t edge = ALIGN_UP(RAM, PT_SIZE(2));
	pte_t *pgd = shadow_pair_make(t);

	if (!pgd)
		return;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, edge - 0x2000, 0x4000, PROT_R), 0, "four pages");
	expect_takes_none(t, pgd, edge - 0x3000, 0x2000, -ENOENT, "one that is not shown");
	expect_takes_none(t, pgd, edge + PT_SIZE(2), 1, -ENOENT, "nor is its table there");
	expect_takes_none(t, pgd, edge + PT_SIZE(3), 1, -ENOENT, "nor the one above");
	expect_takes_none(t, pgd, KERNEL_BASE, 1, -ENOENT, "nor any");
	expect_takes_none(t, pgd, edge - 0x1000, 1, 0, "a page whose tables stay");
	expect_takes_none(t, pgd, edge, 0x2000, 0, "two whose table goes");
	expect_takes_none(t, pgd, edge - 0x2000, 1, 0, "the last");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, edge, 0x2000, PROT_R), 0, "two pages");
	expect_takes_none(t, pgd, edge, 0x2000, 0, "all at once: the first takes the tables along");
	pti_free_pair(pgd);
}

static void read_cached(void *sum)
{
	u64 here = 0;

	for (unsigned i = 0; i < PAGES; i++)
		here += *(volatile u8 *)(CACHED + i * PAGE_SIZE);
	__atomic_fetch_add((u64 *)sum, here, __ATOMIC_RELAXED);
}

/* What all CPUs read there, summed up. */
static u64 read_by_all(void)
{
	u64 sum = 0;

	seam_call_on_cpus(&cpus_online, read_cached, &sum);
	return sum;
}

static void unmap_cached(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		pt_unmap(pti_init_pgd, CACHED + i * PAGE_SIZE);
	tlb_flush_range(&cpus_online, CACHED, CACHED + PAGES * PAGE_SIZE);
	for (unsigned level = 2; level <= 3; level++) {
		pte_t *entry = pt_entry(pti_init_pgd, CACHED, level, false);

		frame_free(*entry & PTE_ADDR_MASK);
		*entry = 0;
	}
	tlb_flush_range(&cpus_online, CACHED, CACHED + PAGES * PAGE_SIZE);
}

static void test_flushes(struct selftest *t)
{
	u64 cpus = cpumask_count(&cpus_online);
	phys_addr_t one, two;
	pte_t *pgd = shadow_pair_make(t), *pte;

	if (!pgd)
		return;
	one = frame_alloc_zeroed();
	two = frame_alloc_zeroed();
	ASSERT(one != NO_FRAME && two != NO_FRAME);
	*(u8 *)phys_to_virt(one) = 1;
	*(u8 *)phys_to_virt(two) = 2;
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(t, pt_map(pti_init_pgd, CACHED + i * PAGE_SIZE, one, PROT_RW), 0, "mapped");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, CACHED, PAGES * PAGE_SIZE, PROT_R), 0, "shown");
	EXPECT_EQ(t, read_by_all(), PAGES * cpus, "all CPUs have the translation now");
	pte = pt_entry(pti_init_pgd, CACHED, 1, false);
	for (unsigned i = 0; i < PAGES; i++)
		pte[i] = two | PROT_RW;
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, CACHED, PAGES * PAGE_SIZE), 0, "out again");
	EXPECT_EQ(t, read_by_all(), 2 * PAGES * cpus, "and none has it behind the removal");
	unmap_cached();
	frame_free(one);
	frame_free(two);
	pti_free_pair(pgd);
}

/* ---- Slot 507 ------------------------------------------------------------------------ */

/* A process's slot is one PUD page of both PGDs: neither function may go there. */
static void test_process_entry(struct selftest *t)
{
	pte_t *pgd = shadow_pair_make(t);
	phys_addr_t table;
	u64 free;

	if (!pgd)
		return;
	table = frame_alloc_zeroed();
	EXPECT_EQ(t, process_entry_map(pgd, 1, table), 0, "an LDT of one page");
	free = frame_stats().free;
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, ldt_address(1), 1), -EINVAL, "removed");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, ldt_address(1), 1, PROT_R), -EINVAL, "added");
	EXPECT_EQ(t, pgd[PGD_SLOT_PROCESS_ENTRY], pti_user_pgd(pgd)[PGD_SLOT_PROCESS_ENTRY],
		  "both PGDs have the slot still");
	EXPECT_EQ(t, pt_translate(pgd, ldt_address(1)), table, "and its page");
	EXPECT_EQ(t, frame_stats().free, free, "no table was freed");
	process_entry_free(pgd, 1, table);
	pti_free_pair(pgd);
}

static const struct selftest_case cases[] = {
	{ "pages that are no neighbours in memory are shown each by its own frame",
	  test_scattered },
	{ "a removal takes no frame", test_takes_none },
	{ "behind a removal no CPU has the translation", test_flushes },
	{ "a process's own slot is neither added to nor removed from", test_process_entry },
};
SELFTEST_SUITE(pti_shadow_more, cases);
