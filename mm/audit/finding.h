/*
 * How the audit says what it found: the first finding as text, of all the number.
 */
#ifndef MM_AUDIT_FINDING_H
#define MM_AUDIT_FINDING_H

#include "kernel/base/types.h"
#include "mm/audit.h"
#include "mm/ledger.h"

/* A finding against rule P1 to P7: "P3: " and the text. */
void finding(struct audit_report *r, unsigned rule, const char *fmt, ...) __printf_like(3, 4);

/*
 * The same of a page that the ledger has as *e, in the area of `cpu` (-1: shared by
 * all): "P4: page ADDRESS (TSS, cpu 3, owner arch/tss.c): " and the text.
 */
void page_finding(struct audit_report *r, unsigned rule, virt_addr_t va,
		  const struct ledger_entry *e, int cpu, const char *fmt, ...) __printf_like(6, 7);

/* "R X", "RWX", "R" or "RW", by PTE_W and PTE_NX. */
const char *rights_name(u64 rights);

#endif
