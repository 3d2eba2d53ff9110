/*
 * The links of /proc/PID: its program, its directory, its open files.
 */
#ifndef KERNEL_PROC_LINKS_H
#define KERNEL_PROC_LINKS_H

#include "kernel/proc/row.h"

/* lookup and next of the row fd. */
int files_lookup(const struct inode *dir, const char *name, u32 length, struct inode **inode);
int files_list(const struct inode *dir, u64 *place, struct made_name *name);

#endif
