/*
 * P1 to P3's part of the audit.
 */
#ifndef MM_AUDIT_SLOTS_H
#define MM_AUDIT_SLOTS_H

#include "mm/audit.h"

/*
 * Compares the slots of a pair.  ldt: as mm->ldt.active; root: of a CPU, whose user PGD
 * has tables of its own in slots 507 and 508.
 */
void check_slots(struct audit_report *r, const pte_t *kernel, const pte_t *user, u32 ldt,
		 bool root);

#endif
