/*
 * Threads of programs that the kernel starts.
 */
#ifndef KERNEL_LINUX_PROCESS_CLONE_H
#define KERNEL_LINUX_PROCESS_CLONE_H

#include "kernel/linux/thread.h"

/*
 * A process in `mm` (taken over; freed with it) and its first thread, which
 * begins at ip with stack pointer sp and all other registers zero.  The caller has
 * a hold, for process_wait_for().  NULL: no memory, mm stays.
 */
struct thread *thread_create(const char *name, struct mm *mm, virt_addr_t ip, virt_addr_t sp);

#endif
