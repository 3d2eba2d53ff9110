/*
 * System calls of epoll(7).
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/fs/calls/wait_mask.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/epoll.h"
#include "kernel/fs/file.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "kernel/linux/user_time.h"
#include "mm/space/uaccess.h"

#define EVENTS_MOST (0x7fffffff / (u32)sizeof(struct epoll_event))

long sys_epoll_create(struct pt_regs *regs)
{
	return (int)regs->di > 0 ? fd_give(epoll_make(), 0, 0) : -EINVAL;
}

long sys_epoll_create1(struct pt_regs *regs)
{
	u32 flags = (u32)regs->di;

	return flags & ~(u32)O_CLOEXEC ? -EINVAL : fd_give(epoll_make(), flags, 0);
}

long sys_epoll_ctl(struct pt_regs *regs)
{
	struct file *ep __fd_held = fd_get((int)regs->di), *f __fd_held = fd_get((int)regs->dx);
	struct epoll_event event = { 0 };

	if ((u32)regs->si != EPOLL_CTL_DEL && copy_from_user(&event, regs->r10, sizeof(event)))
		return -EFAULT;
	if (!ep || !f)
		return -EBADF;
	return epoll_control(ep, (u32)regs->si, f, (int)regs->dx, &event);
}

static long wait_until(const struct pt_regs *regs, u64 when)
{
	struct file *ep __fd_held = fd_get((int)regs->di);
	u32 most = (u32)regs->dx;

	if (most == 0 || most > EVENTS_MOST)
		return -EINVAL;
	if (!user_range_ok(regs->si, most * sizeof(struct epoll_event)))
		return -EFAULT;
	return ep ? epoll_wait(ep, regs->si, most, when) : -EBADF;
}

static u64 end_of(int ms)
{
	return ms < 0 ? TIME_NEVER : ms ? clock_ns() + (u64)ms * NSEC_PER_MSEC : 0;
}

long sys_epoll_wait(struct pt_regs *regs)
{
	return wait_until(regs, end_of((int)regs->r10));
}

long sys_epoll_pwait(struct pt_regs *regs)
{
	long err = wait_mask_set(regs->r8, regs->r9);

	return err ? err : wait_mask_restore(wait_until(regs, end_of((int)regs->r10)));
}

long sys_epoll_pwait2(struct pt_regs *regs)
{
	struct timespec ts = { 0, 0 };
	u64 when = TIME_NEVER;
	long err = regs->r10 ? timespec_read(&ts, regs->r10) : 0;

	if (!err)
		err = wait_mask_set(regs->r8, regs->r9);
	if (err)
		return err;
	if (regs->r10) {
		when = timespec_ns(&ts);
		when += when ? clock_ns() : 0;
	}
	return wait_mask_restore(wait_until(regs, when));
}
