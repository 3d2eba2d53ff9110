/*
 * What /proc says of a process's memory.
 */
#ifndef KERNEL_PROC_MAPS_H
#define KERNEL_PROC_MAPS_H

#include "kernel/proc/row.h"

struct mm;

/* Texts of its directory: kernel/proc/text.h. */
int maps_show(struct text *t, const struct inode *inode);
int cmdline_show(struct text *t, const struct inode *inode);
int environ_show(struct text *t, const struct inode *inode);
int auxv_show(struct text *t, const struct inode *inode);

/*
 * The process's address space, with a hold: 0, -ENOENT, -EACCES; NULL: it has none any more, or
 * another than that which the text is about.
 */
int process_space(const struct text *t, const struct inode *inode, struct mm **mm);

/* Bytes of its areas, and of those that are locked; -EINTR. */
s64 space_bytes(struct mm *mm, u64 *locked);

#endif
