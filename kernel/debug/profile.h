/*
 * Where the kernel's instructions go: the argument `profile`.
 */
#ifndef KERNEL_DEBUG_PROFILE_H
#define KERNEL_DEBUG_PROFILE_H

/*
 * Takes samples from now on, by NMI; a line says so if the machine cannot send any.
 * Context: a task; once.
 */
void profile_start(void);

/*
 * Ends it, and prints the samples: those of user mode, those of CPUs that had nothing to
 * do, the functions with the most, and the entry code's.  The argument `quiet` is over.
 * Context: a task, behind profile_start().
 */
void profile_end(void);

#endif
