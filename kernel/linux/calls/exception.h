/*
 * What an exception in user mode becomes.
 */
#ifndef KERNEL_LINUX_CALLS_EXCEPTION_H
#define KERNEL_LINUX_CALLS_EXCEPTION_H

#include "entry/entry.h"

/*
 * Maps the page, executes the instruction or sends the signal, and does the work that is
 * due before user mode.  `vector`: below NR_EXCEPTIONS, not VEC_NMI.  Context: the
 * task's kernel stack, CR2 and DR6 as the exception left them, interrupts off, and off
 * again on return; does not return if the thread ends.
 */
void exception_from_user(struct pt_regs *regs, unsigned vector);

#endif
