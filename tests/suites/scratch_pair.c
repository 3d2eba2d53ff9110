/*
 * The scratch pair, and the steps that audit it.  The real tables are never
 * written.  Used by tests/suites/audit*.c.
 */
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "tests/suites/scratch_pair.h"

static struct audit_report report;
static phys_addr_t ldt;     /* of scratch_pair_make_ldt(); 0: none */
static phys_addr_t original; /* behind the copied page; NO_FRAME: none is */

static phys_addr_t new_frame(void)
{
	phys_addr_t pa = frame_alloc_zeroed();

	ASSERT_OP(pa, !=, NO_FRAME);
	return pa;
}

/* An entry like `entry`, with a copy of its table and of all below. */
static pte_t copy_table(pte_t entry, unsigned level)
{
	const pte_t *from = phys_to_virt(entry & PTE_ADDR_MASK);
	phys_addr_t pa = new_frame();
	pte_t *to = phys_to_virt(pa);

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (level == 2 || !(from[i] & PTE_P))
			to[i] = from[i];
		else if (i > 0 && (from[i] & PTE_ALIAS)) /* ESPFIX: the same table again */
			to[i] = to[i - 1] | PTE_ALIAS;
		else
			to[i] = copy_table(from[i], level - 1);
	}
	return (entry & ~(pte_t)PTE_ADDR_MASK) | pa;
}

pte_t *scratch_pair_make(void)
{
	pte_t *pgd = pti_alloc_pair();

	ASSERT(pgd);
	pgd[PGD_SLOT_CEA] = copy_table(pgd[PGD_SLOT_CEA], PT_LEVELS);
	if (pti_enabled)
		pti_user_pgd(pgd)[PGD_SLOT_CEA] = pgd[PGD_SLOT_CEA];
	original = NO_FRAME;
	return pgd;
}

pte_t *scratch_pair_make_ldt(void)
{
	pte_t *pgd = scratch_pair_make();

	ldt = new_frame();
	pgd[PGD_SLOT_PROCESS_ENTRY] = copy_table(pgd[PGD_SLOT_PROCESS_ENTRY], PT_LEVELS);
	*scratch_entry(pgd, PROCESS_ENTRY_BASE, 1) = ldt | PROT_R;
	pti_set_process_entry(pgd, pgd[PGD_SLOT_PROCESS_ENTRY]);
	return pgd;
}

void scratch_pair_free(pte_t *pgd)
{
	ASSERT_OP(original, ==, NO_FRAME);
	if (ldt) {
		pt_free_tables(pgd, PGD_SLOT_PROCESS_ENTRY, PGD_SLOT_PROCESS_ENTRY);
		pti_set_process_entry(pgd, 0);
		frame_free(ldt);
		ldt = 0;
	}
	pt_free_tables(pgd, PGD_SLOT_CEA, PGD_SLOT_CEA);
	pt_free_tables(pgd, SCRATCH_SLOT, SCRATCH_SLOT);
	pt_free_tables(pgd, 0, PGD_FIRST_KERNEL_SLOT - 1);
	pti_free_pair(pgd);
}

pte_t *scratch_entry(pte_t *pgd, virt_addr_t va, unsigned level)
{
	unsigned slot = PT_INDEX(va, PT_LEVELS);
	pte_t *entry;

	if (va < KERNEL_HALF && !(pgd[slot] & PTE_P))
		pti_set_user_pgd(pgd, slot, new_frame() | PTE_P | PTE_W | PTE_U | PTE_A);
	entry = pt_entry(pgd, va, level, true);
	ASSERT(entry);
	return entry;
}

/* One page, at all its addresses if it is an ESPFIX stack. */
static void set_page(pte_t *pgd, virt_addr_t va, phys_addr_t pa)
{
	pte_t *pte = scratch_entry(pgd, va, 1);
	bool espfix = va >= ESPFIX_BASE && va < ESPFIX_END;

	for (unsigned i = 0; i < (espfix ? PT_ENTRIES : 1); i += ESPFIX_STRIDE_PAGES)
		pte[i] = (pte[i] & ~(pte_t)PTE_ADDR_MASK) | pa;
}

void *scratch_copy_page(pte_t *pgd, virt_addr_t va)
{
	pte_t *pte = scratch_entry(pgd, va, 1);
	phys_addr_t pa = new_frame();

	ASSERT_OP(original, ==, NO_FRAME);
	original = *pte & PTE_ADDR_MASK;
	memcpy(phys_to_virt(pa), phys_to_virt(original), PAGE_SIZE);
	set_page(pgd, va, pa);
	return phys_to_virt(pa);
}

void scratch_restore_page(pte_t *pgd, virt_addr_t va)
{
	pte_t *pte = scratch_entry(pgd, va, 1);

	frame_free(*pte & PTE_ADDR_MASK);
	set_page(pgd, va, original);
	original = NO_FRAME;
}

unsigned scratch_findings(void)
{
	return report.findings;
}

void scratch_expect_clean(struct selftest *t, const pte_t *pgd, const char *step)
{
	audit_pair(pgd, ldt ? 1 : 0, &report);
	if (!EXPECT_EQ(t, report.findings, 0, step))
		selftest_note("first: %s", report.text);
}

void scratch_expect_finding(struct selftest *t, const pte_t *pgd, unsigned rule,
			    const char *glob, const char *step)
{
	bool found, right, named;

	audit_pair(pgd, ldt ? 1 : 0, &report);
	found = EXPECT(t, report.findings > 0, step);
	right = EXPECT_EQ(t, report.rule, rule, step);
	named = EXPECT(t, glob_match(glob, report.text), step);
	if (found && right && named)
		return;
	selftest_note("found    %s", report.text);
	selftest_note("expected %s", glob);
}

void scratch_expect_page(struct selftest *t, const pte_t *pgd, unsigned rule,
			 virt_addr_t va, const char *rest, const char *step)
{
	int cpu;
	const struct ledger_entry *e = ledger_find(va, &cpu);
	char glob[200], whose[16] = "shared";

	ASSERT(e);
	if (cpu >= 0)
		format(whose, sizeof(whose), "cpu %d", cpu);
	format(glob, sizeof(glob), "P%u: page %#lx (%s, %s, owner %s): %s", rule, va,
	       e->name, whose, e->owner, rest);
	scratch_expect_finding(t, pgd, rule, glob, step);
}
