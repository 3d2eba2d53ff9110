/*
 * Sets of files that are watched for as long as they are open.
 *
 * An item is one descriptor in one set.  It watches the queues of its file, and a wake-up
 * there puts it into the set's list of those that may be ready, and wakes one task that waits
 * for the set.  Whoever waits takes items from that list and asks each file.  An item that is
 * level-triggered goes back behind the others as long as it is ready.
 *
 * One lock, epoll_lock, guards all items and which file has which.  An item has no hold of
 * its file: the file's end removes it, before anything of the file goes.  The list of a set
 * has the lock of the set's queue, under which nothing is asked.
 *
 * EPOLLEXCLUSIVE asks that one of the sets at least be woken: all are.
 * A set cannot be in another.  A file that wakes nobody (struct poll_wait) is looked at every
 * so many ns, and so is a set by poll().
 *
 * Source: epoll(7), epoll_ctl(2).
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/panic.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/fs/epoll.h"
#include "kernel/fs/file.h"
#include "kernel/fs/poll.h"
#include "kernel/task/wait_queue.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "mm/frames/slab.h"
#include "mm/space/uaccess.h"

#define LOOK_NS 5000000ULL
#define AT_ONCE 16 /* events between two copies to the program */
#define WATCHES 2  /* the most queues that a file's poll() has */
#define ALWAYS (POLLERR | POLLHUP)
#define EXCLUSIVE_WITH (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLET | EPOLLIN | EPOLLOUT | ALWAYS)

static struct sleep_lock epoll_lock = SLEEP_LOCK(LOCK_EPOLL);

struct set {
	struct wait_queue queue; /* its lock: of the two below, too */
	struct link ready;       /* items that may be ready */
	u32 ready_count;
	struct link items; /* all; epoll_lock */
	u64 look_after;    /* as struct poll_wait's, of all items */
};

struct item {
	struct poll_wait wait;
	struct watcher watcher[WATCHES];
	struct wait_queue *queue[WATCHES]; /* NULL: no such */
	struct set *set;
	struct file *file;
	int fd;
	u32 events; /* and ALWAYS; 0: not until it is changed */
	u32 how;    /* EPOLLET, EPOLLONESHOT */
	u64 data;
	struct link in_set, of_file;
	struct link in_ready; /* the set's queue's lock */
};

static struct slab sets = SLAB("epoll", struct set);
static struct slab items = SLAB("epoll item", struct item);
static const struct file_ops epoll_ops;

/* ---- Items that may be ready -------------------------------------------------------------- */

static void note(struct item *i)
{
	struct set *s = i->set;
	SPIN_GUARD(&s->queue.lock);

	if (list_has(&i->in_ready))
		return;
	list_append(&s->ready, &i->in_ready);
	s->ready_count++;
	wait_queue_wake_locked(&s->queue);
}

static void unlist(struct item *i)
{
	struct set *s = i->set;
	SPIN_GUARD(&s->queue.lock);

	if (!list_has(&i->in_ready))
		return;
	list_remove(&i->in_ready);
	s->ready_count--;
}

/* The first, which is in the list no more; NULL: none. */
static struct item *take_first(struct set *s)
{
	SPIN_GUARD(&s->queue.lock);
	struct item *i = list_entry(list_first(&s->ready), struct item, in_ready);

	if (i) {
		list_remove(&i->in_ready);
		s->ready_count--;
	}
	return i;
}

static u32 count_ready(const struct set *s)
{
	return __atomic_load_n(&s->ready_count, __ATOMIC_RELAXED);
}

static bool has_ready(const void *set)
{
	return count_ready(set);
}

/* ---- Watching ----------------------------------------------------------------------------- */

static void wake_first(struct watcher *w)
{
	note(container_of(w, struct item, watcher[0]));
}

static void wake_second(struct watcher *w)
{
	note(container_of(w, struct item, watcher[1]));
}

static void enlist(struct poll_wait *wait, struct wait_queue *q)
{
	struct item *i = container_of(wait, struct item, wait);
	unsigned n = i->queue[0] ? 1 : 0;

	ASSERT_OP((u64)i->queue[n], ==, 0);
	i->queue[n] = q;
	i->watcher[n].wake = n ? wake_second : wake_first;
	wait_queue_add(q, &i->watcher[n]);
}

/* epoll_lock is held. */
static void remove_item(struct item *i)
{
	for (unsigned n = 0; n < WATCHES; n++)
		if (i->queue[n])
			wait_queue_remove(i->queue[n], &i->watcher[n]);
	unlist(i);
	list_remove(&i->in_set);
	list_remove(&i->of_file);
	slab_free(&items, i);
}

static void forget_file(struct file *f)
{
	struct item *i;

	sleep_lock(&epoll_lock);
	while ((i = list_entry(list_first(&f->watched), struct item, of_file))) {
		remove_item(i);
		sched_point();
	}
	sleep_unlock(&epoll_lock);
}

/* epoll_lock is held. */
static struct item *find(const struct set *s, const struct file *f, int fd)
{
	struct item *i;

	list_for_each(i, &f->watched, of_file) {
		if (i->set == s && i->fd == fd)
			return i;
		sched_point();
	}
	return NULL;
}

static void change(struct item *i, const struct epoll_event *event)
{
	i->how = event->events & (EPOLLET | EPOLLONESHOT);
	i->events = (event->events & ~(u32)(EPOLLET | EPOLLONESHOT)) | ALWAYS;
	i->data = event->data;
}

static int add(struct set *s, struct file *f, int fd, const struct epoll_event *event)
{
	struct item *i = slab_alloc(&items);

	if (!i)
		return -ENOMEM;
	i->wait.enlist = enlist;
	i->set = s;
	i->file = f;
	i->fd = fd;
	change(i, event);
	list_append(&s->items, &i->in_set);
	list_append(&f->watched, &i->of_file);
	f->forget = forget_file;
	if (file_poll(f, &i->wait) & i->events)
		note(i);
	if (i->wait.look_after)
		s->look_after = LOOK_NS;
	return 0;
}

static int control(struct set *s, u32 op, struct file *f, int fd, const struct epoll_event *event)
{
	struct item *i = find(s, f, fd);

	if (op == EPOLL_CTL_ADD)
		return i ? -EEXIST : add(s, f, fd, event);
	if (op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return -EINVAL;
	if (!i)
		return -ENOENT;
	if (op == EPOLL_CTL_MOD && (i->events & EPOLLEXCLUSIVE))
		return -EINVAL;
	if (op == EPOLL_CTL_DEL) {
		remove_item(i);
		return 0;
	}
	change(i, event);
	if (file_poll(f, NULL) & i->events)
		note(i);
	return 0;
}

int epoll_control(struct file *ep, u32 op, struct file *f, int fd, const struct epoll_event *event)
{
	int err;

	if (!f->ops->poll)
		return -EPERM;
	if (ep->ops != &epoll_ops || ep == f)
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && (event->events & EPOLLEXCLUSIVE) &&
	    (op != EPOLL_CTL_ADD || f->ops == &epoll_ops || (event->events & ~EXCLUSIVE_WITH)))
		return -EINVAL;
	if (f->ops == &epoll_ops)
		return -ELOOP;
	sleep_lock(&epoll_lock);
	err = control(ep->private, op, f, fd, event);
	sleep_unlock(&epoll_lock);
	return err;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* What is ready of an item that was taken, of what it is for. */
static u32 look_at(struct item *i)
{
	u32 found = file_poll(i->file, NULL) & i->events;

	if (found && (i->how & EPOLLONESHOT))
		i->events = 0;
	else if (found && !(i->how & EPOLLET))
		note(i);
	return found;
}

/* Up to `most` events of the *left items that were in the list.  epoll_lock is taken. */
static u32 collect(struct set *s, struct epoll_event *events, u32 most, u32 *left)
{
	struct item *i;
	u32 n = 0;

	sleep_lock(&epoll_lock);
	while (n < most && *left && (i = take_first(s))) {
		u32 found = look_at(i);

		(*left)--;
		if (found)
			events[n++] = (struct epoll_event){ found, i->data };
		sched_point();
	}
	sleep_unlock(&epoll_lock);
	return n;
}

/* Items whose files wake nobody may be ready. */
static void note_silent(struct set *s)
{
	struct item *i;

	sleep_lock(&epoll_lock);
	list_for_each(i, &s->items, in_set) {
		if (i->wait.look_after)
			note(i);
		sched_point();
	}
	sleep_unlock(&epoll_lock);
}

/* How many events were written; or -EFAULT. */
static long give(struct set *s, virt_addr_t to, u32 most)
{
	struct epoll_event events[AT_ONCE];
	u32 left, done = 0;

	if (s->look_after)
		note_silent(s);
	left = count_ready(s);
	while (done < most && left) {
		u32 n = collect(s, events, MIN(most - done, AT_ONCE), &left);

		if (n && copy_to_user(to + done * sizeof(*events), events, n * sizeof(*events)))
			return -EFAULT;
		done += n;
	}
	return done;
}

static long wait(struct set *s, virt_addr_t to, u32 most, u64 when, bool *woken)
{
	for (;;) {
		long n = give(s, to, most);
		u64 now = clock_ns();

		if (n || now >= when)
			return n;
		if (signal_interrupted())
			return -EINTR;
		*woken |= wait_queue_sleep(&s->queue, has_ready, s,
					   s->look_after ? MIN(when, now + LOOK_NS) : when);
	}
}

long epoll_wait(struct file *ep, virt_addr_t to, u32 most, u64 when)
{
	struct set *s = ep->private;
	bool woken = false;
	long n;

	if (ep->ops != &epoll_ops)
		return -EINVAL;
	n = wait(s, to, most, when, &woken);
	if (woken && has_ready(s)) {
		SPIN_GUARD(&s->queue.lock);
		wait_queue_wake_locked(&s->queue);
	}
	return n;
}

/* ---- Made and freed -------------------------------------------------------------------------- */

/* That something may be ready is enough to look; a set in which nothing is says so then. */
static u32 epoll_poll(struct file *f, struct poll_wait *wait)
{
	struct set *s = f->private;
	u32 left = count_ready(s), found = 0;
	struct item *i;

	if (wait)
		wait->look_after = LOOK_NS;
	if (s->look_after)
		note_silent(s);
	sleep_lock(&epoll_lock);
	for (left = count_ready(s); left && !found && (i = take_first(s)); left--) {
		found = file_poll(i->file, NULL) & i->events;
		if (found)
			note(i);
		sched_point();
	}
	sleep_unlock(&epoll_lock);
	return found ? POLLIN | POLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct set *s = f->private;
	struct item *i;

	sleep_lock(&epoll_lock);
	while ((i = list_entry(list_first(&s->items), struct item, in_set))) {
		remove_item(i);
		sched_point();
	}
	sleep_unlock(&epoll_lock);
	slab_free(&sets, s);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll,
	.release = epoll_release,
	.mode = 0600,
	.kind = "anon_inode:[eventpoll]",
};

struct file *epoll_make(void)
{
	struct set *s = slab_alloc(&sets);
	struct file *f;

	if (!s)
		return NULL;
	lock_check_init(&s->queue.lock.check, LOCK_EPOLL_READY);
	f = file_make(&epoll_ops, O_RDWR, s);
	if (!f)
		slab_free(&sets, s);
	return f;
}
