/*
 * The boot's arguments and decisions, as a file.
 */
#ifndef KERNEL_START_CONFIG_H
#define KERNEL_START_CONFIG_H

#include "kernel/base/types.h"

struct boot_args;

/* Makes /proc and /sys, with this file; the arguments, which are settled, stay.  Once. */
void config_init(const struct boot_args *from);

/* Has a program asked for the suites, by reading /sys/kernel/postern/selftest? */
bool config_wants_suites(void);

#endif
