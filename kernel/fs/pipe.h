/*
 * Pipes: bytes from those who write to those who read, in order.
 */
#ifndef KERNEL_FS_PIPE_H
#define KERNEL_FS_PIPE_H

#include "kernel/base/types.h"

struct file;
struct file_ops;

extern const struct file_ops pipe_ops;

/*
 * A pipe's two ends, open with O_RDONLY and O_WRONLY and the flags (O_NONBLOCK counts),
 * with a hold each: 0 or -ENOFRAME.
 */
int pipe_make(u32 flags, struct file *ends[2]);

/*
 * For a file of a FIFO that is just opened: waits for the other end, unless O_NONBLOCK is set.
 * 0, -ENXIO (nobody reads, and it must not wait), -ENOMEM, -ERESTARTSYS.  Context: a task's, no
 * lock held.
 */
int pipe_open(struct file *f);

/* F_GETPIPE_SZ and F_SETPIPE_SZ: bytes, or -EBADF: no pipe; -EPERM, -EBUSY, -ENOMEM. */
long pipe_get_size(const struct file *f);
long pipe_set_size(struct file *f, u32 bytes);

#endif
