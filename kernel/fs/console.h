/*
 * The console as an open file.
 */
#ifndef KERNEL_FS_CONSOLE_H
#define KERNEL_FS_CONSOLE_H

#include "kernel/fs/file.h"

extern const struct file_ops console_ops;

/* What a process that the kernel starts has open: the console as 0, 1 and 2.  NULL: no memory. */
struct descriptors *console_descriptors(void);

#endif
