/*
 * The system calls, as functions: Linux's numbers, registers and errno values.
 *
 * kernel/linux/syscall_list.h and kernel/linux/ia32_syscall_list.h are the lists of calls; they make
 * the prototypes here, the tables and the names.  A call takes its arguments from di, si,
 * dx, r10, r8 and r9 of the registers it is given, and returns the result or a
 * negative errno.  These are not always the program's: i386's calls are brought
 * into this form first (in a copy, extended from 32 bits by zeroes).  What a call reads
 * or changes of the program's registers beyond its arguments, it takes from
 * thread_regs(current_thread()).  Context: task stack, interrupts on.
 */
#ifndef KERNEL_LINUX_SYSCALLS_H
#define KERNEL_LINUX_SYSCALLS_H

#include "entry/entry.h"
#include "kernel/base/types.h"

#define SYSCALL(nr, name) long sys_##name(struct pt_regs *regs);
#include "kernel/linux/syscall_list.h"
#undef SYSCALL

/* i386's calls that have a form of their own. */
#define NATIVE(nr, name)
#define COMPAT(nr, name) long ia32_sys_##name(struct pt_regs *regs);
#include "kernel/linux/ia32_syscall_list.h"
#undef NATIVE
#undef COMPAT

/* One more than the highest numbers. */
enum {
#define SYSCALL(nr, name) NR_64_##nr = nr,
#include "kernel/linux/syscall_list.h"
#undef SYSCALL
	NR_SYSCALLS,
#define NATIVE(nr, name) NR_32_##nr = nr,
#define COMPAT(nr, name) NR_32_##nr = nr,
#include "kernel/linux/ia32_syscall_list.h"
#undef NATIVE
#undef COMPAT
	NR_IA32_SYSCALLS
};

/* By number; NULL: none. */
extern long (*const syscall_table[NR_SYSCALLS])(struct pt_regs *);
extern long (*const ia32_syscall_table[NR_IA32_SYSCALLS])(struct pt_regs *);

/* The answer to a number that no call has: counts it, -ENOSYS. */
long syscall_unknown(void);

/* System calls answered so, all CPUs. */
u64 syscall_unknown_count(void);

#endif
