/*
 * i386's TLS descriptors: what clone does with them.
 */
#ifndef KERNEL_LINUX_PROCESS_SEGMENTS_H
#define KERNEL_LINUX_PROCESS_SEGMENTS_H

#include "kernel/linux/thread.h"

/*
 * CLONE_SETTLS of 32-bit code: set_thread_area for a child that has not run, whose
 * selectors are set; the entry must be named.  0, -EFAULT, -EINVAL.
 */
long segments_set_child_tls(struct thread *child, virt_addr_t at);

#endif
