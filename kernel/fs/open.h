/*
 * Opening what the tree of files has.
 */
#ifndef KERNEL_FS_OPEN_H
#define KERNEL_FS_OPEN_H

#include "kernel/fs/file.h"

/*
 * An open file of the inode, which must be one of the tree; `name` is the name by which it
 * was found (NULL: none).  Of flags, O_PATH asks for one that cannot be read or written; the
 * caller has looked at the rights, and calls pipe_open() for a FIFO when it holds no lock.  0, -ENXIO (nobody is behind such a file), -ENOMEM.
 * Context: a task's, no spinlock held.
 */
int inode_open(struct inode *inode, struct dentry *name, u32 flags, struct file **f);

#endif
