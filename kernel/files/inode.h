/*
 * Inodes: what is the same for all names of a file.  For the tree (file_tree.h) and for kernel/fs/.
 */
#ifndef KERNEL_FILES_INODE_H
#define KERNEL_FILES_INODE_H

#include "kernel/base/list.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/base/types.h"

/* inode.mode is Linux's st_mode: the type is in these bits. */
#define FILE_TYPE_MASK 0170000
#define FILE_REGULAR 0100000
#define FILE_DIRECTORY 0040000
#define FILE_SYMLINK 0120000
#define FILE_CHARACTER 0020000
#define FILE_BLOCK 0060000
#define FILE_FIFO 0010000
#define FILE_SOCKET 0140000

#define MODE_SETUID 04000
#define MODE_SETGID 02000
#define MODE_STICKY 01000
#define MODE_BITS 07777

struct dentry;
struct file;
struct inode;
struct shared;

/* A name that is computed, and what it will be found to be. */
struct made_name {
	char text[32];
	u64 number; /* st_ino */
	u32 mode;
};

/*
 * What a file is whose names, bytes or goal are computed when they are asked for (kernel/proc/).
 * The tree is locked; what is returned in a pointer has a hold for the caller.
 */
struct made_ops {
	/* A directory's inode of that name: 0, -ENOENT, -ENOMEM. */
	int (*lookup)(const struct inode *dir, const char *name, u32 length, struct inode **inode);

	/* Its name at *place or the next behind, which *place is behind then: 0; -ENOENT: none. */
	int (*next)(const struct inode *dir, u64 *place, struct made_name *name);

	/* Where a link leads, and as text of less than `size` bytes: its length; -ENOENT, -EACCES. */
	int (*follow)(struct dentry *link, struct dentry **to);
	long (*read_link)(const struct inode *link, char *to, size_t size);

	/* What is neither, opened: 0, or an errno. */
	int (*open)(struct inode *inode, struct dentry *name, u32 flags, struct file **f);
};

/*
 * Life: counted in `holds`.  Each name has one, and so has who opened it without a name; the
 * last to let go frees it and its contents.
 */
struct inode {
	u32 holds; /* by single instructions */

	/* Set when it is made. */
	u64 number; /* st_ino */
	u32 rdev_major, rdev_minor;
	const char *target;     /* of a symbolic link, `size` bytes, not empty */
	bool own_target;        /* text_make() made it */
	struct shared *content; /* of a regular file, whose size is shared_size()'s */

	/* The tree's lock (kernel/files/file_tree.h); single reads need none. */
	u32 mode;
	u32 uid, gid;
	u32 links; /* names; of a directory, as Linux counts them */
	u64 size;  /* of what is no regular file */

	u64 accessed, modified, changed; /* ns since 1970; single stores */

	struct sleep_lock lock; /* of a regular file: one at a time writes, or sets the size; of a
	                           FIFO: of `pipe`, and of who opens it */
	struct link range_locks, file_locks; /* kernel/fs/locks.h, under its lock */
	void *pipe;                          /* of a FIFO that is open: kernel/fs/pipe.c's */

	/* Of one that is computed, set when it is made; the rest is what kernel/proc/ knows it
	 * by.  NULL: an ordinary file. */
	const struct made_ops *made;
	const void *row;
	u32 pid, fd;
	u64 born;
};

static inline bool file_is(const struct inode *inode, u32 type)
{
	return (inode->mode & FILE_TYPE_MASK) == type;
}

/*
 * A new inode with one hold and no name, of the time `now`; a regular file is empty.  NULL: no
 * memory, or files have their share (shared_files_keep()).
 */
struct inode *inode_make(u32 mode, u64 now);

/* The same without a number or contents, for one that is computed: of no share. */
struct inode *inode_make_bare(u32 mode, u64 now);

void inode_hold(struct inode *inode);

/* Takes NULL, too.  Context: a task's or boot, no spinlock held. */
void inode_drop(struct inode *inode);

/* Bytes: of a regular file, of a link's target, else 0. */
u64 inode_size(const struct inode *inode);

/*
 * A copy of 1 to PAGE_SIZE bytes: a name, or a link's target.  NULL: no memory.  The other
 * gives it back; n as before.
 */
char *text_make(const char *from, size_t n);
void text_free(const char *text, size_t n);

#endif
