/*
 * Where SYSCALL goes.
 */
#ifndef ARCH_SYSCALL_MSRS_H
#define ARCH_SYSCALL_MSRS_H

#include "kernel/base/types.h"

/* This CPU's trampoline alias, the kernel image, or entry text (entry/shared/). */
enum syscall_entry { SYSCALL_AUTO, SYSCALL_TRAMPOLINE, SYSCALL_DIRECT, SYSCALL_ENTRY };

/* Sets STAR, SFMASK, LSTAR, CSTAR and the SYSENTER MSRs.  Every CPU; `way` is not AUTO. */
void syscall_msrs_init(unsigned cpu, enum syscall_entry way);

/* What LSTAR and CSTAR hold on that CPU. */
u64 syscall_entry_of(unsigned cpu, enum syscall_entry way);
u64 syscall32_entry_of(unsigned cpu, enum syscall_entry way);

#endif
