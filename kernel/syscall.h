/*
 * The system call interface: Linux's numbers, registers and errno values.
 *
 * kernel/syscall_list.h is the one list of calls; it makes the numbers, the
 * prototypes, the table and the names.  A call takes its arguments from di, si,
 * dx, r10, r8 and r9 of the registers it is given, and returns the result or a
 * negative errno.  These are not always the program's: i386's calls are brought
 * into this form first (in a copy).  What a call reads or changes of the
 * program's registers beyond its arguments, it takes from
 * task_regs(current_task()).
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "entry/entry.h"
#include "kernel/base/types.h"

#define SYSCALL(nr, name) long sys_##name(struct pt_regs *regs);
#include "kernel/syscall_list.h"
#undef SYSCALL

/*
 * From the entry code, by the pointer in the vault: runs the call and the work that
 * is due before user mode.  True: SYSRET restores exactly *regs.  Context: the task's
 * kernel stack, interrupts off; the same when it returns.
 */
bool do_syscall(struct pt_regs *regs);

/* The answer to a number that no call has: counts it, -ENOSYS. */
long syscall_unknown(void);

/* System calls answered so, all CPUs. */
u64 syscall_unknown_count(void);

#endif
