/*
 * The page tables of the task that reads, as text.
 */
#ifndef KERNEL_PROC_TABLES_H
#define KERNEL_PROC_TABLES_H

#include "kernel/proc/row.h"
#include "mm/pagetable.h"

/*
 * Calls fn for each leaf of the current process's kernel PGD, or of what user mode runs on,
 * of slots `first` to `last`, ascending, as pt_for_each_leaf() does.  Locks the address space; lets
 * other tasks run.  0, fn's result, or -EINTR.
 */
int tables_for_each_leaf(bool user, unsigned first, unsigned last,
			 int (*fn)(const struct pt_leaf *leaf, void *arg), void *arg);

int current_kernel_show(struct text *t, const struct inode *inode);
int current_user_show(struct text *t, const struct inode *inode);

#endif
