/*
 * Kernel mappings in the shadow: pti_add_kernel_mapping(), with each of its
 * errors, pti_remove_kernel_mapping(), and the lookup in the kernel's map.
 *
 * Works on a pair that is never loaded, so that init's stays clean.  "As it
 * was" is a fingerprint of the user PGD and all its tables.  What else they do and
 * must not do: tests/suites/pti_shadow_more.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/space/kernel_mapping.h"
#include "mm/space/process_entry.h"
#include "tests/suites/pti_shadow.h"

static u64 mix(u64 hash, u64 v)
{
	return (hash ^ v) * 0x100000001b3 ^ hash >> 29;
}

static u64 table_fingerprint(const pte_t *table, unsigned level, u64 hash)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		hash = mix(hash, table[i]);
		if (level > 1 && (table[i] & PTE_P) && !(table[i] & (PTE_PS | PTE_ALIAS)))
			hash = table_fingerprint(phys_to_virt(table[i] & PTE_ADDR_MASK),
						 level - 1, hash);
	}
	return hash;
}

/* Of the user PGD and its tables: an Add that failed must not have moved one. */
static u64 fingerprint(pte_t *pgd)
{
	return table_fingerprint(pti_user_pgd(pgd), PT_LEVELS, 1);
}

/* The page of the shadow at `va`, as it must be. */
static void expect_shown(struct selftest *t, pte_t *pgd, virt_addr_t va, u64 prot,
			 const char *step)
{
	struct pt_leaf leaf = { 0 };

	EXPECT_EQ(t, pt_walk(pti_user_pgd(pgd), va, &leaf), 0, step);
	EXPECT_EQ(t, leaf.level, 1, "as a 4 KiB page");
	EXPECT_EQ(t, leaf.rights, prot & (PTE_W | PTE_NX), "its rights, supervisor-only");
	EXPECT_EQ(t, leaf.entry & PTE_G, 0, "not global");
	EXPECT_EQ(t, leaf.pa, pt_translate(pgd, ALIGN_DOWN(va, PAGE_SIZE)), "its frame");
}

static void expect_hidden(struct selftest *t, pte_t *pgd, virt_addr_t va, const char *step)
{
	EXPECT_EQ(t, pt_translate(pti_user_pgd(pgd), va), NO_FRAME, step);
}

static void expect_shown_and_gone(struct selftest *t, pte_t *pgd, virt_addr_t va,
				  u64 prot, const char *step)
{
	u64 before = frame_stats().free, print = fingerprint(pgd);

	va = ALIGN_DOWN(va, PAGE_SIZE);
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, va, PAGE_SIZE, prot), 0, step);
	expect_shown(t, pgd, va, prot, step);
	expect_hidden(t, pgd, va - PAGE_SIZE, "the page below is not shown");
	expect_hidden(t, pgd, va + PAGE_SIZE, "nor the page above");
	EXPECT_EQ(t, before - frame_stats().free, 3, "three tables were made");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, va, PAGE_SIZE), 0, step);
	expect_hidden(t, pgd, va, step);
	EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was");
	EXPECT_EQ(t, frame_stats().free, before, "the tables are free again");
}

static void test_add(struct selftest *t)
{
	pte_t *pgd = shadow_pair_make(t);
	struct pt_leaf leaf;
	u8 on_stack;

	if (!pgd)
		return;
	expect_shown_and_gone(t, pgd, (virt_addr_t)image_text_start, PROT_RX, "kernel text");
	expect_shown_and_gone(t, pgd, (virt_addr_t)image_rodata_start, PROT_R, "rodata");
	expect_shown_and_gone(t, pgd, (virt_addr_t)&pti_init_pgd, PROT_RW, "data");
	expect_shown_and_gone(t, pgd, (virt_addr_t)&on_stack, PROT_RW, "a stack in the vmap area");
	EXPECT_EQ(t, pt_walk(pgd, RAM, &leaf), 0, "the direct map");
	EXPECT(t, leaf.level > 1, "is made of large pages here");
	expect_shown_and_gone(t, pgd, RAM + 0x5000, PROT_R, "the middle of a large page");
	expect_shown_and_gone(t, pgd, VAULT_BASE, PROT_RW, "the first page behind slot 508");
	pti_free_pair(pgd);
}

static void test_rounding(struct selftest *t)
{
	pte_t *pgd = shadow_pair_make(t);

	if (!pgd)
		return;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x123, 1, PROT_R), 0, "one byte");
	expect_shown(t, pgd, RAM, PROT_R, "is one page");
	expect_hidden(t, pgd, RAM + 0x1000, "and not two");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM + 0xfff, 1), 0, "out again");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0xfff, 2, PROT_RW), 0,
		  "the bytes around a page boundary");
	expect_shown(t, pgd, RAM, PROT_RW, "are a page");
	expect_shown(t, pgd, RAM + 0x1000, PROT_RW, "and another");
	expect_hidden(t, pgd, RAM + 0x2000, "and not three");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM + 0xfff, 2), 0, "out again");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 1, 0x1000, PROT_R), 0, "a page's size");
	expect_shown(t, pgd, RAM + 0x1000, PROT_R, "that begins in a page, ends in the next");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM, 0x2000), 0, "out again");
	EXPECT_EQ(t, pti_user_pgd(pgd)[PGD_SLOT_DIRECT_MAP], 0, "nothing is left");
	pti_free_pair(pgd);
}

static void test_invalid(struct selftest *t)
{
	static const struct {
		const char *step;
		u64 addr, size, prot;
	} bad[] = {
		{ "the null page", 0, 1, PROT_R },
		{ "the user half", 0x400000, 0x1000, PROT_R },
		{ "one byte below the kernel half", KERNEL_HALF - 1, 2, PROT_R },
		{ "a size of 0", RAM, 0, PROT_R },
		{ "a size that wraps", KERNEL_BASE, ~0ULL, PROT_R },
		{ "a size that wraps by one byte", ~0xfffULL, 0x1001, PROT_R },
		{ "W and X", RAM, 0x1000, PTE_P | PTE_A | PTE_W },
		{ "user read", RAM, 0x1000, PROT_R | PTE_U },
		{ "user write", RAM, 0x1000, PROT_RW | PTE_U },
		{ "global", RAM, 0x1000, PROT_R | PTE_G },
		{ "not present", RAM, 0x1000, PROT_R & ~(u64)PTE_P },
		{ "the start of slot 507", PROCESS_ENTRY_BASE, 1, PROT_R },
		{ "a page of an LDT", PROCESS_ENTRY_BASE + LDT_PLACE_SIZE, 0x1000, PROT_R },
		{ "the last byte of slot 507", CEA_SLOT_BASE - 1, 1, PROT_R },
		{ "a range that ends in slot 507", PROCESS_ENTRY_BASE - 1, 2, PROT_R },
		{ "the start of slot 508", CEA_SLOT_BASE, 1, PROT_R },
		{ "an entry area", CEA_BASE, 0x1000, PROT_R },
		{ "the last byte of slot 508", CEA_SLOT_END - 1, 1, PROT_R },
		{ "a range of slots 507 and 508", CEA_SLOT_BASE - 1, 2, PROT_R },
		{ "a range that begins in it", CEA_SLOT_END - 1, 2, PROT_R },
		{ "a range around both", PROCESS_ENTRY_BASE - 1,
		  CEA_SLOT_END - PROCESS_ENTRY_BASE + 2, PROT_R },
	};
	pte_t *pgd = shadow_pair_make(t);
	u64 free = frame_stats().free, print;

	if (!pgd)
		return;
	print = fingerprint(pgd);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(t, pti_add_kernel_mapping(pgd, bad[i].addr, bad[i].size, bad[i].prot),
			  -EINVAL, bad[i].step);
		if (bad[i].prot == PROT_R)
			EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, bad[i].addr, bad[i].size),
				  -EINVAL, bad[i].step);
		EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was");
		EXPECT_EQ(t, frame_stats().free, free, "no frame was taken");
	}
	pti_free_pair(pgd);
}

static void test_unmapped(struct selftest *t)
{
	virt_addr_t end = (virt_addr_t)image_data_end;
	pte_t *pgd = shadow_pair_make(t);
	u64 free, print;

	if (!pgd)
		return;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM, 1, PROT_R), 0, "a page beside");
	print = fingerprint(pgd);
	free = frame_stats().free;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, KERNEL_HALF, 1, PROT_R), -EIO, "a hole");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, ~0ULL, 1, PROT_R), -EIO, "the last byte");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, PROCESS_ENTRY_BASE - 1, 1, PROT_R), -EIO,
		  "the byte below slot 507");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, end, 1, PROT_R), -EIO, "behind the image");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, end - 0x3000, 0x3001, PROT_RW), -EIO,
		  "three pages that are there, and one byte that is not");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, VMAP_BASE, 0x8000, PROT_R), -EIO,
		  "a stack's guard page");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, SLOT_BASE, 0x1000, PROT_R), -EIO,
		  "an empty slot");
	EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was");
	EXPECT_EQ(t, frame_stats().free, free, "no frame was taken");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM, 1), 0, "clean up");
	pti_free_pair(pgd);
}

static void test_exists(struct selftest *t)
{
	pte_t *pgd = shadow_pair_make(t);
	u64 free, print;

	if (!pgd)
		return;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x2000, 0x2000, PROT_R), 0, "two pages");
	print = fingerprint(pgd);
	free = frame_stats().free;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x2000, 0x2000, PROT_R), -EEXIST,
		  "the same again");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x3000, 1, PROT_RW), -EEXIST,
		  "with other rights");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM, 0x2001, PROT_R), -EEXIST,
		  "a range of which the last page is there");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x3fff, 0x1000, PROT_R), -EEXIST,
		  "a range of which the first is");
	EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was");
	EXPECT_EQ(t, frame_stats().free, free, "no frame was taken");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x1000, 0x1000, PROT_RW), 0, "below");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM + 0x4000, 0x1000, PROT_RW), 0, "above");
	EXPECT_EQ(t, frame_stats().free, free, "in the same table");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM + 0x1000, 0x4000), 0, "all four out");
	EXPECT_EQ(t, pti_user_pgd(pgd)[PGD_SLOT_DIRECT_MAP], 0, "nothing is left");
	pti_free_pair(pgd);
}

/* Fails each allocation of adding the range in turn; returns how many it has. */
static long fail_each(struct selftest *t, pte_t *pgd, virt_addr_t addr, u64 size)
{
	u64 free = frame_stats().free, print = fingerprint(pgd);
	long n = 0;

	for (;; n++) {
		int err;

		frame_fail_after(n);
		err = pti_add_kernel_mapping(pgd, addr, size, PROT_R);
		frame_fail_after(-1);
		if (err == 0 || !EXPECT_EQ(t, err, -ENOMEM, "an allocation fails"))
			break;
		EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was");
		EXPECT_EQ(t, frame_stats().free, free, "no frame is lost");
	}
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, addr, size), 0, "out again");
	EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was before it all");
	EXPECT_EQ(t, frame_stats().free, free, "with all its frames");
	return n;
}

static void test_no_memory(struct selftest *t)
{
	virt_addr_t edge = ALIGN_UP(RAM, PT_SIZE(2));
	pte_t *pgd = shadow_pair_make(t);

	if (!pgd)
		return;
	EXPECT_EQ(t, fail_each(t, pgd, RAM, 0x1000), 3, "tables for a page in an empty slot");
	EXPECT_EQ(t, fail_each(t, pgd, edge - 0x3000, 0x6000), 4, "around a 2 MiB boundary");
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, edge - 0x1000, 1, PROT_RW), 0, "a neighbour");
	EXPECT_EQ(t, fail_each(t, pgd, edge - 0x3000, 0x2000), 0, "in its table: none");
	EXPECT_EQ(t, fail_each(t, pgd, edge, 0x3000), 1, "in the next table: one");
	EXPECT_EQ(t, fail_each(t, pgd, (virt_addr_t)image_text_start, 0x2000), 3,
		  "in another slot: three");
	expect_shown(t, pgd, edge - 0x1000, PROT_RW, "the neighbour is still there");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, edge - 0x1000, 1), 0, "clean up");
	pti_free_pair(pgd);
}

static void test_remove(struct selftest *t)
{
	pte_t *pgd = shadow_pair_make(t);
	u64 free, print;

	if (!pgd)
		return;
	EXPECT_EQ(t, pti_add_kernel_mapping(pgd, RAM, 0x3000, PROT_R), 0, "three pages");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM + 0x1000, 1), 0, "the middle one out");
	expect_shown(t, pgd, RAM, PROT_R, "the first stays");
	expect_hidden(t, pgd, RAM + 0x1000, "the middle one is gone");
	expect_shown(t, pgd, RAM + 0x2000, PROT_R, "the last stays");
	print = fingerprint(pgd);
	free = frame_stats().free;
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM, 0x3000), -ENOENT,
		  "a range with a page that is not shown");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM + 0x2000, 0x1001), -ENOENT,
		  "one that reaches beyond");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, KERNEL_BASE, 1), -ENOENT,
		  "a page of which no table exists");
	EXPECT_EQ(t, fingerprint(pgd), print, "the shadow is as it was");
	EXPECT_EQ(t, frame_stats().free, free, "no frame is lost");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM, 1), 0, "the first out");
	EXPECT_EQ(t, frame_stats().free, free, "the tables are still wanted");
	EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, RAM + 0x2000, 1), 0, "the last out");
	EXPECT_EQ(t, frame_stats().free, free + 3, "now they are freed");
	EXPECT_EQ(t, pti_user_pgd(pgd)[PGD_SLOT_DIRECT_MAP], 0, "and the slot is empty");
	pti_free_pair(pgd);
}

static void test_lookup(struct selftest *t)
{
	pte_t *pgd = pti_alloc_pair();
	struct pt_leaf leaf;

	ASSERT(pgd);
	for (unsigned level = 1; level <= 3; level++) {
		virt_addr_t va = SLOT_BASE + level * PT_SIZE(3);
		u64 size = PT_SIZE(level), off = size - 0x123;

		EXPECT_EQ(t, pt_map_range(pgd, va, 5 * PT_SIZE(3), size, PROT_RW, level), 0,
			  "a page of 4 KiB, 2 MiB, 1 GiB");
		EXPECT_EQ(t, pti_kernel_map_lookup(pgd, va + off, &leaf), 0, "is found");
		EXPECT_EQ(t, leaf.level, level, "at its size");
		EXPECT_EQ(t, leaf.va, va, "from its start");
		EXPECT_EQ(t, leaf.pa, 5 * PT_SIZE(3), "to where it leads");
		EXPECT_EQ(t, leaf.rights, PTE_W | PTE_NX, "with its rights");
		EXPECT_EQ(t, pti_kernel_map_lookup(pgd, va + size, &leaf), -EIO, "not behind");
		if (!pti_enabled)
			continue;
		EXPECT_EQ(t, pti_add_kernel_mapping(pgd, va + off, 1, PROT_R), 0, "shown");
		expect_shown(t, pgd, va + off, PROT_R, "the page of it that was named");
		EXPECT_EQ(t, pti_remove_kernel_mapping(pgd, va + off, 1), 0, "and out again");
	}
	pt_free_tables(pgd, SLOT, SLOT);
	pti_free_pair(pgd);
}

static void test_shadow_walk(struct selftest *t)
{
	pte_t *pgd = shadow_pair_make(t), *pte;
	u64 free = frame_stats().free;

	if (!pgd)
		return;
	EXPECT(t, !pti_shadow_walk(pgd, RAM, false), "no table, and none asked for");
	EXPECT_EQ(t, frame_stats().free, free, "none was made");
	pte = pti_shadow_walk(pgd, RAM, true);
	EXPECT(t, pte && *pte == 0, "an empty entry, with its tables");
	EXPECT(t, pte == pti_shadow_walk(pgd, RAM, false), "the same without asking");
	EXPECT(t, pte != pt_entry(pgd, RAM, 1, false), "no entry of the kernel's map");
	pt_free_tables(pti_user_pgd(pgd), PGD_SLOT_DIRECT_MAP, PGD_SLOT_DIRECT_MAP);
	pti_free_pair(pgd);
}

static const struct selftest_case cases[] = {
	{ "what is added is shown in 4 KiB pages, and removed without a trace", test_add },
	{ "both ends are rounded outwards", test_rounding },
	{ "what can never be shown is -EINVAL", test_invalid },
	{ "what the kernel does not map is -EIO, also a part of it", test_unmapped },
	{ "what is shown already is -EEXIST", test_exists },
	{ "each allocation that fails is -ENOMEM, and all is as it was", test_no_memory },
	{ "removing what is not shown is -ENOENT, and tables go when empty", test_remove },
	{ "the kernel's map is looked up at every page size", test_lookup },
	{ "the shadow's entries are its own", test_shadow_walk },
};
SELFTEST_SUITE(pti_shadow, cases);
