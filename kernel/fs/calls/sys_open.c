/*
 * System calls that open files, and those on what is open as a file of the tree.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/directory.h"
#include "kernel/fs/make.h"
#include "kernel/fs/open.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/regular.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

#define TMPFILE (O_TMPFILE & ~O_DIRECTORY)

static u32 rights_for(u32 flags)
{
	u32 how = flags & O_ACCMODE;

	return (how != O_WRONLY ? MAY_READ : 0) |
	       (how != O_RDONLY || flags & O_TRUNC ? MAY_WRITE : 0);
}

/* May what the path has led to be opened so?  The tree is locked. */
static int check(const struct inode *inode, u32 flags)
{
	u32 what = rights_for(flags);

	if ((flags & O_DIRECTORY) && !file_is(inode, FILE_DIRECTORY))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (file_is(inode, FILE_SYMLINK))
		return -ELOOP;
	if (file_is(inode, FILE_DIRECTORY) && (what & MAY_WRITE || flags & O_CREAT))
		return -EISDIR;
	if (!rights_allow(inode, what))
		return -EACCES;
	return flags & O_NOATIME && !rights_is_owner(inode) ? -EPERM : 0;
}

/* What is there, or a new file: p->at.file. */
static int make_if_wanted(struct path *p, u32 flags, u64 mode)
{
	if (p->at.file)
		return flags & O_EXCL ? -EEXIST : check(p->at.file->inode, flags);
	if (p->at.wants_dir)
		return -EISDIR;
	return file_make_at(&p->at, FILE_REGULAR | ((u32)mode & MODE_BITS), 0, 0, NULL);
}

static int open_nameless(struct path *p, u32 flags, u64 mode, struct file **f)
{
	const struct dentry *dir = p->at.file;
	struct inode *inode;
	int err = !file_is(dir->inode, FILE_DIRECTORY) ? -ENOTDIR : rights_may_add(dir);

	if (!err)
		err = file_make_inode(dir->inode, FILE_REGULAR | ((u32)mode & MODE_BITS), &inode);
	if (err)
		return err;
	err = inode_open(inode, NULL, flags, f);
	inode_drop(inode);
	return err;
}

static long open_path(int fd, virt_addr_t at, u32 flags, u64 mode, struct file **f)
{
	struct path p;
	bool follow = !(flags & O_NOFOLLOW) && !(flags & O_CREAT && flags & O_EXCL), is_new = false;
	long err;

	if (flags & O_CREAT)
		err = path_lock_place(fd, at, follow, &p);
	else
		err = path_lock(fd, at, follow ? 0 : AT_SYMLINK_NOFOLLOW, &p);
	if (err)
		return err;
	if (flags & TMPFILE) {
		err = open_nameless(&p, flags, mode, f);
	} else {
		is_new = !p.at.file;
		err = flags & O_CREAT ? make_if_wanted(&p, flags, mode) :
					check(p.at.file->inode, flags);
		if (!err)
			err = inode_open(p.at.file->inode, p.at.file, flags, f);
	}
	path_unlock(&p);
	if (err)
		return err;
	if (flags & O_TRUNC && !is_new && (*f)->inode && (*f)->inode->content)
		err = regular_resize((*f)->inode, 0);
	else if ((*f)->ops == &pipe_ops && (*f)->inode)
		err = pipe_open(*f);
	if (err)
		file_drop(*f);
	return err;
}

/* Bits that are for opening alone, and not kept. */
#define NOT_KEPT (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

static long open_at(int fd, virt_addr_t at, u32 flags, u64 mode)
{
	struct file *f;
	long err;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (flags & TMPFILE && ((flags & O_TMPFILE) != O_TMPFILE || flags & O_CREAT ||
				(flags & O_ACCMODE) == O_RDONLY))
		return -EINVAL;
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	err = open_path(fd, at, flags, mode, &f);
	if (err)
		return err;
	f->flags &= ~(u32)NOT_KEPT;
	return fd_give(f, flags, 0);
}

long sys_open(struct pt_regs *regs)
{
	return open_at(AT_FDCWD, regs->di, (u32)regs->si, regs->dx);
}

long sys_openat(struct pt_regs *regs)
{
	return open_at((int)regs->di, regs->si, (u32)regs->dx, regs->r10);
}

long sys_creat(struct pt_regs *regs)
{
	return open_at(AT_FDCWD, regs->di, O_CREAT | O_WRONLY | O_TRUNC, regs->si);
}

/* ---- Sizes ------------------------------------------------------------------------------ */

static long truncate_file(int fd, s64 size)
{
	struct file *f __fd_held = fd_get(fd);

	if (!f)
		return -EBADF;
	if (size < 0 || f->ops != &regular_ops || (f->flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	return regular_resize(f->inode, (u64)size);
}

static long truncate_path(virt_addr_t at, s64 size)
{
	struct inode *inode;
	struct path p;
	long err = size < 0 ? -EINVAL : path_lock(AT_FDCWD, at, 0, &p);

	if (err)
		return err;
	inode = p.at.file->inode;
	err = file_is(inode, FILE_DIRECTORY)  ? -EISDIR :
	      !inode->content                 ? -EINVAL :
	      !rights_allow(inode, MAY_WRITE) ? -EACCES :
						0;
	inode_hold(inode);
	path_unlock(&p);
	if (!err)
		err = regular_resize(inode, (u64)size);
	inode_drop(inode);
	return err;
}

long sys_truncate(struct pt_regs *regs)
{
	return truncate_path(regs->di, abi_is_ia32() ? (s32)regs->si : (s64)regs->si);
}

long sys_ftruncate(struct pt_regs *regs)
{
	return truncate_file((int)regs->di, abi_is_ia32() ? (s32)regs->si : (s64)regs->si);
}

/* i386's, with the size in two registers. */
long ia32_sys_truncate64(struct pt_regs *regs)
{
	return truncate_path(regs->di, (s64)(regs->dx << 32 | (u32)regs->si));
}

long ia32_sys_ftruncate64(struct pt_regs *regs)
{
	return truncate_file((int)regs->di, (s64)(regs->dx << 32 | (u32)regs->si));
}

/* ---- Directories ------------------------------------------------------------------------- */

/* A frame of names at a time; who has no room for them has them again. */
static long read_directory(struct file *f, virt_addr_t to, size_t size)
{
	phys_addr_t pa = frame_alloc();
	u64 before = f->position;
	long n;

	if (pa == NO_FRAME)
		return -ENOMEM;
	n = directory_read(f, phys_to_virt(pa), MIN(size, PAGE_SIZE));
	if (n > 0 && copy_to_user(to, phys_to_virt(pa), (size_t)n)) {
		f->position = before;
		n = -EFAULT;
	}
	frame_free(pa);
	return n;
}

long sys_getdents64(struct pt_regs *regs)
{
	struct file *f __fd_held = fd_get((int)regs->di);
	long n;

	if (!f)
		return -EBADF;
	if (f->ops != &directory_ops)
		return -ENOTDIR;
	n = sleep_lock_killable(&f->position_lock);
	if (n)
		return n;
	n = read_directory(f, regs->si, (u32)regs->dx);
	sleep_unlock(&f->position_lock);
	return n;
}
