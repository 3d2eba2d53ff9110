/*
 * System calls that programs ask for and that are not here: who is told, and how they are
 * called.
 */
#ifndef KERNEL_MISSING_MISSING_H
#define KERNEL_MISSING_MISSING_H

#include "kernel/base/types.h"

/*
 * The current thread has made a system call that is not here (i386's numbers, if `ia32`):
 * one line says so on the console, the first time that a program of this name does.
 * Context: a system call, no lock held, interrupts on.
 */
void missing_tell(u32 number, bool ia32);

/*
 * Has Linux a call of that number, by 64-bit code, whose absence is worth a line?  With
 * pti=deferred those alone come to the kernel.
 */
bool missing_is_told(u32 number);

#endif
