/*
 * The system calls of i386: INT 0x80 from any code, SYSENTER and SYSCALL from
 * 32-bit code.  kernel/ia32_syscall_list.h is the one list of calls.
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

/*
 * The calls that have a form of their own.  Arguments are where those of
 * kernel/syscall.h have them, extended from 32 bits by zeroes.
 */
#define NATIVE(nr, name)
#define COMPAT(nr, name) long ia32_sys_##name(struct pt_regs *regs);
#include "kernel/ia32_syscall_list.h"
#undef NATIVE
#undef COMPAT

#endif
