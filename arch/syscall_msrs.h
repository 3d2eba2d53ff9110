/*
 * Where SYSCALL goes.
 */
#ifndef ARCH_SYSCALL_MSRS_H
#define ARCH_SYSCALL_MSRS_H

#include "kernel/base/types.h"

/*
 * Sets STAR, SFMASK, LSTAR and CSTAR (this CPU's trampoline alias; with
 * `direct` the entries in the kernel image) and the SYSENTER MSRs.  Every CPU.
 */
void syscall_msrs_init(unsigned cpu, bool direct);

/* What LSTAR and CSTAR hold on that CPU. */
u64 syscall_entry_of(unsigned cpu, bool direct);
u64 syscall32_entry_of(unsigned cpu, bool direct);

#endif
