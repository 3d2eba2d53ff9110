/*
 * What a thread that ends does about futexes.
 */
#ifndef KERNEL_LINUX_PROCESS_FUTEX_H
#define KERNEL_LINUX_PROCESS_FUTEX_H

#include "kernel/base/types.h"

/* The current thread ends: wakes one that waits at va; releases the locks it still holds. */
void futex_wake_one(virt_addr_t va);
void futex_release_robust_list(void);

#endif
