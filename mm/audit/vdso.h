/*
 * The vDSO's part of the audit: the one frame of the kernel's that every program has.
 */
#ifndef MM_AUDIT_VDSO_H
#define MM_AUDIT_VDSO_H

#include "mm/audit.h"
#include "mm/pagetable.h"

extern phys_addr_t vdso_frame; /* NO_FRAME: there is none yet; set once, at boot */

/*
 * P4 and P7 for a page of the user half, if it is the vDSO's frame: nobody may write to it,
 * and it holds no hidden address.  (A program may map it where and as it wants else.)
 */
void check_vdso(struct audit_report *r, const struct pt_leaf *leaf);

#endif
