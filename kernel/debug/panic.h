/*
 * The end, on one screen.
 */
#ifndef KERNEL_DEBUG_PANIC_H
#define KERNEL_DEBUG_PANIC_H

#include "entry/entry.h"

/*
 * From here on panic() prints the report and refuse() ends the machine with status 35;
 * before, each prints its line and halts.  The first thing after the console.
 */
void panic_init(void);

/* panic() with the registers that were interrupted.  Any context. */
__noreturn void panic_regs(const struct pt_regs *regs, const char *fmt, ...) __printf_like(2, 3);

/* What the selftests are running, for the report; NULL: nothing. */
extern const char *volatile panic_running_test;

#endif
