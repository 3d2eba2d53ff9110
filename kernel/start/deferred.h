/*
 * pti=deferred: the kernel's side.  Without it none of these does anything.
 */
#ifndef KERNEL_START_DEFERRED_H
#define KERNEL_START_DEFERRED_H

#include "arch/machine/smp.h"

/*
 * Shows what deferred calls need in slot 508, lets the IDT's gates lead there, and says what
 * the entry code of each CPU calls instead of setup->do_trap and do_syscall, which are
 * called in their turn.  Boot CPU, once, before the first CPU is prepared.
 */
void deferred_set_up(struct smp_setup *setup);

/*
 * Fills the page in which deferred C finds the clock, and which calls are its own.  Boot
 * CPU, once, behind clock_init(), before there is a program.
 */
void deferred_tell_machine(void);

#endif
