/*
 * Traps of programs, as the assembly brings them.
 */
#ifndef ENTRY_DEFERRED_TRAPS_H
#define ENTRY_DEFERRED_TRAPS_H

#include "entry/entry.h"

/*
 * Looks at the trap of a program; returns only if all is done.  Context: the user's PGD and
 * GS, the PTI stack with *regs, interrupts off.
 */
void deferred_trap(struct pt_regs *regs);

#endif
