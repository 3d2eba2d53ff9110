/*
 * The system calls, as functions: Linux's numbers, registers and errno values.
 *
 * kernel/linux/syscall_list.h is the list of calls; it makes the prototypes here, and the
 * tables of kernel/linux/calls/table.c.  A call takes its arguments from di, si, dx, r10,
 * r8 and r9 of the registers that it is given, and returns the result or a negative errno.
 * These registers are not always the program's: of an i386 call, they are a copy in this
 * form, each argument extended from 32 bits by zeroes.  The program's own are
 * thread_regs(current_thread()).
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

#endif
