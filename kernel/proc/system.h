/*
 * What /proc says of the machine and of the system.
 */
#ifndef KERNEL_PROC_SYSTEM_H
#define KERNEL_PROC_SYSTEM_H

#include "kernel/proc/row.h"

/* Those of /proc that are about no process, and the table of /proc/sys. */
int cpuinfo_show(struct text *t, const struct inode *inode);
int filesystems_show(struct text *t, const struct inode *inode);
int loadavg_show(struct text *t, const struct inode *inode);
int meminfo_show(struct text *t, const struct inode *inode);
int mounts_show(struct text *t, const struct inode *inode);
int stat_all_show(struct text *t, const struct inode *inode);
int uptime_show(struct text *t, const struct inode *inode);
int version_show(struct text *t, const struct inode *inode);
extern const struct row sys_rows[];

#endif
