/*
 * The console as an open file: a terminal, or with console=pipe what comes is a file; and
 * the terminal's session, which it controls: who is in the foreground, and what becomes of
 * those in the background that read it or change it.
 * Sources: POSIX.1-2017, Base Definitions, 11.1; Linux's tty_ioctl(4).
 * Read next: kernel/fs/terminal.c, kernel/files/tty.c.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/files/tty.h"
#include "kernel/fs/console.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/terminal.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"

#define CHUNK 256

/* ---- Job control ------------------------------------------------------------------- */

/* process_lock's: the session that has the terminal, 0: none; and a group of it. */
static int session, foreground;

/* Has it no member whose parent, of another group of the session, could wait for it? */
static bool is_orphaned(int pgid)
{
	struct process *p = NULL;
	unsigned done = 0;

	while ((p = numbers_next_member(pgid, p, &done)))
		if (p->parent && p->parent->pgid != pgid && p->parent->sid == p->sid)
			return false;
	return true;
}

static void send_to_group(int pgid, int signal)
{
	const struct siginfo info = { .signo = signal, .code = SI_KERNEL };
	bool stops_for_ever = signal == SIGTSTP && is_orphaned(pgid);
	struct process *p = NULL;
	unsigned done = 0;

	while ((p = numbers_next_member(pgid, p, &done))) {
		bool by_default = signal_action_of(p, signal)->handler == SIG_DFL;

		if (p->pid == 1 && signal == SIGINT && by_default)
			p->signals.killable = true; /* Ctrl-C ends the run */
		if (!stops_for_ever || !by_default)
			signal_send_process(p, &info);
	}
}

/* A key's signal: kernel/files/tty.c. */
static void signal_foreground(int signal)
{
	SPIN_GUARD(&process_lock);

	if (foreground)
		send_to_group(foreground, signal);
}

/*
 * The caller wants what only the foreground may have.  A group in the background stops by
 * this signal, if anybody is there to let it go on; -ERESTARTSYS then, or -EIO.  One that
 * does not hear SIGTTOU may.
 */
static long wait_for_foreground(int signal)
{
	const struct process *p = current_process();
	SPIN_GUARD(&process_lock);

	if (p->sid != session || p->pgid == foreground)
		return 0;
	if (current_thread()->choices->blocked & SIGNAL_BIT(signal) ||
	    signal_action_of(current_process(), signal)->handler == SIG_IGN)
		return signal == SIGTTOU ? 0 : -EIO;
	if (is_orphaned(p->pgid))
		return -EIO;
	send_to_group(p->pgid, signal);
	signal_wake(current_thread()); /* another of its threads may have been told */
	return -ERESTARTSYS;
}

bool console_is_ours(void)
{
	SPIN_GUARD(&process_lock);

	return current_process()->sid == session;
}

static long set_foreground(u64 arg)
{
	struct process *p;
	long err = wait_for_foreground(SIGTTOU);
	int pgid;

	if (err)
		return err;
	if (copy_from_user(&pgid, arg, sizeof(pgid)))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	SPIN_SCOPE(&process_lock) {
		p = numbers_find_group(pgid);
		err = current_process()->sid != session ? -ENOTTY :
		      !p                                ? -ESRCH :
		      p->sid != session                 ? -EPERM :
							  0;
		if (!err)
			foreground = pgid;
	}
	return err;
}

/* A leader takes the terminal that no session has. */
static long take_terminal(u64 by_force)
{
	const struct process *p = current_process();
	SPIN_GUARD(&process_lock);

	if (p->sid == session && p->pid == p->sid)
		return 0;
	if (p->pid != p->sid || (session && !(by_force == 1 && p->ids.user[EFFECTIVE_ID] == 0)))
		return -EPERM;
	session = p->sid;
	foreground = p->pgid;
	return 0;
}

void console_left_by(const struct process *p)
{
	int left = foreground;

	if (p->pid != session)
		return;
	session = foreground = 0;
	send_to_group(left, SIGHUP);
	send_to_group(left, SIGCONT);
}

static long leave_terminal(void)
{
	SPIN_GUARD(&process_lock);

	if (current_process()->sid != session)
		return -ENOTTY;
	console_left_by(current_process());
	return 0;
}

void console_begin(int pgid)
{
	SPIN_SCOPE(&process_lock)
		session = foreground = pgid;
	tty_to(terminal_type, signal_foreground);
}

/* ---- The file ----------------------------------------------------------------------- */

/*
 * Bytes as they come: as many as VMIN says, or what there is when VTIME has passed, since the
 * last of them or, where VMIN is 0, since the beginning.
 */
static long read_raw(u8 *to, size_t n, u32 least, u64 ns)
{
	u64 begin = clock_ns(), end = ns && !least ? begin + ns : ns || least ? TIME_NEVER : begin;
	size_t done = 0;

	for (;;) {
		u32 seen = tty_poll();
		bool ended;
		long got = terminal_take(to + done, n - done, &ended);

		if (got > 0) {
			done += (size_t)got;
			if (ns)
				end = clock_ns() + ns;
		}
		if (done >= MIN(MAX(least, 1), n) || clock_ns() >= end)
			return (long)done;
		if (signal_interrupted())
			return done ? (long)done : -ERESTARTSYS;
		tty_wait(seen, end);
	}
}

static long read_line(u8 *to, size_t n, bool *ended)
{
	for (;;) {
		u32 seen = tty_poll();
		long got = terminal_take(to, n, ended);

		if (got != -EAGAIN)
			return got;
		if (signal_interrupted())
			return -ERESTARTSYS;
		tty_wait(seen, TIME_NEVER);
	}
}

static bool is_ready(void)
{
	if (tty_is_pipe)
		return tty_pipe_is_ready();
	tty_poll();
	return terminal_is_ready();
}

/* Waits for the first of it. */
static long read_some(u8 *to, size_t n, bool *ended)
{
	u32 least;
	u64 ns;

	*ended = tty_is_pipe;
	if (tty_is_pipe)
		return tty_read_pipe(to, n, signal_interrupted);
	if (terminal_is_raw(&least, &ns))
		return read_raw(to, n, least, ns);
	return read_line(to, n, ended);
}

static long console_read(struct file *f, struct io *io, u64 *pos __unused)
{
	long err = tty_is_pipe || !io->left ? 0 : wait_for_foreground(SIGTTIN), got;
	bool ended = false;
	u8 chunk[CHUNK];
	u64 done = 0;

	if (err)
		return err;
	if (f->flags & O_NONBLOCK && io->left && !is_ready())
		return -EAGAIN;
	while (io->left && !ended) {
		size_t n = MIN(io->left, CHUNK);

		got = done ? terminal_take(chunk, n, &ended) : read_some(chunk, n, &ended);
		if (got <= 0)
			return done ? (long)done : got;
		if (io_put(io, chunk, (size_t)got) < (size_t)got)
			return -EFAULT;
		done += (u64)got;
	}
	return (long)done;
}

/* Writes what it can; -EFAULT only if that is nothing. */
static long console_file_write(struct file *f __unused, struct io *io, u64 *pos __unused)
{
	long err = terminal_stops_writers() ? wait_for_foreground(SIGTTOU) : 0;
	u8 chunk[CHUNK];
	u64 done = 0;

	if (err)
		return err;
	while (io->left) {
		size_t part = MIN(io->left, CHUNK), got = io_get(io, chunk, part);

		if (!current_process()->quiet)
			terminal_write(chunk, got);
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
		wait->look_after = tty_look_after;
	poll_enlist(wait, &tty_readers);
	return POLLOUT | POLLWRNORM | (is_ready() ? POLLIN | POLLRDNORM : 0);
}

/* ---- Settings -------------------------------------------------------------------------- */

static long set_settings(u64 from, bool flush)
{
	struct termios settings;
	long err = wait_for_foreground(SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&settings, from, sizeof(settings)))
		return -EFAULT;
	if (flush)
		terminal_flush();
	terminal_set(&settings);
	tty_tell(); /* half a line may be ready now */
	return 0;
}

static long set_window(u64 from)
{
	struct window window;

	if (copy_from_user(&window, from, sizeof(window)))
		return -EFAULT;
	if (terminal_set_window(&window))
		signal_foreground(SIGWINCH);
	return 0;
}

static long flush(u64 which)
{
	long err = wait_for_foreground(SIGTTOU);

	if (err)
		return err;
	if (which > TCIOFLUSH)
		return -EINVAL;
	if (which != TCOFLUSH)
		terminal_flush();
	return 0;
}

static long put(u64 to, const void *what, size_t n)
{
	return copy_to_user(to, what, n) ? -EFAULT : 0;
}

/* The numbers of the terminal's session, for those who are of it. */
static long put_number(u64 to, const int *number)
{
	int n = 0;

	SPIN_SCOPE(&process_lock)
		n = current_process()->sid == session ? *number : -1;
	return n < 0 ? -ENOTTY : put(to, &n, sizeof(n));
}

static long console_ioctl(struct file *f, u32 request, u64 arg)
{
	struct termios settings;
	struct window window;
	u32 count;

	if (tty_is_pipe && (f->flags & O_ACCMODE) == O_RDONLY) /* what is piped in */
		return -ENOTTY;
	switch (request) {
	case TCGETS: terminal_get(&settings); return put(arg, &settings, sizeof(settings));
	case TCSETS:
	case TCSETSW: return set_settings(arg, false);
	case TCSETSF: return set_settings(arg, true);
	case TIOCGWINSZ: window = terminal_window(); return put(arg, &window, sizeof(window));
	case TIOCSWINSZ: return set_window(arg);
	case TIOCINQ:
		tty_poll();
		count = terminal_count();
		return put(arg, &count, sizeof(count));
	case TIOCOUTQ: count = 0; return put(arg, &count, sizeof(count));
	case TCFLSH: return flush(arg);
	case TCSBRK: return wait_for_foreground(SIGTTOU); /* nothing is on its way */
	case TIOCGPGRP: return put_number(arg, &foreground);
	case TIOCSPGRP: return set_foreground(arg);
	case TIOCGSID: return put_number(arg, &session);
	case TIOCSCTTY: return take_terminal(arg);
	case TIOCNOTTY: return leave_terminal();
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

struct descriptors *console_descriptors(void)
{
	struct file *in = file_make(&console_ops, tty_is_pipe ? O_RDONLY : O_RDWR, NULL);
	struct file *out = in && tty_is_pipe ? file_make(&console_ops, O_RDWR, NULL) : in;
	struct descriptors *d = out ? descriptors_make(in, out) : NULL;

	if (out && out != in)
		file_drop(out);
	if (in)
		file_drop(in);
	return d;
}
