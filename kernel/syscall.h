/*
 * The system call interface: Linux's numbers, registers and errno values.
 *
 * kernel/syscall_list.h is the one list of calls; it makes the numbers, the
 * prototypes, the table and the names.  A call takes the registers as the
 * program left them (arguments in di, si, dx, r10, r8, r9) and returns the
 * result or a negative errno.
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "entry/entry.h"
#include "kernel/base/types.h"

#define SYSCALL(nr, name) long sys_##name(struct pt_regs *regs);
#include "kernel/syscall_list.h"
#undef SYSCALL

/* System calls answered with ENOSYS, all CPUs. */
u64 syscall_unknown_count(void);

#endif
