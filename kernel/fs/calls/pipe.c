/*
 * System calls that make files without a name: pipes, and counters of events.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/eventfd.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

/* Both numbers, or none.  The holds go to the table, or are dropped. */
static int install_two(struct file *const f[2], u32 flags, int fd[2])
{
	fd[0] = fd_install(f[0], flags, 0);
	fd[1] = fd[0] < 0 ? fd[0] : fd_install(f[1], flags, 0);
	if (fd[1] >= 0)
		return 0;
	if (fd[0] < 0)
		file_drop(f[0]);
	else
		fd_close(fd[0]);
	file_drop(f[1]);
	return fd[1];
}

static long make_pipe(virt_addr_t to, u32 flags)
{
	struct file *ends[2];
	int fd[2], err;

	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (flags & O_DIRECT) /* packets: not here, as before Linux 3.4 */
		return -EINVAL;
	err = (int)OOM_RETRY(OOM_CAN_FAIL, pipe_make(flags, ends));
	if (!err)
		err = install_two(ends, flags, fd);
	if (!err && copy_to_user(to, fd, sizeof(fd))) {
		fd_close(fd[0]);
		fd_close(fd[1]);
		err = -EFAULT;
	}
	return err;
}

long sys_pipe(struct pt_regs *regs)
{
	return make_pipe(regs->di, 0);
}

long sys_pipe2(struct pt_regs *regs)
{
	return make_pipe(regs->di, (u32)regs->si);
}

static long make_eventfd(u32 count, u32 flags)
{
	if (flags & ~(u32)(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	return fd_give(eventfd_make(count, flags), flags, 0);
}

long sys_eventfd(struct pt_regs *regs)
{
	return make_eventfd((u32)regs->di, 0);
}

long sys_eventfd2(struct pt_regs *regs)
{
	return make_eventfd((u32)regs->di, (u32)regs->si);
}

/* No family of sockets is here: as of a Linux that was built without them. */
long sys_socket(struct pt_regs *regs __unused)
{
	return -EAFNOSUPPORT;
}

long sys_socketpair(struct pt_regs *regs __unused)
{
	return -EAFNOSUPPORT;
}
