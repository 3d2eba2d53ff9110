/*
 * fcntl()'s commands on locks.
 */
#ifndef KERNEL_FS_CALLS_LOCKS_H
#define KERNEL_FS_CALLS_LOCKS_H

#include "kernel/fs/file.h"

/*
 * Of the file that `fd` was when the caller took its hold.  As the call answers; -EINVAL, too,
 * of a command that is none of those.
 */
long lock_control(struct file *f, int fd, u32 command, virt_addr_t flock);

#endif
