/*
 * Waiting for children: what the calls on it share with getrusage.
 */
#ifndef KERNEL_LINUX_PROCESS_WAIT_H
#define KERNEL_LINUX_PROCESS_WAIT_H

#include "kernel/base/types.h"

/* struct rusage to a program: run_ns as user time, all else zero.  0 or -EFAULT. */
long usage_write(virt_addr_t to, u64 run_ns);

#endif
