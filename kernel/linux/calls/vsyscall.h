/*
 * The three calls at fixed addresses that programs made before there was a vDSO, and
 * that static programs of that time still make.
 */
#ifndef KERNEL_LINUX_CALLS_VSYSCALL_H
#define KERNEL_LINUX_CALLS_VSYSCALL_H

#include "entry/entry.h"
#include "kernel/base/types.h"

/* Is the page fault of user mode at `cr2` a fetch from their page? */
bool vsyscall_is_called(const struct pt_regs *regs, virt_addr_t cr2);

/*
 * Does the call that is at regs->ip, and its RET: 0.  Or -EFAULT, *regs being as it was:
 * *at is where the program cannot write what it asked for, and *error (PF_*) what its
 * own store there would fault with; or *at is 0: no call is there, or the stack has no return
 * address.  Context: as of a page fault from user mode.
 */
int vsyscall_emulate(struct pt_regs *regs, virt_addr_t *at, u64 *error);

#endif
