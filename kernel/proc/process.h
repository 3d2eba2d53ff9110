/*
 * What /proc says of each process.
 */
#ifndef KERNEL_PROC_PROCESS_H
#define KERNEL_PROC_PROCESS_H

#include "kernel/proc/row.h"

/* /proc's directories by number: lookup and next of its row. */
int process_lookup(const struct inode *dir, const char *name, u32 length, struct inode **inode);
int process_list(const struct inode *dir, u64 *place, struct made_name *name);

/* /proc/self */
int self_follow(struct dentry *link, struct dentry **to);
long self_read_link(const struct inode *link, char *to, size_t size);

int mounts_show(struct text *t, const struct inode *inode);

/* Ticks of a second, as programs want times. */
#define TICK_NS 10000000UL

#endif
