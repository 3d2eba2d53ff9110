/*
 * Directories that are open.
 */
#ifndef KERNEL_FS_DIRECTORY_H
#define KERNEL_FS_DIRECTORY_H

#include "kernel/fs/file.h"

extern const struct file_ops directory_ops;

/* For a file that is just opened: 0 or -ENOMEM.  Its release() may be called then only. */
int directory_begin(struct file *f);

/*
 * Fills `size` bytes with as many names as fit: how many bytes they take, 0 at the end;
 * -EINVAL: not even the next one does; -ENOENT: the directory is gone; -EINTR.  The caller
 * holds the file's position_lock.
 */
long directory_read(struct file *f, u8 *to, size_t size);

#endif
