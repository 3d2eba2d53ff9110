/*
 * Futexes: sleeping until another thread says that a word of memory has changed.
 */
#ifndef KERNEL_LINUX_PROCESS_FUTEX_H
#define KERNEL_LINUX_PROCESS_FUTEX_H

#include "kernel/base/types.h"

/* Bits of the operation number, and of what these functions take as flags. */
#define FUTEX_PRIVATE 128 /* only threads of this address space wait there */
#define FUTEX_REALTIME 256

#define FUTEX_ANY ~0u

/*
 * Sleeps while the word at va is `value`, until a wake-up whose bits meet ours,
 * or until clock_ns() >= when.  0, -EAGAIN (it is not `value`), -EFAULT,
 * -ETIMEDOUT, -ERESTARTSYS (a signal).  Context: of system calls.
 */
long futex_wait(virt_addr_t va, u32 value, u32 bits, u64 when, unsigned flags);

/* Wakes at most `count` (but at least one); returns how many, or -EFAULT. */
long futex_wake(virt_addr_t va, int count, u32 bits, unsigned flags);

/*
 * Wakes `wake` and lets up to `move` others wait for the word at `to` instead;
 * with `value`, only if the word at va still is *value (-EAGAIN).  Returns how
 * many in all, or -EFAULT.
 */
long futex_requeue(virt_addr_t va, virt_addr_t to, int wake, int move, const u32 *value,
		   unsigned flags);

/* The current thread ends: wakes one that waits at va; releases the locks it still holds. */
void futex_wake_one(virt_addr_t va);
void futex_release_robust_list(void);

#endif
