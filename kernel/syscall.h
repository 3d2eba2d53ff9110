/*
 * From the entry code to a system call and back: 64-bit SYSCALL, and i386's three ways.
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

/*
 * The call of a task that entered by VEC_INT80, VEC_SYSCALL32 or VEC_SYSENTER (of the
 * first, the vector's low byte counts), with registers as that instruction left them,
 * and the work that is due before user mode.  Sets vector, ax and orig_ax, and for the
 * latter two what the instruction lost: ip (the landing pad), cx, bp.  Context: as
 * above, but the way back is IRET.
 */
void ia32_do_syscall(struct pt_regs *regs);

#endif
