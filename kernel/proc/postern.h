/*
 * What this kernel knows of itself: /sys/kernel/postern.
 */
#ifndef KERNEL_PROC_POSTERN_H
#define KERNEL_PROC_POSTERN_H

#include "kernel/proc/row.h"

int areas_show(struct text *t, const struct inode *inode);
int ledger_show(struct text *t, const struct inode *inode);
int audit_show(struct text *t, const struct inode *inode);
int windows_show(struct text *t, const struct inode *inode);
int counters_show(struct text *t, const struct inode *inode);

#endif
