/*
 * Counters of events as files: eventfd(2).
 */
#ifndef KERNEL_FS_EVENTFD_H
#define KERNEL_FS_EVENTFD_H

#include "kernel/base/types.h"

struct file;

#define EFD_SEMAPHORE 1 /* eventfd2(); its other flags are open()'s O_CLOEXEC and O_NONBLOCK */

/* flags: EFD_SEMAPHORE (a read takes one) and O_NONBLOCK count.  NULL: no memory. */
struct file *eventfd_make(u32 count, u32 flags);

#endif
