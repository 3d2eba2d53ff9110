/*
 * Regular files that are open.
 */
#ifndef KERNEL_FS_REGULAR_H
#define KERNEL_FS_REGULAR_H

#include "kernel/fs/file.h"

extern const struct file_ops regular_ops;

/*
 * The size of a regular file is made `size`: 0, -EFBIG (and SIGXFSZ, above RLIMIT_FSIZE),
 * -EINTR.  Context: a task's, no lock held; lets other tasks run.
 */
long regular_resize(struct inode *inode, u64 size);

/* The same, if it is shorter; as many may write meanwhile, it is not cut. */
long regular_lengthen(struct inode *inode, u64 size);

#endif
