/*
 * Character devices.
 */
#ifndef KERNEL_FS_DEVICES_H
#define KERNEL_FS_DEVICES_H

#include "kernel/fs/file.h"

/* The operations of one, by Linux's numbers; NULL: there is no such device. */
const struct file_ops *device_ops(u32 major, u32 minor);

#endif
