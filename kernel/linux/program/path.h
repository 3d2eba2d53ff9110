/*
 * Paths as programs give them: strings of the program's memory, at most PATH_MAX bytes, and
 * what they name.
 */
#ifndef KERNEL_LINUX_PROGRAM_PATH_H
#define KERNEL_LINUX_PROGRAM_PATH_H

#include "kernel/files/file_tree.h"

#define PATH_MAX 4096 /* with its NUL; a frame */

/*
 * A copy of a path in a frame, which path_put() gives back: 0, -EFAULT, -ENOENT (it is
 * empty), -ENAMETOOLONG, -ENOMEM.  Context: a system call, no lock held.
 */
long path_get(virt_addr_t from, char **path);
void path_put(char *path);

/*
 * The path of the current process's working directory, in a frame for path_put(): its length,
 * -ENOENT (it is gone), -ENAMETOOLONG, -ENOMEM, -EINTR.
 */
long path_of_cwd(char **path);

/* A path of the current process, walked: between path_lock() and path_unlock(). */
struct path {
	struct file_place at; /* of path_lock(), `file` and `held` alone */
	struct dentry *start; /* path.c's */
	char *text;           /* its frame */
};

/*
 * Finds what a path names, and leaves the tree locked: 0, or the errors of path_get() and
 * file_find(), -EBADF, and nothing is locked.  `fd` is where a relative path begins, AT_FDCWD
 * the working directory.  Of `flags`, AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH count: an empty
 * path is then the file of `fd`, if that has a name; PATH_REAL_IDS searches with those, as
 * access() wants it.
 */
#define PATH_REAL_IDS (1U << 31) /* none of Linux's AT_* */
long path_lock(int fd, virt_addr_t from, u32 flags, struct path *p);

/* The same for a place, which may have no file yet. */
long path_lock_place(int fd, virt_addr_t from, bool follow, struct path *p);

/* And for two at once. */
long path_lock_places(int fd, virt_addr_t from, int to_fd, virt_addr_t to, struct path p[2]);

void path_unlock(struct path *p);
void path_unlock_places(struct path p[2]);

/* The same, but the frame of the text is the caller's. */
char *path_unlock_keep(struct path *p);

#endif
