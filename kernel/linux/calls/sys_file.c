/*
 * System calls on descriptors.  There are three, all of them the console; a program can
 * close them, and open no other.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/files/tty.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

/* As Linux: a longer transfer is cut to this (and is then a short one). */
#define MAX_RW_COUNT 0x7ffff000ULL
#define CHUNK 256

/* Writes what it can; -EFAULT only if that is nothing. */
static long write_console(virt_addr_t from, u64 n)
{
	u8 chunk[CHUNK];
	u64 done = 0;

	if (!user_range_ok(from, n))
		return -EFAULT;
	n = MIN(n, MAX_RW_COUNT);
	while (done < n) {
		size_t part = MIN(n - done, CHUNK);
		size_t left = copy_from_user(chunk, from + done, part);

		if (!current_process()->quiet)
			console_write((const char *)chunk, part - left);
		done += part - left;
		if (left || (done < n && signal_interrupted()))
			break;
		sched_point();
	}
	return done == 0 && n > 0 ? -EFAULT : (long)done;
}

long sys_write(struct pt_regs *regs)
{
	return process_has_open((int)regs->di) ? write_console(regs->si, regs->dx) : -EBADF;
}

/* struct iovec: two words. */
static long get_iovec(virt_addr_t at, u64 i, u64 *base, u64 *len)
{
	unsigned width = abi_width();
	u64 words[2];

	if (abi_read_words(words, at + i * 2 * width, 2, width))
		return -EFAULT;
	*base = words[0];
	*len = words[1];
	return *len >> (8 * width - 1) ? -EINVAL : 0;
}

long sys_writev(struct pt_regs *regs)
{
	virt_addr_t iov = regs->si;
	u64 count = regs->dx, base, len;
	long total = 0;

	if (!process_has_open((int)regs->di))
		return -EBADF;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	for (u64 i = 0; i < count; i++) { /* all of them before the first byte */
		long err = get_iovec(iov, i, &base, &len);

		if (!err && !user_range_ok(base, len))
			err = -EFAULT;
		if (err)
			return err;
	}
	for (u64 i = 0; i < count; i++) {
		long n = get_iovec(iov, i, &base, &len);

		if (!n)
			n = write_console(base, len);
		if (n < 0)
			return total ? total : n;
		total += n;
		if ((u64)n < len)
			break;
	}
	return total;
}

long sys_read(struct pt_regs *regs)
{
	virt_addr_t to = regs->si;
	u64 n = MIN(regs->dx, MAX_RW_COUNT);
	u8 chunk[CHUNK];
	long got;

	if (!process_has_open((int)regs->di))
		return -EBADF;
	if (!user_range_ok(to, regs->dx))
		return -EFAULT;
	if (n == 0)
		return 0;
	got = tty_read(chunk, MIN(n, CHUNK), signal_interrupted);
	if (got > 0 && copy_to_user(to, chunk, (size_t)got))
		return -EFAULT;
	return got;
}

/* struct termios of a terminal that edits lines and echoes. */
struct termios {
	u32 input, output, control, local;
	u8 discipline, characters[19];
};

long sys_ioctl(struct pt_regs *regs)
{
	static const u16 window[4] = { 24, 80, 0, 0 }; /* rows, columns, pixels */
	static const struct termios termios = {
		0x500,  5, 0x4bf,
		0x8a3b, 0, { 3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22 },
	};

	if (!process_has_open((int)regs->di))
		return -EBADF;
	switch (tty_is_pipe && !regs->di ? 0 : (u32)regs->si) {
	case TIOCGWINSZ: return copy_to_user(regs->dx, window, sizeof(window)) ? -EFAULT : 0;
	case TCGETS: return copy_to_user(regs->dx, &termios, sizeof(termios)) ? -EFAULT : 0;
	default: return -ENOTTY;
	}
}

static void set_close_on_exec(int fd, bool on)
{
	u8 *fds = &current_process()->close_on_exec;

	if (on)
		__atomic_fetch_or(fds, (u8)BIT(fd), __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(fds, (u8)~BIT(fd), __ATOMIC_RELAXED);
}

long sys_close(struct pt_regs *regs)
{
	int fd = (int)regs->di;

	if (!process_has_open(fd))
		return -EBADF;
	__atomic_fetch_and(&current_process()->open_fds, (u8)~BIT(fd), __ATOMIC_RELAXED);
	set_close_on_exec(fd, false);
	return 0;
}

long sys_lseek(struct pt_regs *regs)
{
	if (!process_has_open((int)regs->di))
		return -EBADF;
	return (u32)regs->dx > SEEK_MAX ? -EINVAL : -ESPIPE;
}

/* No descriptor but the three can be had: no F_DUPFD. */
long sys_fcntl(struct pt_regs *regs)
{
	int fd = (int)regs->di;

	if (!process_has_open(fd))
		return -EBADF;
	switch ((u32)regs->si) {
	case F_GETFD: return current_process()->close_on_exec & BIT(fd) ? FD_CLOEXEC : 0;
	case F_SETFD: set_close_on_exec(fd, regs->dx & FD_CLOEXEC); return 0;
	case F_GETFL: return O_RDWR;
	case F_SETFL: return 0;
	default: return -EINVAL;
	}
}
