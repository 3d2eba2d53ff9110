/*
 * What exceptions and interrupts mean.  The entry code calls seam_do_trap() and
 * seam_do_paranoid() (kernel/base/seams.h); this is for the rest.
 */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include "entry/entry.h"

/*
 * Tests may look at IST events that arrive in kernel mode: called with the
 * interrupted registers, which it may change; true: the event was expected.
 * Context: IST kernel stack, interrupts off, no schedule().
 */
extern bool (*trap_paranoid_hook)(struct pt_regs *regs);

/* "#PF", "NMI", ... or "interrupt". */
const char *trap_name(unsigned vector);

/* Interrupts taken, by vector, all CPUs; exceptions too. */
extern u64 trap_count[256];

#endif
