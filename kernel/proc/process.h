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

/* Of one process: the tables of kernel/proc/maps.c and kernel/proc/links.c. */
int maps_show(struct text *t, const struct inode *inode);
int cmdline_show(struct text *t, const struct inode *inode);
int environ_show(struct text *t, const struct inode *inode);
int auxv_show(struct text *t, const struct inode *inode);

int files_lookup(const struct inode *dir, const char *name, u32 length, struct inode **inode);
int files_list(const struct inode *dir, u64 *place, struct made_name *name);

/*
 * The process's address space, with a hold: 0, -ENOENT, -EACCES; NULL: it has none any more, or
 * another than that which the text is about.
 */
int process_space(const struct text *t, const struct inode *inode, struct mm **mm);

/* Bytes of its areas; -EINTR. */
s64 space_bytes(struct mm *mm);

/* Ticks of a second, as programs want times. */
#define TICK_NS 10000000UL

#endif
