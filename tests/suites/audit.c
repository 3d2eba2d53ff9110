/*
 * The audit, rules P1 to P6: each violation is planted in a scratch pair, must
 * be reported under its rule with the page and its owner, and is undone.
 * P7, the leak scan, has a file of its own (tests/suites/audit_leak.c).
 */
#include "arch/cpu_entry_area.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/start/args.h"
#include "mm/audit.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "tests/suites/scratch_pair.h"

/* Pages of CPU n's area. */
#define AREA(cpu, page) (CEA_BASE + (u64)(cpu) * CEA_STRIDE + (page))
#define IST_NMI_PAGE (CEA_IST + (IST_NMI - 1) * CEA_IST_STRIDE)

static bool needs_shadow(struct selftest *t)
{
	if (!pti_enabled)
		selftest_skip(t, "there is no shadow with pti=off");
	return pti_enabled;
}

static unsigned last_cpu(void)
{
	unsigned last = 0;

	for_each_cpu(cpu, &cpus_online)
		last = cpu;
	return last;
}

/* ---- Clean ----------------------------------------------------------------------- */

static int count_leaf(const struct pt_leaf *leaf, void *count)
{
	*(u64 *)count += !(leaf->entry & PTE_ALIAS);
	return 0;
}

/*
 * IDT, entry text, trampoline; of each CPU GDT with TSS, the entry stack with #DF's, and
 * three more stacks.  With gdt_pages=4|16 the zero page, and each TSS a frame of its own.
 */
static unsigned expected_frames(unsigned cpus)
{
	unsigned text = (unsigned)(PAGE_SIZE - 1 + (u64)trampoline_lma - (u64)entry_text_lma) /
			PAGE_SIZE;
	bool extent = selftest_args->gdt_pages > 1;

	unsigned deferred = CEA_DEFERRED_TEXT_PAGES + CEA_DEFERRED_RODATA_PAGES + 1;

	return 1 + text + ledger_trampoline + extent + (pti_deferred ? deferred : 0) +
	       cpus * (5 + extent + (ledger_debug_store ? CEA_DEBUG_STORE_PAGES : 0));
}

static void test_clean(struct selftest *t)
{
	static struct audit_report r;
	pte_t *pgd = pti_alloc_pair();
	unsigned pages = 0;
	u64 shown = 0;

	ASSERT(pgd);
	scratch_expect_clean(t, pti_init_pgd, "init's pair");
	scratch_expect_clean(t, pgd, "a new pair");
	pti_free_pair(pgd);
	pgd = scratch_pair_make();
	scratch_expect_clean(t, pgd, "the scratch pair");
	pti_set_user_pgd(pgd, 3, 0);
	*scratch_entry(pgd, SCRATCH_USER, 1) = 0x5000 | PROT_RX | PTE_U;
	*scratch_entry(pgd, SCRATCH_USER + PAGE_SIZE, 1) = 0x6000 | PROT_RW | PTE_U;
	scratch_expect_clean(t, pgd, "with user pages R X and RW");
	scratch_pair_free(pgd);

	audit_pair(pti_init_pgd, 0, &r);
	pt_for_each_leaf(pti_init_pgd, pti_enabled ? PGD_SLOT_CEA : PGD_SLOT_PROCESS_ENTRY,
			 PGD_SLOT_CEA, count_leaf, &shown);
	for (unsigned i = 0; i < ledger_size; i++) {
		unsigned per = ledger_per_cpu(&ledger[i]) ? r.cpus : 1;

		pages += r.pages_of[i];
		if (ledger_required(&ledger[i]))
			EXPECT_EQ(t, r.pages_of[i], per * ledger_pages(&ledger[i]),
				  ledger[i].name);
	}
	EXPECT_EQ(t, pages, shown, "pages by kind, and leaves in the table");
	EXPECT_EQ(t, r.pages, shown, "pages in all");
	EXPECT_EQ(t, r.bytes_scanned, shown * PAGE_SIZE, "all were scanned");
	if (pti_enabled)
		EXPECT_EQ(t, r.frames, expected_frames(r.cpus), "frames");
}

/* ---- P1, P2, P3 ------------------------------------------------------------------- */

static void test_p1(struct selftest *t)
{
	pte_t *pgd, *user;

	if (!needs_shadow(t))
		return;
	pgd = scratch_pair_make();
	user = pti_user_pgd(pgd);
	*scratch_entry(pgd, SCRATCH_USER, 1) = 0x5000 | PROT_R | PTE_U;
	user[PT_INDEX(SCRATCH_USER, 4)] ^= PTE_W;
	scratch_expect_finding(t, pgd, 1, "P1: slot 36: *", "other rights in the user PGD");
	user[PT_INDEX(SCRATCH_USER, 4)] ^= PTE_W;
	scratch_expect_clean(t, pgd, "undone");
	user[255] = 0x7000;
	scratch_expect_finding(t, pgd, 1, "P1: slot 255: found 0x7000 in the user PGD, "
			       "expected the kernel PGD's 0", "a slot of the user PGD's own");
	user[255] = 0;
	pgd[0] = user[PT_INDEX(SCRATCH_USER, 4)] | PTE_NX;
	scratch_expect_finding(t, pgd, 1, "P1: slot 0: found 0 in the user PGD, *",
			       "a slot of the kernel PGD's own");
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	pgd[0] = 0;
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

static void test_p2(struct selftest *t)
{
	pte_t *pgd, *entry;

	if (!needs_shadow(t))
		return;
	pgd = scratch_pair_make();
	*scratch_entry(pgd, SCRATCH_USER, 1) = 0x5000 | PROT_R | PTE_U;
	entry = &pgd[PT_INDEX(SCRATCH_USER, 4)];
	*entry &= ~(pte_t)PTE_NX;
	scratch_expect_finding(t, pgd, 2, "P2: slot 36: found 0x* in the kernel PGD, "
			       "expected NX", "NX missing in the kernel PGD");
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	*entry |= PTE_NX;
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

static void plant_slot(struct selftest *t, pte_t *pgd, unsigned slot, pte_t entry,
		       const char *step)
{
	char glob[120];

	format(glob, sizeof(glob), "P3: slot %u (%#lx): found %#lx in the user PGD, "
	       "expected nothing", slot, pt_canonical((u64)slot << PT_SHIFT(4)), entry);
	pti_user_pgd(pgd)[slot] = entry;
	scratch_expect_finding(t, pgd, 3, glob, step);
	pti_user_pgd(pgd)[slot] = 0;
}

static void test_p3(struct selftest *t)
{
	phys_addr_t empty = frame_alloc_zeroed();
	pte_t *pgd, *user;

	if (!needs_shadow(t)) {
		frame_free(empty);
		return;
	}
	pgd = scratch_pair_make();
	user = pti_user_pgd(pgd);
	plant_slot(t, pgd, PGD_SLOT_IMAGE, pgd[PGD_SLOT_IMAGE], "the kernel image");
	plant_slot(t, pgd, PGD_SLOT_DIRECT_MAP, pgd[PGD_SLOT_DIRECT_MAP], "the direct map");
	plant_slot(t, pgd, PGD_SLOT_VMAP, pgd[PGD_SLOT_VMAP], "the vmap area");
	plant_slot(t, pgd, PGD_SLOT_VAULT, pgd[PGD_SLOT_VAULT], "the vaults");
	scratch_expect_clean(t, pgd, "undone");
	plant_slot(t, pgd, PGD_SLOT_VMAP, empty | PTE_P | PTE_W | PTE_A, "an empty table");
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	plant_slot(t, pgd, 256, 0x1000, "an entry that is not present");
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	user[PGD_SLOT_CEA] ^= PTE_W;
	scratch_expect_finding(t, pgd, 3, "P3: slot 508: found 0x* in the user PGD, "
			       "expected the kernel PGD's 0x*", "slot 508 with other rights");
	user[PGD_SLOT_CEA] = pti_init_pgd[PGD_SLOT_CEA];
	scratch_expect_finding(t, pgd, 3, "P3: slot 508: *", "slot 508 with another table");
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	user[PGD_SLOT_CEA] = pgd[PGD_SLOT_CEA];
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
	frame_free(empty);
}

/* ---- P4 ---------------------------------------------------------------------------- */

/* Changes one PTE of slot 508, looks, and puts it back. */
static void plant_pte(struct selftest *t, pte_t *pgd, virt_addr_t va, pte_t pte,
		      const char *rest, const char *step)
{
	pte_t *entry = scratch_entry(pgd, va, 1), old = *entry;

	*entry = pte;
	scratch_expect_page(t, pgd, 4, va, rest, step);
	*entry = old;
	scratch_expect_clean(t, pgd, "undone");
}

static void test_p4_extra(struct selftest *t)
{
	static const struct {
		virt_addr_t va;
		const char *glob, *step;
	} extra[] = {
		{ CEA_SLOT_BASE, "P4: page 0xfffffe0000000000: found it visible (R), "
		  "expected nothing: no owner in the ledger", "the first page of slot 508" },
		{ AREA(0, CEA_ENTRY_STACK - PAGE_SIZE), "P4: page 0x*: found it visible "
		  "(R), expected nothing: no owner in the ledger", "a guard page" },
		{ AREA(0, CEA_IST - PAGE_SIZE), "P4: page 0x*: found it visible (R)*",
		  "the guard page of an IST stack" },
		{ AREA(0, CEA_IO_BITMAP), "P4: page 0x* (IO bitmap, cpu 0, owner "
		  "arch/state/io_bitmap.c): found it visible, expected nothing: no task with "
		  "ports runs there", "an IO bitmap of nobody" },
		{ AREA(255, CEA_GDT), "P4: page 0x* (entry stack, cpu 255, owner entry/): "
		  "found nothing, expected RW", "half an area of a CPU that is not there" },
		{ AREA(0, CEA_TRAMPOLINE), "P4: page 0x*: found it visible (R)*",
		  "a trampoline, with syscall=entry" },
	};
	phys_addr_t empty = frame_alloc_zeroed();
	pte_t *pgd = scratch_pair_make();

	for (unsigned i = 0; i < ARRAY_SIZE(extra) - ledger_trampoline; i++) {
		pte_t *entry = scratch_entry(pgd, extra[i].va, 1);

		if (*entry & PTE_P) {
			selftest_note("left out, 256 CPUs: %s", extra[i].step);
			continue;
		}
		*entry = empty | PROT_R;
		scratch_expect_finding(t, pgd, 4, extra[i].glob, extra[i].step);
		*entry = 0;
		scratch_expect_clean(t, pgd, "undone");
	}
	scratch_pair_free(pgd);
	frame_free(empty);
}

static void test_p4_rights(struct selftest *t)
{
	static const struct {
		bool shared;
		u64 page;
		pte_t change; /* bits that are turned over */
		const char *rest, *step;
	} wrong[] = {
		{ true, CEA_IDT, PTE_W, "found RW, expected R", "the IDT writable" },
		{ true, CEA_IDT, PTE_NX, "found R X, expected R", "the IDT executable" },
		{ true, CEA_ENTRY_TEXT, PTE_NX, "found R, expected R X", "entry text NX" },
		{ false, CEA_GDT, PTE_W, "found RW, expected R", "a GDT writable" },
		{ false, CEA_TSS_PAGE, PTE_W, "found RW, expected R", "a TSS writable" },
		{ false, CEA_ENTRY_STACK, PTE_W, "found R, expected RW",
		  "an entry stack read-only" },
		{ false, IST_NMI_PAGE, PTE_W, "found R, expected RW", "an IST stack read-only" },
		{ false, CEA_TRAMPOLINE, PTE_NX, "found R, expected R X", "a trampoline NX" },
	};
	pte_t *pgd = scratch_pair_make();

	for (unsigned i = 0; i < ARRAY_SIZE(wrong) - !ledger_trampoline; i++) {
		virt_addr_t va = wrong[i].shared ? wrong[i].page :
				 AREA(last_cpu(), wrong[i].page);

		plant_pte(t, pgd, va, *scratch_entry(pgd, va, 1) ^ wrong[i].change,
			  wrong[i].rest, wrong[i].step);
	}
	scratch_pair_free(pgd);
}

static void test_p4_missing(struct selftest *t)
{
	static const u64 page[] = { CEA_GDT, CEA_ENTRY_STACK, CEA_TSS_PAGE,
				    IST_NMI_PAGE, CEA_TRAMPOLINE };
	pte_t *pgd = scratch_pair_make();

	plant_pte(t, pgd, CEA_IDT, 0, "found nothing, expected R", "no IDT");
	plant_pte(t, pgd, CEA_ENTRY_TEXT, 0, "found nothing, expected R X", "no entry text");
	for (unsigned i = 0; i < ARRAY_SIZE(page) - !ledger_trampoline; i++)
		plant_pte(t, pgd, AREA(last_cpu(), page[i]), 0, "found nothing, expected *",
			  "a page of the last CPU's area is missing");
	scratch_pair_free(pgd);
}

/* All pages below an upper-level entry change with it. */
static void test_p4_upper(struct selftest *t)
{
	virt_addr_t va = AREA(0, CEA_GDT);
	pte_t *pgd = scratch_pair_make(), *pmd = scratch_entry(pgd, va, 2), old = *pmd;

	*pmd = old & ~(pte_t)PTE_W;
	scratch_expect_page(t, pgd, 4, AREA(0, CEA_ENTRY_STACK), "found R, expected RW",
			    "W removed at the PMD");
	*pmd = old | PTE_NX;
	if (ledger_trampoline)
		scratch_expect_page(t, pgd, 4, AREA(0, CEA_TRAMPOLINE), "found R, expected R X",
				    "NX at the PMD");
	*pmd = PROT_R | PTE_PS | cea_global();
	scratch_expect_page(t, pgd, 4, va, "found R in a large page, expected R",
			    "2 MiB in the place of the areas");
	*pmd = old;
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

static void set_user_bit(pte_t *pgd, virt_addr_t va, bool set)
{
	for (unsigned level = 1; level <= PT_LEVELS; level++) {
		pte_t *entry = scratch_entry(pgd, va, level);

		*entry = set ? *entry | PTE_U : *entry & ~(pte_t)PTE_U;
	}
	if (pti_enabled)
		pti_user_pgd(pgd)[PGD_SLOT_CEA] = pgd[PGD_SLOT_CEA];
}

static void test_p4_user(struct selftest *t)
{
	static const u64 page[] = { CEA_GDT, CEA_ENTRY_STACK, CEA_TSS_PAGE, CEA_TRAMPOLINE };
	pte_t *pgd = scratch_pair_make();

	for (unsigned i = 0; i < ARRAY_SIZE(page) - !ledger_trampoline; i++) {
		set_user_bit(pgd, AREA(0, page[i]), true);
		scratch_expect_page(t, pgd, 4, AREA(0, page[i]), "found it open to user "
				    "mode, expected supervisor", "U at every level");
		EXPECT_EQ(t, scratch_findings(), 1, "findings");
		set_user_bit(pgd, AREA(0, page[i]), false);
		scratch_expect_clean(t, pgd, "undone");
	}
	scratch_pair_free(pgd);
}

static void test_p4_global(struct selftest *t)
{
	pte_t *pgd;

	if (!needs_shadow(t))
		return;
	pgd = scratch_pair_make();
	*scratch_entry(pgd, SCRATCH_BASE, 1) = 0x5000 | PROT_RW;
	scratch_expect_clean(t, pgd, "a kernel page");
	*scratch_entry(pgd, SCRATCH_BASE, 1) |= PTE_G;
	scratch_expect_finding(t, pgd, 4, "P4: page 0xffff960000000000: found the Global "
			       "bit, *", "a kernel page that is global");
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	*scratch_entry(pgd, SCRATCH_BASE, 1) = 0;
	*scratch_entry(pgd, SCRATCH_USER, 1) = 0x5000 | PROT_RW | PTE_U | PTE_G;
	scratch_expect_finding(t, pgd, 4, "P4: page 0x123456789000: found the Global bit, *",
			       "a user page that is global");
	*scratch_entry(pgd, SCRATCH_USER, 1) = 0;
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

/* ---- P5 ---------------------------------------------------------------------------- */

static void test_p5(struct selftest *t)
{
	static const struct {
		virt_addr_t va;
		unsigned level;
		u64 bits;
		const char *glob, *step;
	} wx[] = {
		{ SCRATCH_BASE, 1, 0, "P5: page 0xffff960000000000: found W and X*",
		  "a kernel page" },
		{ SCRATCH_BASE + 0x40000000, 2, PTE_PS, "P5: page 0xffff960040000000: *",
		  "2 MiB of the kernel" },
		{ SCRATCH_BASE + 0x80000000, 3, PTE_PS, "P5: page 0xffff960080000000: *",
		  "1 GiB of the kernel" },
		{ SCRATCH_USER, 1, PTE_U, "P5: page 0x123456789000: found W and X "
		  "together, expected at most one", "a user page" },
		{ ALIGN_DOWN(SCRATCH_USER, 0x200000) + 0x200000, 2, PTE_U | PTE_PS,
		  "P5: page 0x123456800000: *", "2 MiB of user memory" },
	};
	pte_t *pgd = scratch_pair_make();

	for (unsigned i = 0; i < ARRAY_SIZE(wx); i++) {
		pte_t *entry = scratch_entry(pgd, wx[i].va, wx[i].level);

		*entry = 0x40000000 | PTE_P | PTE_W | PTE_A | wx[i].bits;
		scratch_expect_finding(t, pgd, 5, wx[i].glob, wx[i].step);
		*entry |= PTE_NX;
		scratch_expect_clean(t, pgd, "NX set");
		*entry = 0;
	}
	scratch_pair_free(pgd);
}

/* ---- P6 ---------------------------------------------------------------------------- */

static const struct {
	bool shared;
	u64 page;
	const char *step;
} read_only[] = {
	{ true, CEA_IDT, "the IDT" },
	{ true, CEA_ENTRY_TEXT, "entry text" },
	{ false, CEA_GDT, "a GDT" },
	{ false, CEA_TSS_PAGE, "a TSS" },
	{ false, CEA_TRAMPOLINE, "the trampoline" },
};

/* The glob for a writable alias at va of the frame at pa. */
static const char *alias_glob(virt_addr_t va, phys_addr_t pa)
{
	static char glob[160];

	format(glob, sizeof(glob), "P6: page %#lx: found a writable alias of frame %#lx, "
	       "which the ledger calls read-only, expected none", va, pa);
	return glob;
}

static phys_addr_t read_only_frame(pte_t *pgd, unsigned i)
{
	virt_addr_t va = read_only[i].shared ? read_only[i].page :
			 AREA(last_cpu(), read_only[i].page);

	return pt_translate(pgd, va);
}

static void test_p6_user_half(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make();
	virt_addr_t large = ALIGN_DOWN(SCRATCH_USER, PT_SIZE(2)) + PT_SIZE(2);

	for (unsigned i = 0; i < ARRAY_SIZE(read_only) - !ledger_trampoline; i++) {
		phys_addr_t pa = read_only_frame(pgd, i);
		pte_t *entry = scratch_entry(pgd, SCRATCH_USER, 1);

		*entry = pa | PROT_RW | PTE_U;
		scratch_expect_finding(t, pgd, 6, alias_glob(SCRATCH_USER, pa),
				       read_only[i].step);
		EXPECT_EQ(t, scratch_findings(), 1, "findings");
		*entry = pa | PROT_R | PTE_U;
		scratch_expect_clean(t, pgd, "a read-only alias");
		*entry = 0;
		entry = scratch_entry(pgd, large, 2);
		*entry = ALIGN_DOWN(pa, PT_SIZE(2)) | PROT_RW | PTE_U | PTE_PS;
		scratch_expect_finding(t, pgd, 6, "P6: page 0x123456800000: *",
				       "2 MiB around the frame");
		*entry = 0;
	}
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

static void test_p6_slot_508(struct selftest *t)
{
	virt_addr_t va = AREA(last_cpu(), IST_NMI_PAGE);
	pte_t *pgd = scratch_pair_make();
	pte_t *entry = scratch_entry(pgd, va, 1), old = *entry;

	for (unsigned i = 0; i < ARRAY_SIZE(read_only) - !ledger_trampoline; i++) {
		phys_addr_t pa = read_only_frame(pgd, i);

		*entry = (old & ~(pte_t)PTE_ADDR_MASK) | pa;
		scratch_expect_finding(t, pgd, 6, alias_glob(va, pa), read_only[i].step);
		EXPECT_EQ(t, scratch_findings(), 1, "findings");
	}
	*entry = old;
	scratch_expect_clean(t, pgd, "undone");
	scratch_pair_free(pgd);
}

static const struct selftest_case cases[] = {
	{ "clean pairs are clean, and the counts add up", test_clean },
	{ "P1: a slot that differs between the PGDs is found", test_p1 },
	{ "P2: a user-half slot without NX in the kernel PGD is found", test_p2 },
	{ "P3: a further slot in the user PGD is found", test_p3 },
	{ "P4: a page too many is found", test_p4_extra },
	{ "P4: wrong rights are found", test_p4_rights },
	{ "P4: a missing page is found", test_p4_missing },
	{ "P4: rights that an upper level changes, and large pages, are found", test_p4_upper },
	{ "P4: a page that user mode can reach is found", test_p4_user },
	{ "P4: a global page that not all tables show is found", test_p4_global },
	{ "P5: W and X together are found, at any size", test_p5 },
	{ "P6: a writable alias in the user half is found", test_p6_user_half },
	{ "P6: a writable alias in slot 508 is found", test_p6_slot_508 },
};
SELFTEST_SUITE(audit, cases);
