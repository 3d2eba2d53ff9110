/*
 * New files of the current process.
 */
#ifndef KERNEL_FS_MAKE_H
#define KERNEL_FS_MAKE_H

#include "kernel/files/file_tree.h"

#define FILE_LINKS_MAX 0x7fffffffU /* names of one file */

/*
 * Makes a file at a place that has none, in the process's name, less its umask; a symbolic
 * link to `target` (NULL: it is none).  p->file is it then.  0, -ENOENT (the directory is
 * gone), -EACCES, -EMLINK, -ENOSPC, -ENOMEM.  The tree is locked.
 */
int file_make_at(struct file_place *p, u32 mode, u32 major, u32 minor, const char *target);

/* The same without a name, as O_TMPFILE wants it: an inode with a hold in *inode. */
int file_make_inode(const struct inode *dir, u32 mode, struct inode **inode);

#endif
