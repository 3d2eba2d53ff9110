/*
 * The audit: the real tables against the ledger and the invariants P1 to P7.
 */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include "mm/ledger.h"
#include "mm/pagetable.h"

struct audit_report {
	unsigned findings;
	unsigned rule;  /* of the first finding: 1 to 7 */
	char text[240]; /* the first finding, one line */
	/* what the view shows */
	unsigned pages;                 /* 4 KiB pages of the kernel half */
	unsigned frames;                /* distinct frames behind them */
	unsigned cpus;                  /* areas that are mapped */
	unsigned pages_of[LEDGER_ROWS]; /* by index in the ledger */
	u64 bytes_scanned;
};

/*
 * Audits one pair.  ldt: as mm->ldt.active, of the process whose pair it is; 0: it has
 * none, and slot 507 must be empty.  Without a shadow P1 to P3 do not apply, and the
 * rest is checked for slot 508 of the kernel PGD (P5: for all of it).  Returns the
 * number of findings.  Context: no other CPU changes the tables meanwhile.
 */
unsigned audit_pair(const pte_t *kernel_pgd, u32 ldt, struct audit_report *report);

#endif
