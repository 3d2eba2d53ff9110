/*
 * The page-table walker: a random run against a model, each rule by itself,
 * and the processor's own walk of the same tables.
 *
 * Works on a PGD of its own, which is never loaded; only the last case loads
 * one, in an address space of its own, with interrupts off, for a moment.
 */
#include "arch/state/ldt.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "mm/frames/frame.h"
#include "mm/pagetable.h"
#include "mm/space/mm.h"
#include "mm/space/uaccess.h"
#include "tests/suites/pinned.h"
#include "tests/suites/pt_model.h"

#define SEED 0x9051e4
#define STEPS 2000

/* Somewhere with nothing special about it, in either half. */
#define LOW 0x123456789000
#define HIGH 0xffffa23456789000

static pte_t *new_pgd(void)
{
	phys_addr_t pa = frame_alloc_zeroed();

	ASSERT_OP(pa, !=, NO_FRAME);
	return phys_to_virt(pa);
}

static void free_pgd(pte_t *pgd)
{
	pt_free_tables(pgd, 0, PT_ENTRIES - 1);
	frame_free(virt_to_phys(pgd));
}

static void test_model(struct selftest *t)
{
	static struct pt_model m;
	u64 free_before = frame_stats().free;
	unsigned step = 0, most = rounds_of(STEPS);

	pt_model_init(&m, new_pgd(), SEED);
	while (step < most && pt_model_step(&m))
		step++;
	if (!EXPECT(t, !m.wrong, "walker and model agree")) {
		selftest_note("seed %#x, step %u, at %#lx:", SEED, step, m.at);
		EXPECT_EQ(t, m.found, m.expected, m.wrong);
	}
	selftest_note("seed %#x, %u steps: %u maps, %u unmaps, %u changes of upper "
		      "rights, %u entries, %u failed allocations, %u slots freed", SEED, step,
		      m.done[0], m.done[1], m.done[2], m.done[3], m.done[4], m.done[5]);
	for (unsigned i = 0; i < ARRAY_SIZE(m.done); i++)
		EXPECT(t, m.done[i] > most / 200, "each operation was tried often");
	EXPECT_EQ(t, free_before - frame_stats().free, 1 + pt_model_frames(&m),
		  "frames in use for the tables");
	pt_free_tables(m.pgd, 0, PT_ENTRIES - 1);
	EXPECT_EQ(t, free_before - frame_stats().free, 1, "all but the PGD is free again");
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		EXPECT_EQ(t, m.pgd[i], 0, "the PGD is empty");
	free_pgd(m.pgd);
}

static void test_exists(struct selftest *t)
{
	pte_t *pgd = new_pgd();
	virt_addr_t gib = ALIGN_DOWN(HIGH, PT_SIZE(3));

	EXPECT_EQ(t, pt_map(pgd, LOW, 0x5000, PROT_RW), 0, "a page is mapped");
	EXPECT_EQ(t, pt_map(pgd, LOW, 0x6000, PROT_RW), -EEXIST, "over a page");
	EXPECT_EQ(t, pt_map_range(pgd, ALIGN_DOWN(LOW, PT_SIZE(2)), 0, PT_SIZE(2),
				  PROT_RW, 2), -EEXIST, "2 MiB over a page");
	EXPECT_EQ(t, pt_map_range(pgd, ALIGN_DOWN(LOW, PT_SIZE(3)), 0, PT_SIZE(3),
				  PROT_RW, 3), -EEXIST, "1 GiB over a page");
	EXPECT_EQ(t, pt_translate(pgd, LOW), 0x5000, "the page is as it was");
	EXPECT_EQ(t, pt_map_range(pgd, gib, 0, PT_SIZE(3), PROT_RW, 3), 0, "1 GiB");
	EXPECT_EQ(t, pt_map(pgd, HIGH, 0x5000, PROT_RW), -EEXIST, "a page under 1 GiB");
	EXPECT_EQ(t, pt_map_range(pgd, gib, 0, PT_SIZE(2), PROT_RW, 2), -EEXIST,
		  "2 MiB under 1 GiB");
	EXPECT_EQ(t, pt_map_range(pgd, gib, 0, PT_SIZE(3), PROT_RW, 3), -EEXIST,
		  "1 GiB over 1 GiB");
	EXPECT_EQ(t, pt_unmap(pgd, HIGH), 0, "pt_unmap leaves a large page alone");
	EXPECT_EQ(t, pt_translate(pgd, HIGH), HIGH - gib, "1 GiB is as it was");
	EXPECT_EQ(t, pt_unmap(pgd, LOW), 0x5000 | PROT_RW, "pt_unmap returns the entry");
	EXPECT_EQ(t, pt_unmap(pgd, LOW), 0, "pt_unmap of nothing");
	EXPECT_EQ(t, pt_translate(pgd, LOW), NO_FRAME, "the page is gone");
	free_pgd(pgd);
}

/* The level of the leaf at `va`; 0: none. */
static unsigned level_at(const pte_t *pgd, virt_addr_t va)
{
	struct pt_leaf leaf;

	return pt_walk(pgd, va, &leaf) ? 0 : leaf.level;
}

static void test_range(struct selftest *t)
{
	pte_t *pgd = new_pgd();
	virt_addr_t gib = ALIGN_DOWN(LOW, PT_SIZE(3));
	virt_addr_t start = gib - PT_SIZE(2) - PAGE_SIZE;
	u64 size = PT_SIZE(3) + 2 * (PT_SIZE(2) + PAGE_SIZE);
	phys_addr_t pa = 3 * PT_SIZE(3) - PT_SIZE(2) - PAGE_SIZE;
	virt_addr_t mib2 = ALIGN_DOWN(HIGH, PT_SIZE(2));

	EXPECT_EQ(t, pt_map_range(pgd, start, pa, size, PROT_R, 3), 0, "the range");
	EXPECT_EQ(t, level_at(pgd, start), 1, "a page up to the first 2 MiB");
	EXPECT_EQ(t, level_at(pgd, start + PAGE_SIZE), 2, "2 MiB up to the first GiB");
	EXPECT_EQ(t, level_at(pgd, gib), 3, "1 GiB");
	EXPECT_EQ(t, level_at(pgd, gib + PT_SIZE(3)), 2, "2 MiB behind it");
	EXPECT_EQ(t, level_at(pgd, start + size - 1), 1, "a page at the end");
	EXPECT_EQ(t, level_at(pgd, start - 1), 0, "nothing before");
	EXPECT_EQ(t, level_at(pgd, start + size), 0, "nothing behind");
	EXPECT_EQ(t, pt_translate(pgd, gib + 0x12345678), 3 * PT_SIZE(3) + 0x12345678,
		  "an address in the GiB");
	EXPECT_EQ(t, pt_translate(pgd, start + size - 1), pa + size - 1, "the last byte");

	EXPECT_EQ(t, pt_map_range(pgd, mib2, PAGE_SIZE, PT_SIZE(2), PROT_R, 3), 0,
		  "2 MiB to an address that is no multiple of it");
	EXPECT_EQ(t, level_at(pgd, mib2), 1, "takes pages");
	mib2 += PT_SIZE(2);
	EXPECT_EQ(t, pt_map_range(pgd, mib2, 0, PT_SIZE(2), PROT_R, 1), 0,
		  "2 MiB when only pages are allowed");
	EXPECT_EQ(t, level_at(pgd, mib2), 1, "takes pages, too");
	free_pgd(pgd);
}

static void test_no_memory(struct selftest *t)
{
	u64 free_before;
	pte_t *pgd = new_pgd();

	free_before = frame_stats().free;
	for (long n = 0; n < 3; n++) {
		frame_fail_after(0);
		EXPECT_EQ(t, pt_map(pgd, HIGH, 0x5000, PROT_R), -ENOMEM,
			  "without a frame for a table");
		frame_fail_after(1);
		EXPECT_EQ(t, pt_map(pgd, HIGH, 0x5000, PROT_R), n < 2 ? -ENOMEM : 0,
			  "one table more each time");
		frame_fail_after(-1);
		EXPECT_EQ(t, free_before - frame_stats().free, n + 1, "tables that stay");
		EXPECT_EQ(t, pt_entry(pgd, HIGH, 3 - (unsigned)n, false) != NULL, true,
			  "the entry below the new table");
	}
	EXPECT_EQ(t, pt_translate(pgd, HIGH), 0x5000, "mapped in the end");
	frame_fail_after(0);
	EXPECT_EQ(t, pt_map(pgd, HIGH, 0x6000, PROT_R), -EEXIST,
		  "what needs no table needs no memory");
	EXPECT_EQ(t, pt_map(pgd, HIGH ^ PAGE_SIZE, 0x6000, PROT_R), 0,
		  "the page beside it needs none either");
	frame_fail_after(-1);
	free_pgd(pgd);
}

static u64 rights_at(const pte_t *pgd, virt_addr_t va)
{
	struct pt_leaf leaf;

	return pt_walk(pgd, va, &leaf) ? ~0ULL : leaf.rights;
}

static void test_rights(struct selftest *t)
{
	pte_t *pgd = new_pgd();

	EXPECT_EQ(t, pt_map(pgd, LOW, 0x5000, PTE_P | PTE_W | PTE_U | PTE_G), 0, "low");
	EXPECT_EQ(t, pt_map(pgd, HIGH, 0x5000, PTE_P | PTE_W | PTE_U | PTE_G), 0, "high");
	EXPECT_EQ(t, rights_at(pgd, LOW), PTE_W | PTE_U | PTE_G, "all, in the user half");
	EXPECT_EQ(t, rights_at(pgd, HIGH), PTE_W | PTE_G,
		  "no user access in the kernel half, whatever the leaf says");
	for (unsigned level = 2; level <= PT_LEVELS; level++) {
		pte_t *entry = pt_entry(pgd, LOW, level, false);

		*entry &= ~(pte_t)PTE_W;
		EXPECT_EQ(t, rights_at(pgd, LOW), PTE_U | PTE_G, "W removed above");
		*entry = (*entry | PTE_W) & ~(pte_t)PTE_U;
		EXPECT_EQ(t, rights_at(pgd, LOW), PTE_W | PTE_G, "U removed above");
		*entry |= PTE_U | PTE_NX;
		EXPECT_EQ(t, rights_at(pgd, LOW), PTE_W | PTE_U | PTE_NX | PTE_G,
			  "NX above");
		*entry = (*entry & ~(pte_t)PTE_NX) | PTE_G;
		EXPECT_EQ(t, rights_at(pgd, LOW), PTE_W | PTE_U | PTE_G, "as before");
		*entry &= ~(pte_t)PTE_G;
	}
	*pt_entry(pgd, LOW, 1, false) &= ~(pte_t)PTE_G;
	*pt_entry(pgd, LOW, 2, false) |= PTE_G;
	EXPECT_EQ(t, rights_at(pgd, LOW), PTE_W | PTE_U, "G is the leaf's alone");
	free_pgd(pgd);
}

static void test_entry(struct selftest *t)
{
	pte_t *pgd = new_pgd();
	virt_addr_t mib2 = ALIGN_DOWN(HIGH, PT_SIZE(2));
	u64 free_before = frame_stats().free;

	EXPECT(t, pt_entry(pgd, HIGH, 4, false) == &pgd[PT_INDEX(HIGH, 4)],
	       "the PGD's entry is always there");
	for (unsigned level = 1; level <= 3; level++)
		EXPECT(t, !pt_entry(pgd, HIGH, level, false), "a table is missing");
	EXPECT_EQ(t, frame_stats().free, free_before, "looking allocates nothing");
	EXPECT_EQ(t, pt_map_range(pgd, mib2, 0, PT_SIZE(2), PROT_R, 2), 0, "2 MiB");
	EXPECT(t, pt_entry(pgd, HIGH, 2, false) != NULL, "the entry of the large page");
	EXPECT(t, !pt_entry(pgd, HIGH, 1, false), "a large page stands in the way");
	EXPECT(t, !pt_entry(pgd, HIGH, 1, true), "also of making a table");
	EXPECT(t, pt_entry(pgd, HIGH ^ PT_SIZE(2), 1, true) != NULL, "a table is made");
	EXPECT(t, pt_entry(pgd, HIGH ^ PT_SIZE(2), 1, false) != NULL, "and is found");
	/* Bit 12 of a large page's entry is its PAT bit, not an address bit. */
	*pt_entry(pgd, HIGH, 2, false) |= 0x1000;
	EXPECT_EQ(t, pt_translate(pgd, HIGH), HIGH - mib2, "the PAT bit is no address");
	free_pgd(pgd);
}

struct seen {
	unsigned count, stop_at;
	virt_addr_t va[4];
};

static int see(const struct pt_leaf *leaf, void *arg)
{
	struct seen *s = arg;

	if (s->count < ARRAY_SIZE(s->va))
		s->va[s->count] = leaf->va;
	return ++s->count == s->stop_at ? 7 : 0;
}

static void test_canonical(struct selftest *t)
{
	static const virt_addr_t va[] = { 0, 0x7ffffffff000, KERNEL_HALF,
					  0xfffffffffffff000 };
	pte_t *pgd = new_pgd();
	struct seen all = { 0 }, some = { .stop_at = 2 }, half = { 0 }, marked = { 0 };

	EXPECT_EQ(t, pt_canonical(0x7fffffffffff), 0x7fffffffffff, "the user half");
	EXPECT_EQ(t, pt_canonical(0x800000000000), KERNEL_HALF, "bit 47 is extended");
	EXPECT_EQ(t, pt_canonical(0xffffffffffff), ~0ULL, "the last byte");
	EXPECT_EQ(t, pt_canonical(0x5a5a000000001000), 0x1000, "what is above goes");
	for (unsigned i = 0; i < ARRAY_SIZE(va); i++)
		EXPECT_EQ(t, pt_map(pgd, va[i], 0x1000 * i, PROT_R), 0, "four pages");
	EXPECT_EQ(t, pt_for_each_leaf(pgd, 0, 511, see, &all), 0, "all are seen");
	EXPECT_EQ(t, all.count, ARRAY_SIZE(va), "four leaves");
	for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
		EXPECT_EQ(t, all.va[i], va[i], "ascending and canonical");
		EXPECT_EQ(t, pt_translate(pgd, va[i] + 0xfff), 0x1000 * i + 0xfff,
			  "the first and last pages of both halves");
	}
	EXPECT_EQ(t, pt_for_each_leaf(pgd, 0, 511, see, &some), 7, "the result of fn");
	EXPECT_EQ(t, some.count, 2, "ends the walk");
	*pt_entry(pgd, 0, 3, false) |= PTE_ALIAS;
	pt_for_each_leaf(pgd, 0, 0, see, &marked);
	EXPECT(t, marked.count == 1 && marked.va[0] == 0, "a marked entry is seen itself");
	*pt_entry(pgd, 0, 3, false) &= ~(pte_t)PTE_ALIAS;
	pt_for_each_leaf(pgd, 256, 510, see, &half);
	EXPECT_EQ(t, half.count, 1, "the slots asked for, and no others");
	free_pgd(pgd);
}

static void test_free(struct selftest *t)
{
	u64 free_before = frame_stats().free;
	pte_t *pgd = new_pgd();
	phys_addr_t page = frame_alloc_zeroed();

	EXPECT_EQ(t, pt_map(pgd, LOW, page, PROT_RW), 0, "a page");
	EXPECT_EQ(t, pt_map_range(pgd, ALIGN_UP(LOW, PT_SIZE(2)), 0, PT_SIZE(2), PROT_R, 2),
		  0, "2 MiB beside it");
	EXPECT_EQ(t, pt_map_range(pgd, 0, 0, PT_SIZE(3), PROT_R, 3), 0, "1 GiB");
	EXPECT_EQ(t, pt_map(pgd, HIGH, page, PROT_RW), 0, "and one in the kernel half");
	pt_free_tables(pgd, 0, PGD_FIRST_KERNEL_SLOT - 1);
	EXPECT_EQ(t, pt_translate(pgd, LOW), NO_FRAME, "the user half is gone");
	EXPECT_EQ(t, pt_translate(pgd, HIGH), page, "the kernel half stays");
	EXPECT_EQ(t, free_before - frame_stats().free, 2 + 3, "PGD, page and 3 tables");
	pt_free_tables(pgd, 0, PT_ENTRIES - 1);
	EXPECT_EQ(t, free_before - frame_stats().free, 2, "what leaves map is not freed");
	frame_free(page);
	free_pgd(pgd);
}

/* ---- The processor's walk -------------------------------------------------------- */

/* A slot that nothing uses; only the case's own PGD has it. */
#define HW_BASE 0xffff960000000000
static_assert(PT_INDEX(HW_BASE, 4) == 300, "a slot of its own");

struct hw_case {
	const char *step;
	virt_addr_t va;
	bool read, write; /* expected; checked against pt_walk(), too */
};

static void hw_map(struct selftest *t, pte_t *pgd, phys_addr_t pa)
{
	u64 shift2 = pa - ALIGN_DOWN(pa, PT_SIZE(2));
	pte_t *entry;

	EXPECT_EQ(t, pt_map(pgd, HW_BASE, pa, PROT_RW), 0, "RW");
	EXPECT_EQ(t, pt_map(pgd, HW_BASE + 0x1000, pa, PROT_R), 0, "R");
	EXPECT_EQ(t, pt_map(pgd, HW_BASE + 0x3000, pa, PROT_RW & ~(u64)PTE_P), 0,
		  "an entry that is not present");
	EXPECT_EQ(t, pt_map_range(pgd, HW_BASE + PT_SIZE(2), pa - shift2, PT_SIZE(2),
				  PROT_RW, 2), 0, "2 MiB RW");
	EXPECT_EQ(t, pt_map(pgd, HW_BASE + 2 * PT_SIZE(2), pa, PROT_RW), 0, "RW");
	*pt_entry(pgd, HW_BASE + 2 * PT_SIZE(2), 2, false) &= ~(pte_t)PTE_W;
	EXPECT_EQ(t, pt_map(pgd, HW_BASE + PT_SIZE(3), pa, PROT_RW), 0, "RW");
	*pt_entry(pgd, HW_BASE + PT_SIZE(3), 3, false) &= ~(pte_t)PTE_W;
	/* User access wants U at each level; U in the PGD harms no other page. */
	EXPECT_EQ(t, pt_map(pgd, HW_BASE + 2 * PT_SIZE(3), pa, PROT_RW | PTE_U), 0, "U");
	EXPECT_EQ(t, pt_map(pgd, HW_BASE + 3 * PT_SIZE(3), pa, PROT_RW | PTE_U), 0, "U");
	for (unsigned level = 2; level <= PT_LEVELS; level++) {
		entry = pt_entry(pgd, HW_BASE + 2 * PT_SIZE(3), level, false);
		*entry |= PTE_U;
	}
}

static void hw_compare(struct selftest *t, const pte_t *pgd, const struct hw_case *c)
{
	struct pt_leaf leaf;
	bool mapped = pt_walk(pgd, c->va, &leaf) == 0;
	bool barred = mapped && (leaf.rights & PTE_U) && uaccess_smap;
	u8 byte = 0, *direct;

	EXPECT_EQ(t, c->read, mapped && !barred, c->step);
	EXPECT_EQ(t, c->write, mapped && !barred && (leaf.rights & PTE_W), c->step);
	EXPECT_EQ(t, probe_read(c->va, &byte), c->read ? 0 : -EFAULT, c->step);
	EXPECT_EQ(t, probe_write(c->va, 0x77), c->write ? 0 : -EFAULT, c->step);
	if (!mapped)
		return;
	direct = phys_to_virt(pt_translate(pgd, c->va));
	EXPECT_EQ(t, *direct, c->write ? 0x77 : 0x33, c->step);
	EXPECT_EQ(t, byte, c->read ? 0x33 : 0, c->step);
	*direct = 0x33;
}

static void test_hardware(struct selftest *t)
{
	phys_addr_t page = frame_alloc_zeroed();
	u64 in_large = page - ALIGN_DOWN(page, PT_SIZE(2)) + 0x123;
	const struct hw_case cases[] = {
		{ "RW", HW_BASE + 0x123, true, true },
		{ "R", HW_BASE + 0x1fff, true, false },
		{ "absent", HW_BASE + 0x2000, false, false },
		{ "not present", HW_BASE + 0x3000, false, false },
		{ "2 MiB RW", HW_BASE + PT_SIZE(2) + in_large, true, true },
		{ "R at the PMD", HW_BASE + 2 * PT_SIZE(2), true, false },
		{ "R at the PUD", HW_BASE + PT_SIZE(3), true, false },
		{ "U at all levels", HW_BASE + 2 * PT_SIZE(3), !uaccess_smap, !uaccess_smap },
		{ "U, but not at PMD and PUD", HW_BASE + 3 * PT_SIZE(3), true, true },
	};
	struct mm *mm = mm_alloc(), *old = this_cpu()->mm;
	u64 flags;

	ASSERT(mm && page != NO_FRAME);
	memset(phys_to_virt(page), 0x33, PAGE_SIZE);
	hw_map(t, mm->pgd, page);
	flags = interrupts_save();
	ldt_load_mm(mm);
	if (pti_roots_per_cpu) /* the kernel half of mm->pgd is not loaded */
		this_cpu()->root[PT_INDEX(HW_BASE, 4)] = mm->pgd[PT_INDEX(HW_BASE, 4)];
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		hw_compare(t, mm->pgd, &cases[i]);
	if (pti_roots_per_cpu)
		this_cpu()->root[PT_INDEX(HW_BASE, 4)] = 0;
	ldt_load_mm(old);
	interrupts_restore(flags);
	pt_free_tables(mm->pgd, PT_INDEX(HW_BASE, 4), PT_INDEX(HW_BASE, 4));
	mm_put(mm);
	frame_free(page);
}

static const struct selftest_case cases[] = {
	{ "a random run of operations agrees with a model", test_model },
	{ "mapping over what is mapped is -EEXIST, at every size", test_exists },
	{ "a range takes the largest pages that alignment allows", test_range },
	{ "a failed allocation is -ENOMEM, and the tables made stay", test_no_memory },
	{ "a right needs every level, and NX needs one", test_rights },
	{ "there is no entry below a missing table or a large page", test_entry },
	{ "addresses are canonical and leaves come in their order", test_canonical },
	{ "the tables are freed, and not what they map", test_free },
	{ "the processor walks the tables as pt_walk does", test_hardware },
};
SELFTEST_SUITE(pagetable, cases);
