/*
 * The audits that stop the machine.
 */
#ifndef MM_AUDIT_ALL_H
#define MM_AUDIT_ALL_H

#include "mm/pagetable.h"

/*
 * Audits audit_root() of all CPUs, none of which runs a process; or what an address space
 * without an LDT has.  Panics with the first finding, naming `when`.
 */
void audit_roots_or_panic(const char *when);
void audit_process_or_panic(const pte_t *kernel_pgd, const char *when);

/*
 * P1 to P3 alone, which cost little: every address space when it ends.  Panics
 * as above.  ldt: as mm->ldt.active.  Any CPU, any context.
 */
void audit_slots_or_panic(const pte_t *kernel_pgd, u32 ldt, const char *when);

#endif
