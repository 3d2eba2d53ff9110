/*
 * The system calls of i386: INT 0x80 from any code, SYSENTER and SYSCALL from
 * 32-bit code.
 */
#ifndef KERNEL_IA32_SYSCALL_H
#define KERNEL_IA32_SYSCALL_H

#include "entry/entry.h"

/*
 * The call of a task that entered by VEC_INT80, VEC_SYSCALL32 or VEC_SYSENTER
 * (the vector's low byte, if it is the first), with registers as that
 * instruction left them, and what is due after it.  Sets vector, ax and orig_ax,
 * and for the latter two what the instruction lost: ip (the landing pad), cx,
 * bp.  Context: task stack, interrupts off before and after, on the way back to
 * user mode by IRET.
 */
void ia32_do_syscall(struct pt_regs *regs);

#endif
