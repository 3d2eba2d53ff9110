/*
 * fcntl()'s commands on locks.
 */
#ifndef KERNEL_FS_CALLS_LOCKS_H
#define KERNEL_FS_CALLS_LOCKS_H

#include "kernel/fs/file.h"

/* i386's for struct flock64; x86-64 has one struct flock. */
enum { F_GETLK_64 = 12, F_SETLK_64, F_SETLKW_64 };

/* Of the file that `fd` was when the caller took its hold.  As the call answers. */
long lock_control(struct file *f, int fd, u32 command, virt_addr_t flock);

#endif
