/*
 * From an inode to an open file: which operations it has.
 */
#include "kernel/base/errno.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/devices.h"
#include "kernel/fs/directory.h"
#include "kernel/fs/open.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/regular.h"
#include "kernel/linux/uapi.h"

static long no_bytes(struct file *f __unused, struct io *io __unused, u64 *pos __unused)
{
	return -EBADF;
}

/* O_PATH: a name that is held, and no more. */
static const struct file_ops path_ops = { .read = no_bytes, .write = no_bytes };

static const struct file_ops *ops_of(const struct inode *inode, u32 flags)
{
	if (flags & O_PATH)
		return &path_ops;
	if (inode->made && !file_is(inode, FILE_DIRECTORY))
		return NULL;
	switch (inode->mode & FILE_TYPE_MASK) {
	case FILE_REGULAR: return &regular_ops;
	case FILE_DIRECTORY: return &directory_ops;
	case FILE_FIFO: return &pipe_ops;
	case FILE_CHARACTER: return device_ops(inode->rdev_major, inode->rdev_minor);
	default: return NULL;
	}
}

int inode_open(struct inode *inode, struct dentry *name, u32 flags, struct file **f)
{
	const struct file_ops *ops = ops_of(inode, flags);

	if (!ops && inode->made)
		return inode->made->open(inode, name, flags, f);
	if (!ops)
		return -ENXIO;
	*f = file_make(ops, flags, NULL);
	if (!*f)
		return -ENOMEM;
	inode_hold(inode);
	(*f)->inode = inode;
	(*f)->name = name ? dentry_hold(name) : NULL;
	if (ops == &directory_ops && directory_begin(*f)) {
		(*f)->ops = &path_ops;
		file_drop(*f);
		return -ENOMEM;
	}
	return 0;
}
