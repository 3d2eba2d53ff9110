/*
 * Descriptors: the small numbers by which programs name open files.
 *
 * A table belongs to its process (process->files); processes share one by CLONE_FILES, and
 * `holds` counts them.  Fork copies it, exec has one of its own without those that are
 * closed then, the end of the process drops it.
 */
#ifndef KERNEL_FS_DESCRIPTORS_H
#define KERNEL_FS_DESCRIPTORS_H

#include "kernel/base/types.h"
#include "kernel/fs/file.h"

struct descriptors;
struct process;

/* A table in which `in` is 0, and `out` 1 and 2, with a hold for each; NULL: no memory. */
struct descriptors *descriptors_make(struct file *in, struct file *out);

/*
 * The same files under the same numbers; what other threads open or close meanwhile may be
 * in it or not.  NULL: no memory.  Task context; other tasks may run.
 */
struct descriptors *descriptors_copy(struct descriptors *from);

/* A hold more, of another process; and one less: the last closes all.  Task context. */
struct descriptors *descriptors_hold(struct descriptors *d);
void descriptors_drop(struct descriptors *d);

/*
 * The current process gets a table of its own, if it shares one: 0, -ENOMEM; or -EINVAL, as
 * of a kernel that cannot do that: it has other threads, and they are in the table.
 */
int descriptors_unshare(void);

/* Closes what FD_CLOEXEC is set for, of the current process, which shares no table. */
void descriptors_close_on_exec(void);

/*
 * Has `fd` an open file?  look(f, arg), which may take holds, is called with a spinlock held.
 * Any context.
 */
bool descriptors_look(struct descriptors *d, u32 fd, void (*look)(struct file *f, void *arg),
		      void *arg);

/*
 * The first open number, from *fd on: 0, -ENOENT: none; -EAGAIN: look on from *fd.  Any
 * context.
 */
int descriptors_next(struct descriptors *d, u32 *fd);

/* ---- Of the current process: task context, no spinlock held ------------------------------ */

/*
 * The file with a hold, which the caller drops; NULL: the number is not open, or (the first) as
 * a name alone, with O_PATH.
 */
struct file *fd_get(int fd);
struct file *fd_get_any(int fd);

/* `struct file *f __fd_held = fd_get(fd)`: the hold goes with the block. */
static inline void fd_held_end(struct file **f)
{
	if (*f)
		file_drop(*f);
}
#define __fd_held __attribute__((cleanup(fd_held_end)))

/*
 * fd_get_any() for the time of one system call: without a hold, if no other thread has this
 * table, so that nobody can close the file meanwhile.  fd_return() ends it.
 */
struct file *fd_borrow(int fd, bool *held);
static inline void fd_return(struct file *f, bool held)
{
	if (unlikely(held))
		file_drop(f);
}

/*
 * The lowest free number, of `lowest` and above, for f, and with it the caller's hold; or
 * -EMFILE (RLIMIT_NOFILE) or -ENOMEM, and the hold stays the caller's.  flags: O_CLOEXEC
 * counts.
 */
int fd_install(struct file *f, u32 flags, u32 lowest);

/* The same, but the hold is the caller's no more in any case; NULL, as a f, is -ENOMEM. */
int fd_give(struct file *f, u32 flags, u32 lowest);

/*
 * As fd_install(), but this very number, whose file, if any, is closed: the number, or -EBADF: it
 * is above the limit.
 */
int fd_replace(int fd, struct file *f, u32 flags);

/* 0 or -EBADF. */
int fd_close(int fd);

/* From `first` to `last`; with on_exec, they are to be closed at exec. */
void fd_close_range(u32 first, u32 last, bool on_exec);

/* FD_CLOEXEC or 0, or -EBADF; and to set it: 0 or -EBADF. */
int fd_get_flags(int fd);
int fd_set_flags(int fd, u32 flags);

/* RLIMIT_NOFILE; and all open numbers are below this, until another thread opens more. */
u32 fd_limit(void);
u32 fd_room(void);

#endif
