/*
 * Counters of events: a write adds, and waits while that is too much; a read takes all, or
 * of a semaphore one, and waits while there is none.
 *
 * The count changes by single instructions.  As with pipes, whoever was woken and leaves
 * wakes the next if there is something for him.
 *
 * Source: eventfd(2).
 */
#include "kernel/base/errno.h"
#include "kernel/fs/eventfd.h"
#include "kernel/fs/file.h"
#include "kernel/fs/poll.h"
#include "kernel/task/wait_queue.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/slab.h"

#define COUNT_MOST (~0ULL - 1)

struct eventfd {
	u64 count;
	bool semaphore;
	struct wait_queue to_read, to_write;
};

static struct slab eventfds = SLAB("eventfd", struct eventfd);

struct addition {
	struct eventfd *e;
	u64 n;
};

static u64 count_of(const struct eventfd *e)
{
	return __atomic_load_n(&e->count, __ATOMIC_ACQUIRE);
}

static bool has_some(const void *eventfd)
{
	return count_of(eventfd);
}

static bool has_room(const void *addition)
{
	const struct addition *a = addition;

	return COUNT_MOST - count_of(a->e) >= a->n;
}

/* What was taken; 0: there was none. */
static u64 take(struct eventfd *e)
{
	u64 had = count_of(e), taken;

	do
		taken = e->semaphore ? MIN(had, 1) : had;
	while (had && !__atomic_compare_exchange_n(&e->count, &had, had - taken, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
	return had ? taken : 0;
}

static bool add(const struct addition *a)
{
	u64 had = count_of(a->e);

	do
		if (COUNT_MOST - had < a->n)
			return false;
	while (!__atomic_compare_exchange_n(&a->e->count, &had, had + a->n, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_ACQUIRE));
	return true;
}

static long eventfd_read(struct file *f, struct io *io, u64 *pos __unused)
{
	struct eventfd *e = f->private;
	bool woken = false;
	u64 n = 0;
	long err;

	if (io->left < sizeof(n))
		return -EINVAL;
	do
		err = file_wait(f, &e->to_read, has_some, e, &woken);
	while (!err && !(n = take(e)));
	if (!err) /* all: who adds much may have to wait on where who adds little need not */
		wait_queue_wake_all(&e->to_write);
	if (woken && has_some(e))
		wait_queue_wake(&e->to_read);
	if (err)
		return err;
	return io_put(io, &n, sizeof(n)) == sizeof(n) ? (long)sizeof(n) : -EFAULT;
}

static long eventfd_write(struct file *f, struct io *io, u64 *pos __unused)
{
	struct addition a = { .e = f->private };
	bool woken = false;
	long err;

	if (io->left < sizeof(a.n))
		return -EINVAL;
	if (io_get(io, &a.n, sizeof(a.n)) < sizeof(a.n))
		return -EFAULT;
	if (a.n > COUNT_MOST)
		return -EINVAL;
	do
		err = file_wait(f, &a.e->to_write, has_room, &a, &woken);
	while (!err && !add(&a));
	if (!err)
		wait_queue_wake(&a.e->to_read);
	return err ? err : (long)sizeof(a.n);
}

static u32 eventfd_poll(struct file *f, struct poll_wait *wait)
{
	struct eventfd *e = f->private;
	u64 count;

	poll_enlist(wait, &e->to_read);
	poll_enlist(wait, &e->to_write);
	count = count_of(e);
	return (count ? POLLIN : 0) | (count < COUNT_MOST ? POLLOUT : 0);
}

static void eventfd_release(struct file *f)
{
	slab_free(&eventfds, f->private);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.mode = 0600,
	.kind = "anon_inode:[eventfd]",
};

struct file *eventfd_make(u32 count, u32 flags)
{
	struct eventfd *e = slab_alloc(&eventfds);
	struct file *f;

	if (!e)
		return NULL;
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	wait_queue_init(&e->to_read);
	wait_queue_init(&e->to_write);
	f = file_make(&eventfd_ops, O_RDWR | (flags & O_NONBLOCK), e);
	if (!f)
		slab_free(&eventfds, e);
	return f;
}
