/*
 * System calls that say what will be done with a file: advice, room that is taken before, and
 * what is to be kept.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "kernel/files/inode.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/directory.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/regular.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "mm/space/shared.h"

#define ADVICE_MOST 5 /* POSIX_FADV_NOREUSE */

/* All is in memory, so there is nothing to be done sooner. */
long sys_fadvise64(struct pt_regs *regs)
{
	struct file *f = fd_get((int)regs->di);
	long err;

	if (!f)
		return -EBADF;
	err = f->ops == &pipe_ops                               ? -ESPIPE :
	      (s64)regs->dx < 0 || (u32)regs->r10 > ADVICE_MOST ? -EINVAL :
								  0;
	file_drop(f);
	return err;
}

/* Frames for all that is written from `at` to `end`, where the file may be longer then. */
static long take_room(struct inode *inode, u64 at, u64 end, bool longer)
{
	long err = sleep_lock_killable(&inode->lock);
	phys_addr_t pa;

	if (err)
		return err;
	for (at = ALIGN_DOWN(at, PAGE_SIZE); at < end && !err; at += PAGE_SIZE) {
		err = shared_hold_frame(inode->content, at, &pa);
		if (!err)
			frame_release(pa);
		if (!err && seam_long_work_point())
			err = -EINTR;
	}
	sleep_unlock(&inode->lock);
	if (err)
		return err == -ENOFRAME ? -ENOSPC : err;
	return longer ? regular_lengthen(inode, end) : 0;
}

/* Of the ways that there are, the two that take room. */
long sys_fallocate(struct pt_regs *regs)
{
	struct file *f = fd_get((int)regs->di);
	s64 at = (s64)regs->dx, n = (s64)regs->r10, end;
	long err;

	if (!f)
		return -EBADF;
	if (at < 0 || n <= 0)
		err = -EINVAL;
	else if ((u32)regs->si & ~(u32)FALLOC_FL_KEEP_SIZE)
		err = -EOPNOTSUPP;
	else if ((f->flags & O_ACCMODE) == O_RDONLY)
		err = -EBADF;
	else if (f->ops != &regular_ops)
		err = f->ops->seek ? -ENODEV : -ESPIPE;
	else if (__builtin_add_overflow(at, n, &end) || (u64)end > SHARED_SIZE_MAX)
		err = -EFBIG;
	else
		err = take_room(f->inode, (u64)at, (u64)end, !(u32)regs->si);
	file_drop(f);
	return err;
}

/* ---- What memory has no need of ----------------------------------------------------------- */

long sys_fsync(struct pt_regs *regs)
{
	struct file *f = fd_get((int)regs->di);
	bool is_kept = f && (f->ops == &regular_ops || f->ops == &directory_ops);

	if (!f)
		return -EBADF;
	file_drop(f);
	return is_kept ? 0 : -EINVAL;
}

long sys_fdatasync(struct pt_regs *regs)
{
	return sys_fsync(regs);
}

long sys_sync(struct pt_regs *regs __unused)
{
	return 0;
}

/* Nobody has another root. */
long sys_chroot(struct pt_regs *regs)
{
	struct path p;
	long err = path_lock(AT_FDCWD, regs->di, 0, &p);

	if (err)
		return err;
	err = !file_is(p.at.file->inode, FILE_DIRECTORY)          ? -ENOTDIR :
	      p.at.file != &file_root || !process_is_privileged() ? -EPERM :
								    0;
	path_unlock(&p);
	return err;
}
