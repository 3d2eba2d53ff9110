/*
 * System calls on descriptors, and on what a file has been opened as.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/calls/locks.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

long sys_close(struct pt_regs *regs)
{
	return fd_close((int)regs->di);
}

long sys_close_range(struct pt_regs *regs)
{
	u32 first = (u32)regs->di, last = (u32)regs->si, flags = (u32)regs->dx;
	long err;

	if (flags & ~(u32)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE && (err = descriptors_unshare()))
		return err;
	fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

/* ---- Another number for the same file --------------------------------------------------- */

static long dup_from(int fd, u32 flags, u32 lowest)
{
	struct file *f = fd_get_any(fd);

	return f ? fd_give(f, flags, lowest) : -EBADF;
}

static long dup_to(int from, int to, u32 flags)
{
	struct file *f = fd_get_any(from);
	long err;

	if (!f)
		return -EBADF;
	err = fd_replace(to, f, flags);
	if (err < 0)
		file_drop(f);
	return err;
}

long sys_dup(struct pt_regs *regs)
{
	return dup_from((int)regs->di, 0, 0);
}

long sys_dup2(struct pt_regs *regs)
{
	int from = (int)regs->di, to = (int)regs->si;

	if (from != to)
		return dup_to(from, to, 0);
	return fd_get_flags(from) < 0 ? -EBADF : from;
}

long sys_dup3(struct pt_regs *regs)
{
	if (regs->dx & ~(u64)O_CLOEXEC || (int)regs->di == (int)regs->si)
		return -EINVAL;
	return dup_to((int)regs->di, (int)regs->si, (u32)regs->dx);
}

/* ---- fcntl and ioctl --------------------------------------------------------------------- */

#define FLAGS_TO_SET (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

/* Another thread's F_SETFL at the same time may win, or lose. */
static void set_flags(struct file *f, u32 mask, u32 flags)
{
	u32 old = __atomic_load_n(&f->flags, __ATOMIC_RELAXED);

	__atomic_store_n(&f->flags, (old & ~mask) | (flags & mask), __ATOMIC_RELAXED);
}

static long control_file(int fd, u32 command, u64 arg)
{
	struct file *f __fd_held = command == F_GETFL ? fd_get_any(fd) : fd_get(fd);

	if (!f)
		return -EBADF;
	switch (command) {
	case F_GETFL: return f->flags;
	case F_SETFL: set_flags(f, FLAGS_TO_SET, (u32)arg); return 0;
	case F_GETPIPE_SZ: return pipe_get_size(f);
	case F_SETPIPE_SZ: return pipe_set_size(f, (u32)arg);
	default: return lock_control(f, fd, command, arg);
	}
}

long sys_fcntl(struct pt_regs *regs)
{
	int fd = (int)regs->di;
	u32 command = (u32)regs->si;

	switch (command) {
	case F_GETFD: return fd_get_flags(fd);
	case F_SETFD: return fd_set_flags(fd, (u32)regs->dx);
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (fd_get_flags(fd) < 0)
			return -EBADF;
		if ((u32)regs->dx >= fd_limit())
			return -EINVAL;
		return dup_from(fd, command == F_DUPFD ? 0 : O_CLOEXEC, (u32)regs->dx);
	default: return control_file(fd, command, regs->dx);
	}
}

long sys_ioctl(struct pt_regs *regs)
{
	int fd = (int)regs->di;
	struct file *f __fd_held = fd_get(fd);
	u32 request = (u32)regs->si, on;

	if (!f)
		return -EBADF;
	if (request == FIOCLEX || request == FIONCLEX)
		return fd_set_flags(fd, request == FIOCLEX ? FD_CLOEXEC : 0);
	if (request != FIONBIO)
		return f->ops->ioctl ? f->ops->ioctl(f, request, regs->dx) : -ENOTTY;
	if (copy_from_user(&on, regs->dx, sizeof(on)))
		return -EFAULT;
	set_flags(f, O_NONBLOCK, on ? O_NONBLOCK : 0);
	return 0;
}
