/*
 * The system calls, as functions: Linux's numbers, registers and errno values.
 *
 * kernel/linux/syscall_list.h is the list of calls; it makes the prototypes here, and the
 * tables.  A call takes its arguments from di, si, dx, r10, r8 and r9 of the registers that
 * it is given, and returns the result or a negative errno.  These registers are not always
 * the program's: of an i386 call, they are a copy in this form, each argument extended from
 * 32 bits by zeroes.  The program's own are thread_regs(current_thread()).
 * Context: task stack, interrupts on.
 */
#ifndef KERNEL_LINUX_SYSCALLS_H
#define KERNEL_LINUX_SYSCALLS_H

#include "entry/entry.h"
#include "kernel/base/types.h"

#define CALL_64(nr, function) long function(struct pt_regs *regs);
#define CALL_32(nr, function)
#define CALL_IA32(nr, function) long function(struct pt_regs *regs);
#include "kernel/linux/syscall_list.h"

/* One more than the highest numbers: the largest member of a union counts. */
union syscalls_64 {
#define CALL_64(nr, function) u8 below_##nr[(nr) + 1];
#define CALL_32(nr, function)
#define CALL_IA32(nr, function)
#include "kernel/linux/syscall_list.h"
};
union syscalls_32 {
#define CALL_64(nr, function)
#define CALL_32(nr, function) u8 below_##nr[(nr) + 1];
#define CALL_IA32 CALL_32
#include "kernel/linux/syscall_list.h"
};
#define NR_SYSCALLS sizeof(union syscalls_64)
#define NR_IA32_SYSCALLS sizeof(union syscalls_32)

/* By number; NULL: none. */
extern long (*const syscall_table[NR_SYSCALLS])(struct pt_regs *);
extern long (*const ia32_syscall_table[NR_IA32_SYSCALLS])(struct pt_regs *);

/* The answer to a number that no call has: counts it, -ENOSYS. */
long syscall_unknown(void);

/* System calls answered so, all CPUs. */
u64 syscall_unknown_count(void);

#endif
