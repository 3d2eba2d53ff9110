/*
 * How long a CPU keeps interrupts off, and a task its CPU: nothing here, but in a
 * debug build (tests/debug/) the longest stretches of both are measured, and
 * reported when the machine powers off; `make bench` prints them.  With QEMU's
 * -icount they are counts of instructions.
 *
 * Called where interrupts go off and on, where the kernel is entered from user mode
 * and left, and where others may run.
 */
#ifndef KERNEL_BASE_STRETCH_H
#define KERNEL_BASE_STRETCH_H

/* The first task is about to run: what was before does not count. */
static inline void stretch_begin(void) {}

/* Right before interrupts go off (if they are on), and on. */
static inline void stretch_irqs_off(void) {}
static inline void stretch_irqs_on(void) {}

/* The kernel is entered from user mode, interrupts off; and left. */
static inline void stretch_enter(void) {}
static inline void stretch_leave(void) {}

/* A trap came in kernel mode, where interrupts were on (else nothing is called). */
static inline void stretch_trap(void) {}

/* Others could have run here. */
static inline void stretch_point(void) {}

/* A test makes it long on purpose: neither stretch that is under way counts. */
static inline void stretch_ignore(void) {}

static inline void stretch_report(void) {}

#endif
