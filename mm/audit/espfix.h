/*
 * The ESPFIX region's part of the audit.
 */
#ifndef MM_AUDIT_ESPFIX_H
#define MM_AUDIT_ESPFIX_H

#include "mm/audit.h"

/*
 * P4 where pt_for_each_leaf() visits each page once only: are the copies of each ESPFIX
 * page copies?  view: the PGD that user mode sees.
 */
void check_espfix(struct audit_report *r, const pte_t *view);

#endif
