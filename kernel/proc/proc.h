/*
 * /proc and /sys.
 */
#ifndef KERNEL_PROC_PROC_H
#define KERNEL_PROC_PROC_H

struct boot_args;
struct smp_setup;

/* Puts them into the tree, which has the two directories; both arguments stay.  Boot. */
void proc_init(const struct boot_args *args, const struct smp_setup *setup);

#endif
