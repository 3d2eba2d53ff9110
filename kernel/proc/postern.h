/*
 * What this kernel knows of itself: /sys/kernel/postern.
 */
#ifndef KERNEL_PROC_POSTERN_H
#define KERNEL_PROC_POSTERN_H

#include "arch/machine/smp.h"
#include "kernel/proc/row.h"
#include "kernel/start/args.h"

extern const struct row postern_rows[];

/* What `config` prints; both stay. */
void postern_init(const struct boot_args *args, const struct smp_setup *setup);

#endif
