/*
 * Rights on files.  Source: Linux, fs/namei.c (generic_permission, may_delete).
 */
#include "kernel/base/errno.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/tree.h"

#define ANY_EXECUTE 0111

static bool allows(const struct inode *inode, u32 what, u32 uid, u32 gid)
{
	unsigned shift;

	if (uid == 0)
		return !(what & MAY_EXECUTE) || file_is(inode, FILE_DIRECTORY) ||
		       (inode->mode & ANY_EXECUTE);
	shift = uid == inode->uid ? 6 : process_in_group(inode->gid, gid) ? 3 : 0;
	return (inode->mode >> shift & what) == what;
}

bool rights_allow(const struct inode *inode, u32 what)
{
	const struct process *p = calling_process();

	return allows(inode, what, p ? p->ids.user[EFFECTIVE_ID] : 0,
		      p ? p->ids.group[EFFECTIVE_ID] : 0);
}

bool rights_allow_real(const struct inode *inode, u32 what)
{
	const struct ids *ids = &current_process()->ids;

	return allows(inode, what, ids->user[REAL_ID], ids->group[REAL_ID]);
}

bool rights_may_search(const struct inode *dir)
{
	return rights_allow(dir, MAY_EXECUTE);
}

bool rights_may_search_real(const struct inode *dir)
{
	return rights_allow_real(dir, MAY_EXECUTE);
}

bool rights_is_owner(const struct inode *inode)
{
	return process_is_privileged() || current_process()->ids.user[EFFECTIVE_ID] == inode->uid;
}

int rights_may_add(const struct dentry *dir)
{
	if (dir->gone)
		return -ENOENT;
	if (dir->inode->made)
		return -EACCES;
	return rights_allow(dir->inode, MAY_WRITE | MAY_EXECUTE) ? 0 : -EACCES;
}

int rights_may_remove(const struct dentry *d)
{
	const struct inode *dir = d->parent->inode;

	if (dir->made)
		return -EPERM;
	if (d->inode->made)
		return -EBUSY;
	if (!rights_allow(dir, MAY_WRITE | MAY_EXECUTE))
		return -EACCES;
	if ((dir->mode & MODE_STICKY) && !rights_is_owner(dir) && !rights_is_owner(d->inode))
		return -EPERM;
	return 0;
}
