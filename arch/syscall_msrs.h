/*
 * Where SYSCALL goes.
 */
#ifndef ARCH_SYSCALL_MSRS_H
#define ARCH_SYSCALL_MSRS_H

#include "kernel/base/types.h"

/*
 * Sets STAR, SFMASK, LSTAR (this CPU's trampoline alias; with `direct` the
 * entry in the kernel image), CSTAR and the SYSENTER MSRs (no entry yet: see
 * the .c file).  Every CPU.
 */
void syscall_msrs_init(unsigned cpu, bool direct);

/* What LSTAR holds on that CPU. */
u64 syscall_entry_of(unsigned cpu, bool direct);

#endif
