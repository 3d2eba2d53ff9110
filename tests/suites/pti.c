/*
 * The PGD pair: how it is made, what pti_set_user_pgd() writes, that the lower
 * levels of the user half are shared, and what the boot argument comes to.
 *
 * All but the last three cases work on pairs that are never loaded.  With
 * pti=off a pair is a single PGD; the cases then check that.
 */
#include "arch/cpu.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/start/args.h"
#include "kernel/start/selftest.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"

/* What stands for a table in slots that nobody walks. */
#define TABLE (0x5000 | PTE_P | PTE_W | PTE_U | PTE_A)
#define VA 0x123456789000

static bool needs_shadow(struct selftest *t)
{
	if (!pti_enabled)
		selftest_skip(t, "there is no shadow with pti=off");
	return pti_enabled;
}

static pte_t *new_pair(void)
{
	pte_t *pgd = pti_alloc_pair();

	ASSERT(pgd);
	return pgd;
}

/* Frees the user half's tables and the pair. */
static void free_pair(pte_t *pgd)
{
	for (unsigned slot = 0; slot < PGD_FIRST_KERNEL_SLOT; slot++) {
		if (pgd[slot])
			pt_free_tables(pgd, slot, slot);
		pti_set_user_pgd(pgd, slot, 0);
	}
	pti_free_pair(pgd);
}

static void test_place(struct selftest *t)
{
	phys_addr_t between[4]; /* so that the next free frame is an odd one, too */
	pte_t *pgds[4];

	if (!needs_shadow(t))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(pgds); i++) {
		phys_addr_t pa, user;

		pgds[i] = new_pair();
		between[i] = frame_alloc();
		pa = virt_to_phys(pgds[i]);
		user = virt_to_phys(pti_user_pgd(pgds[i]));
		EXPECT_EQ(t, pa % (2 * PAGE_SIZE), 0, "the pair is 8 KiB-aligned");
		EXPECT_EQ(t, user, pa + PAGE_SIZE, "the user PGD is 4 KiB above");
		EXPECT_EQ(t, user, pa ^ CR3_USER_PGD, "bit 12 of CR3 goes from one to the other");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pgds); i++) {
		free_pair(pgds[i]);
		frame_free(between[i]);
	}
	EXPECT_EQ(t, virt_to_phys(pti_init_pgd) % (2 * PAGE_SIZE), 0, "init's, too");
}

static void test_frames(struct selftest *t)
{
	u64 before = frame_stats().free;
	pte_t *pgd = new_pair();

	EXPECT_EQ(t, before - frame_stats().free, pti_enabled ? 2 : 1, "frames of a pair");
	free_pair(pgd);
	EXPECT_EQ(t, frame_stats().free, before, "all are free again");
	frame_fail_after(0);
	EXPECT(t, !pti_alloc_pair(), "without memory there is no pair");
	frame_fail_after(-1);
	EXPECT_EQ(t, frame_stats().free, before, "and none is lost");
}

static void test_new_halves(struct selftest *t)
{
	pte_t *pgd = new_pair();
	const pte_t *user = pti_user_pgd(pgd);

	for (unsigned s = 0; s < PGD_FIRST_KERNEL_SLOT; s++)
		EXPECT_EQ(t, pgd[s], 0, "the user half of a new pair is empty");
	for (unsigned s = PGD_FIRST_KERNEL_SLOT; s < PT_ENTRIES; s++)
		EXPECT_EQ(t, pgd[s], pti_init_pgd[s], "the kernel half is init's");
	EXPECT(t, pgd[PGD_SLOT_VMAP] & PTE_P, "with the vmap area's slot");
	EXPECT(t, pgd[PGD_SLOT_VAULT] & PTE_P, "and the vaults'");
	for (unsigned s = 0; pti_enabled && s < PT_ENTRIES; s++)
		EXPECT_EQ(t, user[s], s == PGD_SLOT_CEA ? pgd[s] : 0,
			  "the user PGD shows slot 508 and nothing else");
	free_pair(pgd);
}

static void test_set(struct selftest *t)
{
	static const unsigned slots[] = { 0, 1, 127, 254, 255 };
	pte_t *pgd = new_pair(), *user = pti_user_pgd(pgd);
	pte_t above = pgd[PGD_FIRST_KERNEL_SLOT];

	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		unsigned s = slots[i];

		pti_set_user_pgd(pgd, s, TABLE);
		EXPECT_EQ(t, pgd[s], pti_enabled ? TABLE | PTE_NX : TABLE,
			  "the kernel PGD's copy has NX if there is a shadow");
		if (pti_enabled)
			EXPECT_EQ(t, user[s], TABLE, "the user PGD's has not");
		for (unsigned other = 0; other < PGD_FIRST_KERNEL_SLOT; other++)
			if (other != s)
				EXPECT_EQ(t, pgd[other], 0, "no other slot is touched");
		pti_set_user_pgd(pgd, s, 0);
		EXPECT_EQ(t, pgd[s], 0, "cleared in the kernel PGD: no NX either");
		if (pti_enabled)
			EXPECT_EQ(t, user[s], 0, "cleared in the user PGD");
	}
	pti_set_user_pgd(pgd, 255, TABLE & ~(u64)PTE_P);
	EXPECT_EQ(t, pgd[255], TABLE & ~(u64)PTE_P, "an absent entry gets no NX");
	pti_set_user_pgd(pgd, 255, 0);
	EXPECT_EQ(t, pgd[PGD_FIRST_KERNEL_SLOT], above, "slot 256 is not touched");
	free_pair(pgd);
}

static void test_sharing(struct selftest *t)
{
	pte_t *pgd = new_pair(), *user = pti_user_pgd(pgd);
	pte_t *pte = pti_user_pte(pgd, VA, true);
	unsigned slot = PT_INDEX(VA, 4);
	struct pt_leaf k, u;

	if (!needs_shadow(t) || !EXPECT(t, pte != NULL, "the PTE of a user page")) {
		free_pair(pgd);
		return;
	}
	EXPECT_EQ(t, pgd[slot] ^ user[slot], PTE_NX, "both PGDs name the same PUD page");
	EXPECT(t, pt_entry(pgd, VA, 1, false) == pte, "its PTE through the kernel PGD");
	EXPECT(t, pt_entry(user, VA, 1, false) == pte, "is its PTE through the user PGD");
	*pte = 0x5000 | PTE_P | PTE_U;
	EXPECT_EQ(t, pt_walk(pgd, VA, &k), 0, "mapped through one,");
	EXPECT_EQ(t, pt_walk(user, VA, &u), 0, "mapped through the other");
	EXPECT_EQ(t, u.pa, k.pa, "to the same frame");
	EXPECT_EQ(t, u.rights, PTE_U, "executable in the user PGD");
	EXPECT_EQ(t, k.rights, PTE_U | PTE_NX, "not in the kernel PGD");
	/* The page beside it, through the user PGD alone. */
	EXPECT_EQ(t, pt_map(user, VA + PAGE_SIZE, 0x6000, PROT_RW | PTE_U), 0, "another");
	EXPECT_EQ(t, pt_translate(pgd, VA + PAGE_SIZE), 0x6000, "seen by the kernel PGD");
	EXPECT_EQ(t, pt_unmap(pgd, VA), 0x5000 | PTE_P | PTE_U, "unmapped through one,");
	EXPECT_EQ(t, pt_translate(user, VA), NO_FRAME, "gone from the other");
	pt_unmap(pgd, VA + PAGE_SIZE);
	free_pair(pgd);
}

static void test_user_pte(struct selftest *t)
{
	u64 before = frame_stats().free;
	pte_t *pgd = new_pair(), *pte = NULL;

	EXPECT(t, !pti_user_pte(pgd, VA, false), "nothing is made unless asked for");
	EXPECT_EQ(t, pgd[PT_INDEX(VA, 4)], 0, "the slot is empty");
	for (long n = 0; n < 4; n++) {
		frame_fail_after(n);
		pte = pti_user_pte(pgd, VA, true);
		frame_fail_after(-1);
		pt_free_tables(pgd, 0, PGD_FIRST_KERNEL_SLOT - 1);
		pti_set_user_pgd(pgd, PT_INDEX(VA, 4), 0);
		EXPECT_EQ(t, pte != NULL, n == 3, "it takes three tables");
	}
	pte = pti_user_pte(pgd, VA, true);
	EXPECT(t, pte == pti_user_pte(pgd, VA, true), "the same each time");
	EXPECT(t, pte + 1 == pti_user_pte(pgd, VA + PAGE_SIZE, false), "and the next page's");
	free_pair(pgd);
	EXPECT_EQ(t, frame_stats().free, before, "no frame is lost");
}

static void test_kernel_slots(struct selftest *t)
{
	struct pt_leaf leaf;
	unsigned shown = 0;

	if (!needs_shadow(t))
		return;
	for (unsigned s = PGD_FIRST_KERNEL_SLOT; s < PT_ENTRIES; s++)
		shown += pti_user_pgd(pti_init_pgd)[s] != 0;
	EXPECT_EQ(t, shown, 1, "slots of the kernel half that the user PGD shows");
	EXPECT_EQ(t, pti_user_pgd(pti_init_pgd)[PGD_SLOT_CEA] & PTE_ADDR_MASK,
		  pti_init_pgd[PGD_SLOT_CEA] & PTE_ADDR_MASK, "slot 508: one PUD page");
	EXPECT_EQ(t, pt_walk(pti_user_pgd(pti_init_pgd), (virt_addr_t)test_kernel_slots,
			     &leaf), -2, "the code that runs here is not shown");
	EXPECT_EQ(t, pt_walk(pti_user_pgd(pti_init_pgd), (virt_addr_t)&leaf, &leaf), -2,
		  "nor the stack it runs on");
	EXPECT_EQ(t, pt_walk(pti_user_pgd(pti_init_pgd), (virt_addr_t)this_cpu(), &leaf),
		  -2, "nor this CPU's vault");
}

/* ---- What the boot arguments come to ------------------------------------------------ */

static void test_as_asked(struct selftest *t)
{
	bool expected = selftest_args->pti == PTI_ON || selftest_args->pti == PTI_DEFERRED ||
			(selftest_args->pti == PTI_AUTO && cpu_features.meltdown);

	EXPECT_EQ(t, pti_enabled, expected, "a shadow, as pti= says");
}

struct globals {
	u64 leaves, not_global;
	virt_addr_t at; /* of the last that is not */
};

static int count_global(const struct pt_leaf *leaf, void *arg)
{
	struct globals *g = arg;

	if (leaf->level > 1 && !(leaf->entry & PTE_PS))
		return 0; /* PTE_ALIAS: a table that was walked elsewhere */
	g->leaves++;
	if (leaf->entry & PTE_G)
		return 0;
	g->not_global++;
	g->at = leaf->va;
	return 0;
}

/* Else each CR3 write of a process switch drops the kernel's own translations. */
static void test_global(struct selftest *t)
{
	struct globals g = { 0 };

	if (pti_enabled) {
		selftest_skip(t, "with pti=on the kernel's pages are not global");
		return;
	}
	EXPECT_EQ(t, !!(read_cr4() & CR4_PGE), cpu_features.pge, "CR4.PGE");
	pt_for_each_leaf(pti_init_pgd, PGD_FIRST_KERNEL_SLOT, PT_ENTRIES - 1, count_global, &g);
	EXPECT(t, g.leaves > 0, "pages of the kernel half");
	if (!EXPECT_EQ(t, g.not_global, 0, "of them, those that are not global"))
		selftest_note("the last at %#lx, of %lu", g.at, g.leaves);
}

static const struct selftest_case cases[] = {
	{ "a pair is 8 KiB-aligned, the user PGD 4 KiB above", test_place },
	{ "a pair takes and gives back its frames", test_frames },
	{ "a new pair has init's kernel half and an empty user half", test_new_halves },
	{ "pti_set_user_pgd writes both PGDs, and NX in the kernel's", test_set },
	{ "the user half's lower levels are shared", test_sharing },
	{ "pti_user_pte makes the tables it needs, or none is there", test_user_pte },
	{ "the user PGD shows one slot of the kernel half", test_kernel_slots },
	{ "there is a shadow if pti= says so", test_as_asked },
	{ "with pti=off the kernel half is global", test_global },
};
SELFTEST_SUITE(pti, cases);
