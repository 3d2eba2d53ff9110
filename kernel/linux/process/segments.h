/*
 * i386's TLS descriptors, for the calls that set them.
 */
#ifndef KERNEL_LINUX_PROCESS_SEGMENTS_H
#define KERNEL_LINUX_PROCESS_SEGMENTS_H

#include "kernel/linux/thread.h"

/*
 * i386's set_thread_area and get_thread_area for the current task: `at` is the
 * address of a struct user_desc.  0, -EFAULT, -EINVAL, -ESRCH (all entries in
 * use).  Task context.
 */
long do_set_thread_area(virt_addr_t at);
long do_get_thread_area(virt_addr_t at);

/*
 * clone's CLONE_SETTLS of 32-bit code: the same for a child that has not run,
 * whose selectors are set; the entry must be named.
 */
long segments_set_child_tls(struct thread *child, virt_addr_t at);

#endif
