/*
 * What the current process may do with a file, by the file's mode and owners.
 */
#ifndef KERNEL_FS_RIGHTS_H
#define KERNEL_FS_RIGHTS_H

#include "kernel/files/file_tree.h"

/* Three bits of a mode; all that are asked for must be there. */
enum { MAY_EXECUTE = 1, MAY_WRITE = 2, MAY_READ = 4 };

/*
 * By the effective ids; the booting kernel may all.  Root may all, too, but execute a file
 * that nobody may.  The other asks for the real ids, as access() does.  Any context.
 */
bool rights_allow(const struct inode *inode, u32 what);
bool rights_allow_real(const struct inode *inode, u32 what);

/* May a path of the current process lead through the directory?  By its ids as above. */
bool rights_may_search(const struct inode *dir);
bool rights_may_search_real(const struct inode *dir);

/* Is the current process the file's owner, or root? */
bool rights_is_owner(const struct inode *inode);

/*
 * May it give a file a name in the directory, and take this one away: 0, or -ENOENT (the
 * directory is gone), -EACCES, -EPERM (the directory is sticky, file and directory others';
 * its names are computed), -EBUSY (those of the file are).
 */
int rights_may_add(const struct dentry *dir);
int rights_may_remove(const struct dentry *d);

#endif
