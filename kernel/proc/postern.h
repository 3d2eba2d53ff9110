/*
 * What this kernel knows of itself: /sys/kernel/postern.
 */
#ifndef KERNEL_PROC_POSTERN_H
#define KERNEL_PROC_POSTERN_H

#include "arch/machine/smp.h"
#include "kernel/proc/row.h"
#include "kernel/start/args.h"

int areas_show(struct text *t, const struct inode *inode);
int ledger_show(struct text *t, const struct inode *inode);
int audit_show(struct text *t, const struct inode *inode);
int windows_show(struct text *t, const struct inode *inode);
int counters_show(struct text *t, const struct inode *inode);
int config_show(struct text *t, const struct inode *inode);

/* What `config` prints; both stay. */
void postern_init(const struct boot_args *args, const struct smp_setup *setup);

#endif
