/*
 * The console as an open file: a terminal, or with console=pipe what comes is a file.
 * Read next: kernel/files/tty.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/files/tty.h"
#include "kernel/fs/console.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/poll.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

#define CHUNK 256

static long console_read(struct file *f, struct io *io, u64 *pos __unused)
{
	u8 chunk[CHUNK];
	long got;

	if (io->left == 0)
		return 0;
	if (f->flags & O_NONBLOCK && !tty_is_ready())
		return -EAGAIN;
	got = tty_read(chunk, MIN(io->left, CHUNK), signal_interrupted);
	if (got > 0 && io_put(io, chunk, (size_t)got) < (size_t)got)
		return -EFAULT;
	return got;
}

/* Writes what it can; -EFAULT only if that is nothing. */
static long console_file_write(struct file *f __unused, struct io *io, u64 *pos __unused)
{
	u8 chunk[CHUNK];
	u64 done = 0;

	while (io->left) {
		size_t part = MIN(io->left, CHUNK), got = io_get(io, chunk, part);

		if (!current_process()->quiet)
			console_write((const char *)chunk, got);
		done += got;
		if (got < part)
			return done ? (long)done : -EFAULT;
		if (io->left && signal_interrupted())
			break;
		sched_point();
	}
	return (long)done;
}

/* Writing never waits. */
static u32 console_poll(struct file *f __unused, struct poll_wait *wait)
{
	if (wait)
		wait->look_after = TTY_POLL_NS;
	return POLLOUT | POLLWRNORM | (tty_is_ready() ? POLLIN | POLLRDNORM : 0);
}

/* struct termios of a terminal that edits lines and echoes. */
struct termios {
	u32 input, output, control, local;
	u8 discipline, characters[19];
};

static long console_ioctl(struct file *f __unused, u32 request, u64 arg)
{
	static const u16 window[4] = { 24, 80, 0, 0 }; /* rows, columns, pixels */
	static const struct termios termios = {
		0x500,  5, 0x4bf,
		0x8a3b, 0, { 3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22 },
	};

	switch (request) {
	case TIOCGWINSZ: return copy_to_user(arg, window, sizeof(window)) ? -EFAULT : 0;
	case TCGETS: return copy_to_user(arg, &termios, sizeof(termios)) ? -EFAULT : 0;
	default: return -ENOTTY;
	}
}

const struct file_ops console_ops = {
	.read = console_read,
	.write = console_file_write,
	.poll = console_poll,
	.ioctl = console_ioctl,
	.mode = S_IFCHR | 0620,
	.kind = "/dev/console",
};

/* What comes from a pipe is no terminal: standard input is a file of its own then. */
static const struct file_ops input_ops = {
	.read = console_read,
	.write = console_file_write,
	.poll = console_poll,
	.mode = S_IFCHR | 0620,
	.kind = "/dev/console",
};

struct descriptors *console_descriptors(void)
{
	struct file *in = file_make(tty_is_pipe ? &input_ops : &console_ops, O_RDWR, NULL);
	struct file *out = in && tty_is_pipe ? file_make(&console_ops, O_RDWR, NULL) : in;
	struct descriptors *d = out ? descriptors_make(in, out) : NULL;

	if (out && out != in)
		file_drop(out);
	if (in)
		file_drop(in);
	return d;
}
