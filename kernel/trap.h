/*
 * What exceptions and interrupts mean.
 */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include "entry/entry.h"

/*
 * What the entry code calls, by the pointers in the vault.
 * do_trap(): everything that comes by a gate, but for the next.  Context: the task's
 * kernel stack, interrupts off; when it returns they are off again, and *regs may
 * have changed.
 * do_paranoid(): NMI, #DB, #MC, #DF that arrived in kernel mode, at any instruction.
 * Context: IST kernel stack, interrupts off, no schedule().
 */
void do_trap(struct pt_regs *regs);
void do_paranoid(struct pt_regs *regs);

/*
 * Tests may look at IST events that arrive in kernel mode: called with the
 * interrupted registers, which it may change; true: the event was expected.
 * Context: IST kernel stack, interrupts off, no schedule().
 */
extern bool (*trap_paranoid_hook)(struct pt_regs *regs);

#endif
