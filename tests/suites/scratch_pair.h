/*
 * A PGD pair that is never loaded, with tables of its own for slot 508: the
 * audit's tests plant in it what would bring the machine down in a real one.
 */
#ifndef TESTS_SUITES_SCRATCH_PAIR_H
#define TESTS_SUITES_SCRATCH_PAIR_H

#include "kernel/start/selftest.h"
#include "mm/audit.h"
#include "mm/ledger.h"
#include "mm/pagetable.h"

/* Slots of the kernel half and of the user half that nothing else uses. */
#define SCRATCH_SLOT 300
#define SCRATCH_BASE 0xffff960000000000
#define SCRATCH_USER 0x123456789000

/*
 * The pair.  Its tables of slot 508 are a copy, which shows the real frames;
 * all of init's other slots are shared.  Panics without memory.
 */
pte_t *scratch_pair_make(void);

/* The same with an LDT of one page, and a copy of the tables of slot 507. */
pte_t *scratch_pair_make_ldt(void);

/* Frees the pair, and all tables and copied pages below it. */
void scratch_pair_free(pte_t *pgd);

/* The entry of `va` at `level`, in slot 508, SCRATCH_SLOT or the user half. */
pte_t *scratch_entry(pte_t *pgd, virt_addr_t va, unsigned level);

/*
 * Puts a copy of the page at `va` (slot 508) in its place and returns the
 * copy's address.  One copy at a time; scratch_restore_page() ends it.
 */
void *scratch_copy_page(pte_t *pgd, virt_addr_t va);
void scratch_restore_page(pte_t *pgd, virt_addr_t va);

/* Steps: the audit of the pair finds nothing. */
void scratch_expect_clean(struct selftest *t, const pte_t *pgd, const char *step);

/*
 * Steps: the audit finds something, the first of it under `rule`, in a text
 * that matches the glob.
 */
void scratch_expect_finding(struct selftest *t, const pte_t *pgd, unsigned rule,
			    const char *glob, const char *step);

/*
 * The same for a page of slot 508: the text names the page, its ledger entry,
 * CPU and owner, and goes on as `rest` (a glob).
 */
void scratch_expect_page(struct selftest *t, const pte_t *pgd, unsigned rule,
			 virt_addr_t va, const char *rest, const char *step);

/* How many findings the last audit had. */
unsigned scratch_findings(void);

#endif
