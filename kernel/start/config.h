/*
 * The boot's arguments and decisions, as a file.
 */
#ifndef KERNEL_START_CONFIG_H
#define KERNEL_START_CONFIG_H

struct boot_args;

/* Makes /proc and /sys, with this file; the arguments, which are settled, stay.  Once. */
void config_init(const struct boot_args *from);

#endif
