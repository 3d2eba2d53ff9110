/*
 * Waiting until one of several files is ready.
 *
 * At first each file is looked at and watched; after a wake-up all are only looked at, as
 * their queues go on telling.  A file stays held until it is watched no more, so another
 * thread may close it.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/poll.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"

long file_wait(struct file *f, struct wait_queue *q, bool (*ready)(const void *), const void *of,
	       bool *woken)
{
	while (!ready(of)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (signal_interrupted())
			return -ERESTARTSYS;
		*woken |= wait_queue_sleep(q, ready, of, TIME_NEVER);
	}
	return 0;
}

struct poll_page {
	struct poll_page *next;
	u32 used;
	struct poll_watch watch[(PAGE_SIZE - 16) / sizeof(struct poll_watch)];
};
static_assert(sizeof(struct poll_page) <= PAGE_SIZE, "a frame of watches");

static void wake_poller(struct watcher *w)
{
	struct poller *p = container_of(w, struct poll_watch, watcher)->poller;
	SPIN_GUARD(&p->lock);

	p->woken = true;
	sched_wake(p->task);
}

/* NULL: no memory. */
static struct poll_watch *next_watch(struct poller *p)
{
	struct poll_page *page = p->more;
	phys_addr_t pa;

	if (p->watches < POLLER_WATCHES)
		return &p->first[p->watches++];
	if (!page || page->used == ARRAY_SIZE(page->watch)) {
		pa = frame_alloc();
		if (pa == NO_FRAME)
			return NULL;
		page = phys_to_virt(pa);
		page->used = 0;
		page->next = p->more;
		p->more = page;
	}
	return &page->watch[page->used++];
}

static void enlist(struct poll_wait *wait, struct wait_queue *q)
{
	struct poller *p = container_of(wait, struct poller, wait);
	struct poll_watch *w = next_watch(p);

	if (!w) {
		p->failed = true;
		return;
	}
	*w = (struct poll_watch){
		.watcher.wake = wake_poller,
		.queue = q,
		.file = file_hold(p->file),
		.poller = p,
	};
	wait_queue_add(q, &w->watcher);
}

u32 poller_look(struct poller *p, int fd, u32 events)
{
	struct file *f = fd_get(fd);
	u32 found;

	sched_point();
	if (!f)
		return POLLNVAL;
	p->file = f;
	found = file_poll(f, p->listing ? &p->wait : NULL) & (events | POLLERR | POLLHUP);
	if (found)
		p->listing = false;
	file_drop(f);
	return found;
}

static void unwatch(struct poll_watch *w)
{
	wait_queue_remove(w->queue, &w->watcher);
	file_drop(w->file);
	sched_point();
}

static void leave(struct poller *p)
{
	struct poll_page *next;

	for (u32 i = 0; i < p->watches; i++)
		unwatch(&p->first[i]);
	for (struct poll_page *page = p->more; page; page = next) {
		for (u32 i = 0; i < page->used; i++)
			unwatch(&page->watch[i]);
		next = page->next;
		frame_free(virt_to_phys(page));
	}
}

static void sleep(struct poller *p, u64 when)
{
	SPIN_GUARD(&p->lock);

	if (p->wait.look_after)
		when = MIN(when, clock_ns() + p->wait.look_after);
	if (!p->woken)
		sched_sleep(&p->lock, when);
	p->woken = false;
}

static long wait(struct poller *p, long (*scan)(struct poller *p, void *arg), void *arg, u64 when)
{
	for (;;) {
		long found = scan(p, arg);

		if (found || p->failed)
			return found ? found : -ENOMEM;
		if (clock_ns() >= when)
			return 0;
		if (signal_interrupted())
			return -EINTR;
		p->listing = false;
		sleep(p, when);
	}
}

long poller_wait(long (*scan)(struct poller *p, void *arg), void *arg, u64 when)
{
	struct poller p;
	long found;

	p.wait = (struct poll_wait){ .enlist = enlist };
	p.task = current_task();
	p.lock = (struct spinlock){ 0 };
	lock_check_init(&p.lock.check, LOCK_POLLER);
	p.woken = p.failed = false;
	p.listing = when > 0;
	p.watches = 0;
	p.more = NULL;
	found = wait(&p, scan, arg, when);
	leave(&p);
	return found;
}
