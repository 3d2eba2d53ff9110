/*
 * System calls on files: three descriptors, all of them the console.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/task.h"
#include "kernel/tty.h"
#include "mm/uaccess.h"

/* As Linux: a longer transfer is cut to this (and is then a short one). */
#define MAX_RW_COUNT 0x7ffff000ULL
#define CHUNK 256
#define UIO_MAXIOV 1024
#define TIOCGWINSZ 0x5413

static bool is_open(int fd)
{
	return fd >= 0 && fd <= 2;
}

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

		if (!current_task()->quiet)
			log_write((const char *)chunk, part - left);
		done += part - left;
		if (left)
			break;
		sched_point();
	}
	return done == 0 && n > 0 ? -EFAULT : (long)done;
}

long sys_write(struct pt_regs *regs)
{
	if (!is_open((int)regs->di))
		return -EBADF;
	return write_console(regs->si, regs->dx);
}

struct iovec {
	u64 base, len;
};

static long get_iovec(virt_addr_t at, u64 i, struct iovec *v)
{
	if (copy_from_user(v, at + i * sizeof(*v), sizeof(*v)))
		return -EFAULT;
	return (s64)v->len < 0 ? -EINVAL : 0;
}

long sys_writev(struct pt_regs *regs)
{
	u64 count = regs->dx;
	struct iovec v;
	long total = 0;

	if (!is_open((int)regs->di))
		return -EBADF;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	for (u64 i = 0; i < count; i++) { /* all of them before the first byte */
		long err = get_iovec(regs->si, i, &v);

		if (!err && !user_range_ok(v.base, v.len))
			err = -EFAULT;
		if (err)
			return err;
	}
	for (u64 i = 0; i < count; i++) {
		long n = get_iovec(regs->si, i, &v);

		if (!n)
			n = write_console(v.base, v.len);
		if (n < 0)
			return total ? total : n;
		total += n;
		if ((u64)n < v.len)
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

	if (!is_open((int)regs->di))
		return -EBADF;
	if (!user_range_ok(to, regs->dx))
		return -EFAULT;
	if (n == 0)
		return 0;
	got = tty_read(chunk, MIN(n, CHUNK));
	if (got > 0 && copy_to_user(to, chunk, (size_t)got))
		return -EFAULT;
	return got;
}

long sys_ioctl(struct pt_regs *regs)
{
	const u16 window[4] = { 24, 80, 0, 0 }; /* rows, columns, pixels */

	if (!is_open((int)regs->di))
		return -EBADF;
	if ((u32)regs->si != TIOCGWINSZ)
		return -ENOTTY;
	return copy_to_user(regs->dx, window, sizeof(window)) ? -EFAULT : 0;
}
