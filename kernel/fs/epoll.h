/*
 * Sets of files that are watched for as long as they are open: epoll(7).
 */
#ifndef KERNEL_FS_EPOLL_H
#define KERNEL_FS_EPOLL_H

#include "kernel/base/types.h"

struct epoll_event;
struct file;

/* NULL: no memory. */
struct file *epoll_make(void);

/*
 * Adds f, which is open as fd, to the set, changes or removes it: 0, -EINVAL (ep is none, or
 * f is it), -EPERM (f is always ready), -ELOOP (f is another set), -EEXIST, -ENOENT, -ENOMEM.
 * Task context, no lock held.
 */
int epoll_control(struct file *ep, u32 op, struct file *f, int fd, const struct epoll_event *event);

/*
 * Waits until some are ready, or clock_ns() >= when; writes up to `most` events for the
 * program.  How many, 0 in the end, -EINTR for a signal, -EINVAL (ep is none), -EFAULT.
 */
long epoll_wait(struct file *ep, virt_addr_t to, u32 most, u64 when);

#endif
