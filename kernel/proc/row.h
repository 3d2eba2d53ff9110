/*
 * Directories as tables: what /proc and /sys are made of.  A row is a file; there is no inode
 * of it until a path leads there, and that one lives as long as who has found it.
 */
#ifndef KERNEL_PROC_ROW_H
#define KERNEL_PROC_ROW_H

#include "kernel/files/file_tree.h"
#include "kernel/proc/text.h"

struct process;

struct row {
	const char *name; /* NULL: the end of a table */
	u32 mode;

	/*
	 * Of a file: makes its text, for the task that reads it; 0 or an errno.  Context: a task's;
	 * the inode's lock is held, and no other.
	 */
	int (*show)(struct text *t, const struct inode *inode);
	const char *text; /* or this line is all */
	bool traced;      /* only for who may trace the process */

	/* Of a directory: its table; then what no table says.  As in struct made_ops. */
	const struct row *rows;
	int (*lookup)(const struct inode *dir, const char *name, u32 length, struct inode **inode);
	int (*next)(const struct inode *dir, u64 *place, struct made_name *name); /* from 0 on */

	/* Of a link: where to, for who may trace the process; or as in struct made_ops. */
	struct dentry *(*goal)(const struct process *p); /* without a hold; process_lock is held */
	int (*follow)(struct dentry *link, struct dentry **to);
	long (*read_link)(const struct inode *link, char *to, size_t size);

	/* Of what is neither. */
	int (*open)(const struct inode *inode, u32 flags, struct file **f);
};

/* A directory of the tree becomes one of the table: boot. */
void row_mount(const char *path, const struct row *row);

/*
 * An inode of the row, with a hold: root's, or with a `pid` that process's, and about it.  0,
 * -ENOMEM, -ENOENT: there is no such process any more.
 */
int row_inode(const struct row *row, const struct inode *about, u64 number, struct inode **inode);

/*
 * The process that an inode is about, which may be gone, and another have its number: NULL.
 * process_lock is held.
 */
struct process *row_process(const struct inode *inode);

/* The same, for who wants to know what only a tracer may: 0, -ENOENT, -EACCES. */
int row_traced_process(const struct inode *inode, struct process **p);

/* The path of d, or its last name if it is gone; lets go of d.  The tree is locked. */
long row_path(struct dentry *d, char *to, size_t size);

/* A number as a file's name, without leading zeroes; -1: it is none. */
s64 row_number(const char *name, u32 length);

/* st_ino of what no table has. */
#define ROW_INO_PROCESS (1ULL << 40) /* + pid */
#define ROW_INO_FILE (1ULL << 56)    /* + pid << 24 + descriptor */

#endif
