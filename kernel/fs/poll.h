/*
 * Waiting until one of several files is ready: poll() and select(); what epoll shares.
 */
#ifndef KERNEL_FS_POLL_H
#define KERNEL_FS_POLL_H

#include "kernel/fs/file.h"
#include "kernel/task/wait_queue.h"
#include "kernel/linux/uapi.h"

/* Who wants to be told: file_ops.poll() gives it each queue that counts. */
struct poll_wait {
	void (*enlist)(struct poll_wait *wait, struct wait_queue *q);
	u64 look_after; /* so many ns later look again, for what wakes nobody; 0: no need */
};

static inline void poll_enlist(struct poll_wait *wait, struct wait_queue *q)
{
	if (wait)
		wait->enlist(wait, q);
}

static inline u32 file_poll(struct file *f, struct poll_wait *wait)
{
	return f->ops->poll ? f->ops->poll(f, wait) : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

/*
 * Sleeps until ready(of), as wait_queue_sleep(), unless f must not wait: 0, -EAGAIN, or
 * -ERESTARTSYS.  *woken becomes true with a wake-up that was taken.
 */
long file_wait(struct file *f, struct wait_queue *q, bool (*ready)(const void *), const void *of,
	       bool *woken);

/* ---- poll() and select() ------------------------------------------------------------- */

#define POLLER_WATCHES 8 /* without memory of their own */

struct poll_watch {
	struct watcher watcher;
	struct wait_queue *queue;
	struct file *file; /* with a hold, so the queue stays */
	struct poller *poller;
};

/* One call, on its stack. */
struct poller {
	struct poll_wait wait;
	struct task *task;
	struct spinlock lock; /* of `woken` */
	bool woken;
	bool listing; /* files that are looked at are watched, too */
	bool failed;  /* to have the memory for one more */
	u32 watches;
	struct file *file; /* that is looked at */
	struct poll_watch first[POLLER_WATCHES];
	struct poll_page *more;
};

/* What is so now of a descriptor, of `events`, POLLERR and POLLHUP; POLLNVAL: not open. */
u32 poller_look(struct poller *p, int fd, u32 events);

/*
 * Looks, by scan(p, arg), which calls poller_look() for all its files, until that returns
 * something, or clock_ns() >= when.  Returns what it did, 0 in the end, -EINTR for a signal,
 * or -ENOMEM.  Task context.
 */
long poller_wait(long (*scan)(struct poller *p, void *arg), void *arg, u64 when);

#endif
