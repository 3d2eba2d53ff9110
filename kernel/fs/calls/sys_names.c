/*
 * System calls that give files names, and take them away.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/fs/make.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

/* A directory whose names have changed. */
static void touch(struct dentry *dir)
{
	dir->inode->modified = dir->inode->changed = clock_realtime_ns();
}

/* ---- New files --------------------------------------------------------------------- */

static long make_at(int fd, virt_addr_t at, u32 mode, u32 major, u32 minor)
{
	struct path p;
	long err = path_lock_place(fd, at, false, &p);

	if (err)
		return err;
	if (p.at.file)
		err = -EEXIST;
	else if (p.at.wants_dir && (mode & FILE_TYPE_MASK) != FILE_DIRECTORY)
		err = -ENOENT;
	else
		err = file_make_at(&p.at, mode, major, minor, NULL);
	path_unlock(&p);
	return err;
}

static long make_directory(int fd, virt_addr_t at, u64 mode)
{
	u32 bits = (u32)mode & (0777 | MODE_STICKY);

	return make_at(fd, at, FILE_DIRECTORY | bits, 0, 0);
}

long sys_mkdir(struct pt_regs *regs)
{
	return make_directory(AT_FDCWD, regs->di, regs->si);
}

long sys_mkdirat(struct pt_regs *regs)
{
	return make_directory((int)regs->di, regs->si, regs->dx);
}

/* `device` as stat tells it. */
static long make_node(int fd, virt_addr_t at, u32 mode, u32 device)
{
	u32 type = mode & FILE_TYPE_MASK;
	u32 major = device >> 8 & 0xfff, minor = (device & 0xff) | (device >> 12 & ~0xffu);

	if (type == 0)
		type = FILE_REGULAR;
	if (type == FILE_DIRECTORY)
		return -EPERM;
	if (type != FILE_REGULAR && type != FILE_FIFO && type != FILE_SOCKET &&
	    type != FILE_CHARACTER && type != FILE_BLOCK)
		return -EINVAL;
	if (type != FILE_CHARACTER && type != FILE_BLOCK)
		major = minor = 0;
	else if (!process_is_privileged())
		return -EPERM;
	return make_at(fd, at, type | (mode & MODE_BITS), major, minor);
}

long sys_mknod(struct pt_regs *regs)
{
	return make_node(AT_FDCWD, regs->di, (u32)regs->si, (u32)regs->dx);
}

long sys_mknodat(struct pt_regs *regs)
{
	return make_node((int)regs->di, regs->si, (u32)regs->dx, (u32)regs->r10);
}

static long make_symlink(virt_addr_t target, int fd, virt_addr_t at)
{
	struct path p;
	char *text;
	long err = path_get(target, &text);

	if (err)
		return err;
	err = path_lock_place(fd, at, false, &p);
	if (!err) {
		err = p.at.file      ? -EEXIST :
		      p.at.wants_dir ? -ENOENT :
				       file_make_at(&p.at, FILE_SYMLINK | 0777, 0, 0, text);
		path_unlock(&p);
	}
	path_put(text);
	return err;
}

long sys_symlink(struct pt_regs *regs)
{
	return make_symlink(regs->di, AT_FDCWD, regs->si);
}

long sys_symlinkat(struct pt_regs *regs)
{
	return make_symlink(regs->di, (int)regs->si, regs->dx);
}

/* ---- More names ---------------------------------------------------------------------- */

/* The inode of what the path names, with a hold. */
static long get_inode(int fd, virt_addr_t at, u32 flags, struct inode **inode)
{
	struct path p;
	long err = path_lock(fd, at, flags, &p);

	if (err)
		return err;
	*inode = p.at.file->inode;
	inode_hold(*inode);
	path_unlock(&p);
	return 0;
}

/* The tree is locked. */
static long link_at(const struct file_place *to, struct inode *inode)
{
	long err = to->file                       ? -EEXIST :
		   to->wants_dir                  ? -ENOENT :
		   inode->made                    ? -EXDEV :
		   file_is(inode, FILE_DIRECTORY) ? -EPERM :
		   inode->links == 0              ? -ENOENT :
		   inode->links >= FILE_LINKS_MAX ? -EMLINK :
						    rights_may_add(to->dir);

	if (err)
		return err;
	err = file_add(to->dir, to->name, to->length, false, inode);
	if (err)
		return err;
	inode->changed = clock_realtime_ns();
	touch(to->dir);
	return 0;
}

static long make_link(int from_fd, virt_addr_t from, int fd, virt_addr_t at, u32 flags)
{
	u32 how = flags & AT_EMPTY_PATH;
	struct inode *inode;
	struct path p;
	long err;

	if (flags & ~(u32)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_SYMLINK_FOLLOW))
		how |= AT_SYMLINK_NOFOLLOW;
	err = get_inode(from_fd, from, how, &inode);
	if (err)
		return err;
	err = path_lock_place(fd, at, false, &p);
	if (!err) {
		err = link_at(&p.at, inode);
		path_unlock(&p);
	}
	inode_drop(inode);
	return err;
}

long sys_link(struct pt_regs *regs)
{
	return make_link(AT_FDCWD, regs->di, AT_FDCWD, regs->si, 0);
}

long sys_linkat(struct pt_regs *regs)
{
	return make_link((int)regs->di, regs->si, (int)regs->dx, regs->r10, (u32)regs->r8);
}

/* ---- Fewer ----------------------------------------------------------------------------- */

/* What is taken away goes to the caller with a hold, for when the lock is free. */
static void take_away(struct dentry *d)
{
	d->inode->changed = clock_realtime_ns();
	touch(d->parent);
	file_unlink(d);
}

static long may_unlink(const struct file_place *at, bool wants_dir)
{
	bool is_dir;
	long err;

	if (!at->file)
		return -ENOENT;
	if (at->last != LAST_NAME && wants_dir)
		return at->last == LAST_DOT   ? -EINVAL :
		       at->file == &file_root ? -EBUSY :
						-ENOTEMPTY;
	is_dir = file_is(at->file->inode, FILE_DIRECTORY);
	if (at->last != LAST_NAME)
		return -EISDIR;
	err = rights_may_remove(at->file);
	if (err)
		return err;
	if (is_dir != wants_dir)
		return is_dir ? -EISDIR : -ENOTDIR;
	return at->file->entry_count ? -ENOTEMPTY : 0;
}

static long unlink_at(int fd, virt_addr_t at, u32 flags)
{
	struct dentry *d = NULL;
	struct path p;
	long err;

	if (flags & ~(u32)AT_REMOVEDIR)
		return -EINVAL;
	err = path_lock_place(fd, at, false, &p);
	if (err)
		return err;
	err = may_unlink(&p.at, flags & AT_REMOVEDIR);
	if (!err) {
		d = p.at.file;
		take_away(d);
	}
	path_unlock(&p);
	dentry_drop(d);
	return err;
}

long sys_unlink(struct pt_regs *regs)
{
	return unlink_at(AT_FDCWD, regs->di, 0);
}

long sys_rmdir(struct pt_regs *regs)
{
	return unlink_at(AT_FDCWD, regs->di, AT_REMOVEDIR);
}

long sys_unlinkat(struct pt_regs *regs)
{
	return unlink_at((int)regs->di, regs->si, (u32)regs->dx);
}

/* ---- Renaming --------------------------------------------------------------------------- */

/* A directory must not come into itself; and what is above must not be replaced. */
static long check_loop(const struct file_place *from, const struct file_place *to)
{
	int below = 0;

	if (file_is(from->file->inode, FILE_DIRECTORY))
		below = file_is_below(to->dir, from->file);
	if (below)
		return below < 0 ? below : -EINVAL;
	if (to->file && file_is(to->file->inode, FILE_DIRECTORY))
		below = file_is_below(from->dir, to->file);
	return below > 0 ? -ENOTEMPTY : below;
}

/* May a directory's ".." become another? */
static bool may_change_parent(const struct dentry *d, const struct dentry *dir)
{
	return d->parent == dir || !file_is(d->inode, FILE_DIRECTORY) ||
	       rights_allow(d->inode, MAY_WRITE);
}

static long check_replaced(const struct dentry *from, const struct dentry *to)
{
	bool from_dir = file_is(from->inode, FILE_DIRECTORY);
	bool to_dir = file_is(to->inode, FILE_DIRECTORY);

	if (from_dir != to_dir)
		return from_dir ? -ENOTDIR : -EISDIR;
	return to->entry_count ? -ENOTEMPTY : 0;
}

/* What both ends allow; the loops come before the rights, as on Linux. */
static long check_rename(const struct file_place *from, const struct file_place *to, u32 flags)
{
	bool exchange = flags & RENAME_EXCHANGE;
	long err;

	if (from->last != LAST_NAME)
		return -EBUSY;
	if (to->last != LAST_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (!from->file || (exchange && !to->file))
		return -ENOENT;
	if (to->file && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!to->file && to->wants_dir && !file_is(from->file->inode, FILE_DIRECTORY))
		return -ENOTDIR;
	err = check_loop(from, to);
	if (!err)
		err = rights_may_remove(from->file);
	if (!err)
		err = to->file ? rights_may_remove(to->file) : rights_may_add(to->dir);
	if (!err && to->file && !exchange)
		err = check_replaced(from->file, to->file);
	if (!err && (!may_change_parent(from->file, to->dir) ||
		     (exchange && !may_change_parent(to->file, from->dir))))
		err = -EACCES;
	return err;
}

/* *gone: what was replaced, with a hold, or NULL. */
static long rename_locked(const struct file_place *from, const struct file_place *to, u32 flags,
			  struct dentry **gone)
{
	struct dentry *d = from->file, *old_dir = from->dir;
	long err = check_rename(from, to, flags);

	if (err)
		return err;
	if (to->file && to->file->inode == d->inode)
		return 0;
	if (flags & RENAME_EXCHANGE) {
		file_exchange(d, to->file);
	} else {
		err = file_move(d, to->dir, to->name, to->length);
		if (err)
			return err;
		*gone = to->file;
		if (*gone)
			take_away(*gone);
	}
	d->inode->changed = clock_realtime_ns();
	touch(old_dir);
	touch(to->dir);
	return 0;
}

static long rename_at(int from_fd, virt_addr_t from, int to_fd, virt_addr_t to, u32 flags)
{
	struct dentry *gone = NULL;
	struct path p[2];
	long err;

	if ((flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE)) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = path_lock_places(from_fd, from, to_fd, to, p);
	if (err)
		return err;
	err = rename_locked(&p[0].at, &p[1].at, flags, &gone);
	path_unlock_places(p);
	dentry_drop(gone);
	return err;
}

long sys_rename(struct pt_regs *regs)
{
	return rename_at(AT_FDCWD, regs->di, AT_FDCWD, regs->si, 0);
}

long sys_renameat(struct pt_regs *regs)
{
	return rename_at((int)regs->di, regs->si, (int)regs->dx, regs->r10, 0);
}

long sys_renameat2(struct pt_regs *regs)
{
	return rename_at((int)regs->di, regs->si, (int)regs->dx, regs->r10, (u32)regs->r8);
}
