/*
 * The overlay's part of the audit: supervisor pages in the user half.
 */
#ifndef MM_AUDIT_OVERLAY_H
#define MM_AUDIT_OVERLAY_H

#include "mm/audit.h"

/* A guest's memory from address 0, and two pages of its monitor's (kernel/guest/). */
#define GUEST_MEMORY 0x1000000
#define GUEST_PAGES (GUEST_MEMORY / PAGE_SIZE + 2)

/*
 * P4 and P7 for the user half of a view: a supervisor page there is an overlay's, with its
 * rights, and holds nothing but descriptors that a guest may have.  Calls check_vdso().
 */
void check_overlay(struct audit_report *r, const pte_t *view);

/*
 * May ring 3 have that descriptor in a table which the processor reads, or is it one of
 * the kernel's own?  A null one, or a segment of DPL 3, neither conforming nor of 64 bits.
 */
bool overlay_descriptor_ok(u64 desc);

#endif
