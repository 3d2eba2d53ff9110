/*
 * The tree of files: names in directories, and where paths lead.  Filled at boot from the
 * initramfs, changed by system calls.
 */
#ifndef KERNEL_FILES_FILE_TREE_H
#define KERNEL_FILES_FILE_TREE_H

#include "kernel/base/list.h"
#include "kernel/files/inode.h"

#define FILE_NAME_MAX 255 /* bytes of one part of a path */

/*
 * A name of a file.  Life: counted in `holds`.  A name in the tree has one, each file of a
 * directory one of that, and so has whoever keeps a pointer (an open file, a working
 * directory, a process its program); it has a hold of its inode itself.  So what is taken
 * out of the tree stays whole, and knows its last place, for those who have it.
 */
struct dentry {
	u32 holds; /* by single instructions */
	struct inode *inode;

	/* The tree's lock. */
	struct dentry *next;   /* file_tree.c's */
	struct dentry *parent; /* the root's is the root */
	const char *name;      /* unterminated; the root has none */
	u32 length;            /* of the name */
	bool own_name;         /* text_make() made it */
	bool gone;             /* it is in the tree no more */
	u64 cookie;            /* its place in the directory: no other ever has the same */
	struct link in_parent;
	struct link entries; /* of a directory, by cookie; places of readers among them */
	u32 entry_count;
};

/*
 * Guards all names, and what struct inode says.  The functions below want it held, but for
 * the holds; at boot nobody else is there.  Held for as long as a path is walked or a name
 * is given: so what a rename changes, a walk sees before or after.  No user memory is
 * touched under it.
 */
extern struct sleep_lock file_tree_lock;
extern struct dentry file_root;

/* Context of dentry_drop(), which takes NULL, too: a task's or boot, no spinlock held. */
struct dentry *dentry_hold(struct dentry *d);
void dentry_drop(struct dentry *d);

/*
 * A name, in a directory, that is in no table: found by who has it alone, and gone with its
 * last hold, the caller's.  `inode`, with its hold, is the name's then.  NULL: no memory.
 */
struct dentry *dentry_make(struct dentry *dir, const char *name, u32 length, struct inode *inode);

/* ---- Finding -------------------------------------------------------------------- */

/*
 * The file that the path names, from the root on or, if it does not begin with a slash, from
 * `from`.  Symbolic links in it are followed, and one at the end if `follow` or if a slash
 * stands there.  may_search (or NULL) is asked about each directory on the way.  0, and the
 * file has a hold for the caller; -ENOENT, -ENOTDIR, -ELOOP, -EACCES, -ENAMETOOLONG; -EINTR (seam_long_work_point()).  The cost is
 * bounded by the lengths of the path and of the 40 links that it may lead through.
 */
int file_find(struct dentry *from, const char *path, bool follow,
	      bool (*may_search)(const struct inode *dir), struct dentry **file);

/* What a path ends in.  One without a name, "/", ends in LAST_DOTDOT. */
enum last_name { LAST_NAME, LAST_DOT, LAST_DOTDOT };

/* Where a path leads that may name what is not there yet. */
struct file_place {
	struct dentry *held; /* by this hold, the caller's, all that follows is there; or NULL */
	struct dentry *file; /* what is there, a link itself included; or NULL */
	bool wants_dir;      /* a slash ends the path */
	enum last_name last;
	struct dentry *dir; /* its directory, its name there: in the path, or in a link */
	const char *name;
	u32 length;
};

/*
 * 0, or file_find()'s errors: -ENOENT is a directory's on the way.  If `follow`, a link at
 * the end is followed, and what it names may not be there.
 */
int file_find_place(struct dentry *from, const char *path, bool follow,
		    bool (*may_search)(const struct inode *dir), struct file_place *p);

/* The name in a directory, or NULL. */
struct dentry *file_lookup(const struct dentry *dir, const char *name, u32 length);

/*
 * Its path, without links, in a buffer of `size` bytes; the length, or -ENAMETOOLONG, or
 * -ENOENT: it is in the tree no more.
 */
long file_path(const struct dentry *file, char *to, size_t size);

/* Is `d` `dir`, or in it, or below?  -EINTR as above. */
int file_is_below(const struct dentry *d, const struct dentry *dir);

/* ---- Changing ---------------------------------------------------------------------- */

/* A root without files, of the time `now` (ns since 1970).  `secret` is a random number. */
void file_tree_init(u64 secret, u64 now);

/*
 * Gives an inode a name in a directory that has it not: 0 or -ENOMEM.  `stays`: the bytes of
 * the name stay where they are, for good; else they are copied.  A directory's ".." counts.
 */
int file_add(struct dentry *dir, const char *name, u32 length, bool stays, struct inode *inode);

/*
 * Takes a name away; a directory's is empty.  The tree's hold is the caller's then, who lets
 * it go when the lock is free: it may be a large file's last.
 */
void file_unlink(struct dentry *d);

/* The name becomes another, which nobody has: 0 or -ENOMEM. */
int file_move(struct dentry *d, struct dentry *dir, const char *name, u32 length);

/* Two names change places. */
void file_exchange(struct dentry *a, struct dentry *b);

#endif
