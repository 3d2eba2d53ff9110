/*
 * The audit of roots=cpu: what a CPU's own pair shows.
 */
#ifndef MM_AUDIT_ROOTS_H
#define MM_AUDIT_ROOTS_H

#include "mm/audit.h"
#include "mm/ledger.h"

/*
 * The pair that a CPU runs on while it runs no process: init's, or with roots=cpu its
 * own, whose user PGD must show that CPU's area alone.
 */
pte_t *audit_root(unsigned cpu);

/*
 * The CPU whose root this kernel PGD is; AUDIT_ANY: a pair that any CPU may load;
 * AUDIT_NONE: what a process has with roots=cpu, with no area in it.
 */
#define AUDIT_ANY (-1)
#define AUDIT_NONE (-2)
int audit_owner(const pte_t *kernel_pgd);

/*
 * P3 and P4 for a page that the user PGD of CPU own's root shows: it is that CPU's, or
 * shared, and the kernel PGD has the same frame there.  cpu: whose page it is, or -1.
 */
void audit_root_leaf(struct audit_report *r, const pte_t *kernel_pgd, const struct pt_leaf *leaf,
		     const struct ledger_entry *e, int cpu, int own);

#endif
