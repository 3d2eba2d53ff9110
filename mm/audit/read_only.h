/*
 * P6's part of the audit: the frames that the ledger calls read-only.
 */
#ifndef MM_AUDIT_READ_ONLY_H
#define MM_AUDIT_READ_ONLY_H

#include "mm/audit.h"

/* Begins anew; then every read-only frame that the view shows is named, often or once. */
void read_only_forget(void);
void read_only_remember(struct audit_report *r, phys_addr_t pa);

/* P6: can one of them be written through the view?  view: the PGD that user mode sees. */
void read_only_check(struct audit_report *r, const pte_t *view);

#endif
