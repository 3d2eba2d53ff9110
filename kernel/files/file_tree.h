/*
 * A tree of files, made once at boot.  It does not change afterwards, so no lock guards it.
 */
#ifndef KERNEL_FILES_FILE_TREE_H
#define KERNEL_FILES_FILE_TREE_H

#include "kernel/base/types.h"

/* file_inode.mode is Linux's st_mode: the type is in these bits. */
#define FILE_TYPE_MASK 0170000
#define FILE_REGULAR 0100000
#define FILE_DIRECTORY 0040000
#define FILE_SYMLINK 0120000
#define FILE_CHARACTER 0020000
#define FILE_BLOCK 0060000
#define FILE_FIFO 0010000
#define FILE_SOCKET 0140000

/* What is the same for all names of a file. */
struct file_inode {
	const u8 *data; /* of a regular file; of a symbolic link its target, which is not empty */
	u64 size;       /* bytes at data */
	u32 mode;
	u32 links;  /* names; of a directory, as Linux counts them */
	u32 number; /* st_ino */
	u32 rdev_major, rdev_minor;
};

/* A file by one of its names. */
struct file_node {
	struct file_node *next;   /* file_tree.c's */
	struct file_node *parent; /* the root's is the root */
	const char *name;         /* unterminated; the root has none */
	u32 length;               /* of the name */
	u32 entries;              /* of a directory */
	struct file_inode *inode;
};

static inline bool file_is(const struct file_inode *inode, u32 type)
{
	return (inode->mode & FILE_TYPE_MASK) == type;
}

/* ---- Finding -------------------------------------------------------------------- */

/*
 * The file that the path names, from the root on.  Symbolic links in it are followed, and one
 * at the end if `follow` or if a slash stands there.  may_search (or NULL) is asked about each
 * directory on the way.  0, -ENOENT, -ENOTDIR, -ELOOP, -EACCES, -ENAMETOOLONG; -EINTR
 * (seam_long_work_point()).  The cost is bounded by the lengths of the path and of
 * the 40 links that it may lead through.
 */
int file_find(const char *path, bool follow, bool (*may_search)(const struct file_inode *dir),
	      struct file_node **file);

/* Its path, without links, in a buffer of `size` bytes; the length, or -ENAMETOOLONG. */
long file_path(const struct file_node *file, char *to, size_t size);

/* ---- Making: boot ----------------------------------------------------------------- */

/* A root without files.  `secret` is a random number. */
void file_tree_init(u64 secret);

/* Where a path leads that may name what is not there yet. */
struct file_place {
	struct file_node *file; /* what is there, a link itself included; or NULL, and: */
	bool wants_dir;         /* a slash ends the path */
	struct file_node *dir;  /* its directory, its name there */
	const char *name;
	u32 length;
};

/* 0, or file_find()'s errors: -ENOENT is a directory's on the way. */
int file_find_place(const char *path, struct file_place *p);

/* A zeroed object, of at most a page, that stays; NULL: no memory. */
void *file_make_object(size_t size);

/* An inode without a name yet, or NULL. */
struct file_inode *file_make_inode(u32 mode);

/*
 * Gives an inode (NULL: -ENOMEM) a name, which stays where it is, in a directory that has
 * it not.  0 or -ENOMEM.  The other finds what has it, or NULL.
 */
int file_add(struct file_node *dir, const char *name, u32 length, struct file_inode *inode);
struct file_node *file_lookup(const struct file_node *dir, const char *name, u32 length);

/* Takes a name away; a directory's is empty. */
void file_unlink(struct file_node *f);

#endif
