/*
 * From the entry code to a system call and back.
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "entry/entry.h"

/*
 * From the entry code, by the pointer in the vault: runs the call and the work that
 * is due before user mode.  True: SYSRET restores exactly *regs.  Context: the task's
 * kernel stack, interrupts off; the same when it returns.
 */
bool do_syscall(struct pt_regs *regs);

#endif
