/*
 * The signal mask of one wait: ppoll, pselect6 and epoll_pwait.
 */
#ifndef KERNEL_FS_CALLS_WAIT_MASK_H
#define KERNEL_FS_CALLS_WAIT_MASK_H

#include "kernel/base/types.h"

/* The set at `from`, 0: none, is the mask from now on: 0, -EFAULT or -EINVAL (its size). */
long wait_mask_set(virt_addr_t from, u64 size);

/*
 * After the wait: the mask is what it was, or, if a signal ended the wait (-EINTR,
 * -ERESTARTNOHAND), will be behind that signal's handler.  Returns `answer`.
 */
long wait_mask_restore(long answer);

#endif
