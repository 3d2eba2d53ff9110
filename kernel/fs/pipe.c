/*
 * Pipes: a ring of bytes (ring.c), and who waits at its ends.
 *
 * The lock is one that sleeps, because bytes go between the ring and a program's memory under
 * it, once, and may fault in.  That may wait for the end of a process that is killed for its
 * memory, and so such a process must not wait for the lock: it is taken by
 * sleep_lock_killable().  Whoever must wait has let go of it, and looks at the counts
 * without (readable(), writable()).  Whoever was woken and leaves wakes the next, if there is
 * still something for him: so one wake-up at an end's close reaches all.
 * Life: the files of both ends hold it, together.  A FIFO's inode has it as long as they do.
 *
 * Source: pipe(7).
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/files/inode.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/ring.h"
#include "kernel/task/wait_queue.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/space/uaccess.h"

#define PAGES 16 /* of a new one, as Linux's */

struct pipe {
	struct sleep_lock lock;
	struct ring ring;            /* changed under the lock */
	u32 readers, writers;        /* open files; the two change by single instructions */
	u32 ends;                    /* open files in all */
	u32 read_opens, write_opens; /* of a FIFO, ever; the inode's lock */
	struct wait_queue to_read, to_write, to_open;
};
static_assert(sizeof(struct pipe) <= PAGE_SIZE, "a pipe is one frame");

/* Is there something to read, if only the end? */
static bool readable(const void *pipe)
{
	const struct pipe *p = pipe;

	return ring_used(&p->ring) || !__atomic_load_n(&p->writers, __ATOMIC_RELAXED);
}

/* Can so much be written as must stay together, or nothing any more? */
static bool writable(const void *pipe)
{
	const struct pipe *p = pipe;

	return ring_room(&p->ring) >= PIPE_BUF || !__atomic_load_n(&p->readers, __ATOMIC_RELAXED);
}

/* ---- Reading and writing ---------------------------------------------------------------- */

/*
 * The short way of small reads and writes, while all bytes of the pipe are in its first page:
 * bytes done, -EINTR, 0: the long way, please.
 */
static __always_inline long read_at_once(struct pipe *p, struct io *io)
{
	u32 n, done = 0;
	long err = sleep_lock_killable(&p->lock);

	if (unlikely(err))
		return err;
	n = p->ring.in - p->ring.out;
	if (likely(n) && likely(p->ring.in <= PAGE_SIZE)) {
		done = (u32)io_put(io, p->ring.page[0] + p->ring.out, MIN(n, io->left));
		if (likely(done == n))
			__atomic_store_n(&p->ring.in_and_out, 0, __ATOMIC_RELAXED);
		else
			__atomic_store_n(&p->ring.out, p->ring.out + done, __ATOMIC_RELAXED);
	}
	sleep_unlock(&p->lock);
	if (done && wait_queue_has(&p->to_write) && writable(p))
		wait_queue_wake(&p->to_write);
	return done;
}

static long write_at_once(struct pipe *p, struct io *io)
{
	u64 n = io->left;
	u32 in, done = 0;
	long err = sleep_lock_killable(&p->lock);

	if (unlikely(err))
		return err;
	in = p->ring.in;
	if (likely(in + n <= PAGE_SIZE) && likely(p->ring.page[0]) && likely(p->readers)) {
		done = (u32)io_get(io, p->ring.page[0] + in, n);
		__atomic_store_n(&p->ring.in, in + done, __ATOMIC_RELAXED);
	}
	sleep_unlock(&p->lock);
	if (done)
		wait_queue_wake(&p->to_read);
	return done;
}

static long read_some(struct pipe *p, struct io *io)
{
	bool is_end = !__atomic_load_n(&p->writers, __ATOMIC_ACQUIRE);
	long err = sleep_lock_killable(&p->lock);
	u64 n;

	if (err)
		return err;
	if (unlikely(p->ring.in == p->ring.out)) {
		sleep_unlock(&p->lock);
		return is_end ? 0 : -EAGAIN; /* another was faster */
	}
	n = ring_drain(&p->ring, io);
	sleep_unlock(&p->lock);
	return n ? (long)n : -EFAULT;
}

static __noinline long read_slowly(struct file *f, struct io *io)
{
	struct pipe *p = f->private;
	bool woken = false;
	long n;

	while (!(n = file_wait(f, &p->to_read, readable, p, &woken))) {
		n = read_at_once(p, io);
		if (likely(n))
			break;
		n = read_some(p, io);
		if (n != -EAGAIN)
			break;
	}
	if (n > 0 && wait_queue_has(&p->to_write) && writable(p))
		wait_queue_wake(&p->to_write);
	if (unlikely(woken) && readable(p))
		wait_queue_wake(&p->to_read);
	return n;
}

static void send_sigpipe(void)
{
	const struct siginfo info = {
		.signo = SIGPIPE,
		.kill = { .pid = current_process()->pid,
			  .uid = current_process()->ids.user[REAL_ID] },
	};
	SPIN_GUARD(&process_lock);

	signal_send_thread(current_thread(), &info);
}

/* What there is room for, but nothing of what must stay together and does not fit. */
static long write_some(struct pipe *p, struct io *io, bool together)
{
	long err = sleep_lock_killable(&p->lock);
	u64 n = 0, fits;

	if (err)
		return err;
	err = -EAGAIN;
	fits = ring_room(&p->ring);
	if (!__atomic_load_n(&p->readers, __ATOMIC_RELAXED))
		err = -EPIPE;
	else if (fits && (!together || io->left <= fits))
		n = ring_fill(&p->ring, io, MIN(fits, io->left), &err);
	sleep_unlock(&p->lock);
	if (n)
		wait_queue_wake(&p->to_read);
	return n ? (long)n : err;
}

static __noinline long write_slowly(struct file *f, struct io *io)
{
	struct pipe *p = f->private;
	bool woken = false, together = io->left <= PIPE_BUF;
	long done = 0, n = 0;

	while (io->left) {
		n = write_some(p, io, together);
		if (n > 0)
			done += n;
		if (likely(!io->left) || (n < 0 && n != -EAGAIN))
			break;
		n = file_wait(f, &p->to_write, writable, p, &woken);
		if (n)
			break;
	}
	if (unlikely(woken) && writable(p))
		wait_queue_wake(&p->to_write);
	if (n == -EPIPE)
		send_sigpipe();
	return done ? done : MIN(n, 0);
}

static long pipe_read(struct file *f, struct io *io, u64 *pos __unused)
{
	struct pipe *p = f->private;
	long n;

	if (unlikely(!io->left))
		return 0;
	/* Who is told that there is nothing has looked behind a locked instruction: what it
	 * did before is then seen by whoever writes after that look. */
	n = ring_used(&p->ring) || (f->flags & O_NONBLOCK) ? read_at_once(p, io) : 0;
	return likely(n) ? n : read_slowly(f, io);
}

static long pipe_write(struct file *f, struct io *io, u64 *pos __unused)
{
	long n = io->left <= PIPE_BUF ? write_at_once(f->private, io) : 0;

	return likely(n) ? n : write_slowly(f, io);
}

static u32 pipe_poll(struct file *f, struct poll_wait *wait)
{
	struct pipe *p = f->private;
	u32 events = 0;

	if ((f->flags & O_ACCMODE) != O_WRONLY) {
		poll_enlist(wait, &p->to_read);
		events |= ring_used(&p->ring) ? POLLIN | POLLRDNORM : 0;
		/* A FIFO without a writer since it was opened waits for one. */
		if (!__atomic_load_n(&p->writers, __ATOMIC_RELAXED) &&
		    f->position != __atomic_load_n(&p->write_opens, __ATOMIC_RELAXED))
			events |= POLLHUP;
	}
	if ((f->flags & O_ACCMODE) != O_RDONLY) {
		poll_enlist(wait, &p->to_write);
		events |= ring_room(&p->ring) >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0;
		events |= __atomic_load_n(&p->readers, __ATOMIC_RELAXED) ? 0 : POLLERR;
	}
	return events;
}

static long pipe_ioctl(struct file *f, u32 request, u64 arg)
{
	const struct pipe *p = f->private;
	u32 n = ring_used(&p->ring);

	if (request != FIONREAD)
		return -ENOTTY;
	return put_user_u32(arg, n) ? -EFAULT : 0;
}

/* ---- Made and freed -------------------------------------------------------------- */

static void pipe_free(struct pipe *p)
{
	ring_free(&p->ring);
	frame_free_object(p, sizeof(*p), 1);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->private;
	struct inode *fifo = f->inode;

	if (!p) /* a FIFO that could not be opened */
		return;
	if ((f->flags & O_ACCMODE) != O_WRONLY &&
	    !__atomic_sub_fetch(&p->readers, 1, __ATOMIC_SEQ_CST))
		wait_queue_wake(&p->to_write);
	if ((f->flags & O_ACCMODE) != O_RDONLY &&
	    !__atomic_sub_fetch(&p->writers, 1, __ATOMIC_SEQ_CST))
		wait_queue_wake(&p->to_read);
	if (fifo)
		sleep_lock(&fifo->lock);
	if (!__atomic_sub_fetch(&p->ends, 1, __ATOMIC_ACQ_REL)) {
		pipe_free(p);
		if (fifo)
			fifo->pipe = NULL;
	}
	if (fifo)
		sleep_unlock(&fifo->lock);
}

const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
	.mode = S_IFIFO | 0600,
	.kind = "pipe:[0]",
};

/* Without ends; NULL: no memory. */
static struct pipe *make(void)
{
	phys_addr_t pa = frame_alloc_zeroed();
	struct pipe *p;

	if (pa == NO_FRAME)
		return NULL;
	p = phys_to_virt(pa);
	live_object(p, sizeof(*p));
	sleep_lock_init(&p->lock, LOCK_PIPE);
	wait_queue_init(&p->to_read);
	wait_queue_init(&p->to_write);
	wait_queue_init(&p->to_open);
	p->ring.size = PAGES * PAGE_SIZE;
	return p;
}

int pipe_make(u32 flags, struct file *ends[2])
{
	struct pipe *p = make();

	if (!p)
		return -ENOFRAME;
	p->readers = p->writers = p->write_opens = 1;
	p->ends = 2;
	ends[0] = file_make(&pipe_ops, O_RDONLY | (flags & O_NONBLOCK), p);
	ends[1] = ends[0] ? file_make(&pipe_ops, O_WRONLY | (flags & O_NONBLOCK), p) : NULL;
	if (ends[1])
		return 0;
	p->writers = 0;
	p->ends = 1;
	if (ends[0])
		file_drop(ends[0]);
	else
		pipe_free(p);
	return -ENOFRAME;
}

/* ---- FIFOs ----------------------------------------------------------------------------------- */

/* Who opens one end waits until the other has been opened. */
struct partner {
	const u32 *opens;
	u32 seen;
};

static bool has_come(const void *partner)
{
	const struct partner *other = partner;

	return __atomic_load_n(other->opens, __ATOMIC_ACQUIRE) != other->seen;
}

/* The inode is locked; *other is set.  -ENXIO: nobody reads, and this one must not wait. */
static int attach(struct pipe *p, struct file *f, struct partner *other)
{
	u32 how = f->flags & O_ACCMODE;

	if (how == O_WRONLY && f->flags & O_NONBLOCK && !p->readers)
		return -ENXIO;
	f->private = p;
	p->ends++;
	if (how != O_WRONLY) {
		__atomic_fetch_add(&p->readers, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&p->read_opens, p->read_opens + 1, __ATOMIC_RELEASE);
	}
	if (how != O_RDONLY) {
		__atomic_fetch_add(&p->writers, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&p->write_opens, p->write_opens + 1, __ATOMIC_RELEASE);
	}
	f->position = p->writers ? ~0ULL : p->write_opens;
	other->opens = how == O_RDONLY ? &p->write_opens : &p->read_opens;
	other->seen = *other->opens - (p->readers && p->writers);
	return 0;
}

int pipe_open(struct file *f)
{
	struct inode *fifo = f->inode;
	struct partner other;
	bool woken = false;
	struct pipe *p;
	int err;

	sleep_lock(&fifo->lock);
	if (!fifo->pipe)
		fifo->pipe = make();
	p = fifo->pipe;
	err = p ? attach(p, f, &other) : -ENOMEM;
	if (p && !p->ends) {
		pipe_free(p);
		fifo->pipe = NULL;
	}
	sleep_unlock(&fifo->lock);
	if (err)
		return err;
	wait_queue_wake_all(&p->to_open);
	return f->flags & O_NONBLOCK ? 0 : (int)file_wait(f, &p->to_open, has_come, &other, &woken);
}

/* ---- Sizes ------------------------------------------------------------------------------------ */

long pipe_get_size(const struct file *f)
{
	return f->ops == &pipe_ops ? (long)((const struct pipe *)f->private)->ring.size : -EBADF;
}

long pipe_set_size(struct file *f, u32 bytes)
{
	struct pipe *p = f->private;
	u32 size = PAGE_SIZE;
	phys_addr_t pa;
	long err;

	if (f->ops != &pipe_ops)
		return -EBADF;
	if (bytes > RING_PAGES * PAGE_SIZE)
		return bytes > 1U << 31 ? -EINVAL : -EPERM;
	while (size < bytes)
		size *= 2;
	pa = frame_alloc();
	if (pa == NO_FRAME)
		return -ENOMEM;
	err = sleep_lock_killable(&p->lock);
	if (!err) {
		err = -EBUSY;
		if (p->ring.size - ring_room(&p->ring) <= size) {
			ring_resize(&p->ring, size, phys_to_virt(pa));
			err = size;
		}
		sleep_unlock(&p->lock);
	}
	frame_free(pa);
	wait_queue_wake(&p->to_write);
	return err;
}
