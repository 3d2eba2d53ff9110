/*
 * New files: whose they are, and how they get their names.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/fs/make.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/tree.h"
#include "mm/space/shared.h"

static int no_memory(void)
{
	return shared_files_may_grow() ? -ENOMEM : -ENOSPC;
}

/* A directory's group is its files' if it says so, and its directories say so, too. */
static void set_owner(struct inode *inode, const struct inode *dir)
{
	const struct process *p = current_process();

	inode->uid = p->ids.user[EFFECTIVE_ID];
	inode->gid = p->ids.group[EFFECTIVE_ID];
	if (!(dir->mode & MODE_SETGID))
		return;
	inode->gid = dir->gid;
	if (file_is(inode, FILE_DIRECTORY))
		inode->mode |= MODE_SETGID;
}

int file_make_inode(const struct inode *dir, u32 mode, struct inode **inode)
{
	if ((mode & FILE_TYPE_MASK) != FILE_SYMLINK)
		mode &= ~current_process()->umask;
	*inode = inode_make(mode, clock_realtime_ns());
	if (!*inode)
		return no_memory();
	set_owner(*inode, dir);
	return 0;
}

static int set_target(struct inode *inode, const char *target)
{
	size_t n = strlen(target);

	inode->target = text_make(target, n);
	if (!inode->target)
		return -ENOMEM;
	inode->own_target = true;
	inode->size = n;
	return 0;
}

int file_make_at(struct file_place *p, u32 mode, u32 major, u32 minor, const char *target)
{
	struct inode *inode, *dir = p->dir->inode;
	int err = rights_may_add(p->dir);

	if (!err && dir->links >= FILE_LINKS_MAX)
		err = -EMLINK;
	if (!err)
		err = file_make_inode(dir, mode, &inode);
	if (err)
		return err;
	inode->rdev_major = major;
	inode->rdev_minor = minor;
	if (target)
		err = set_target(inode, target);
	if (!err && file_add(p->dir, p->name, p->length, false, inode))
		err = no_memory();
	if (!err) {
		p->file = file_lookup(p->dir, p->name, p->length);
		dir->modified = dir->changed = inode->modified;
	}
	inode_drop(inode);
	return err;
}
