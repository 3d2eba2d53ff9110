/*
 * Open files: what a descriptor stands for, whatever kind it is.
 *
 * Life: counted in `holds`.  A table of descriptors has one for each number that names the
 * file (kernel/fs/descriptors.h), a system call one while it uses the file.  file_drop() of
 * the last calls ops->release() and frees the file; so a file that another thread closes
 * stays whole for those who are in it.
 */
#ifndef KERNEL_FS_FILE_H
#define KERNEL_FS_FILE_H

#include "kernel/base/errno.h"
#include "kernel/base/list.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/base/types.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

#define MAX_RW_COUNT 0x7ffff000ULL /* as Linux: a longer transfer is cut to this */

struct dentry;
struct file;
struct inode;
struct poll_wait;
struct shared;

/* A range of a program's memory. */
struct io_piece {
	virt_addr_t at;
	u64 length;
};

/*
 * Where bytes come from or go to: a program's memory, in one piece or in several, whose
 * lengths together are `left`; or the kernel's, if `kernel` is set.
 */
struct io {
	virt_addr_t user; /* of the piece */
	u8 *kernel;
	u64 left;                    /* bytes in all */
	u64 here;                    /* and in the piece */
	const struct io_piece *more; /* those behind it */
	u32 pieces;                  /* so many */
};

/*
 * Up to n bytes to where they go, and from where they come; returns how many, which is less
 * than n and what is left only at an address that cannot be used.  *io is then behind them.
 * Context: a program's task, no spinlock held; may fault in.
 */
size_t io_put_slowly(struct io *io, const void *from, size_t n);
size_t io_get_slowly(struct io *io, void *to, size_t n);

static inline bool io_is_simple(const struct io *io, size_t n)
{
	return likely(n <= io->here) && likely(!io->kernel);
}

static inline size_t io_moved(struct io *io, size_t n)
{
	io->user += n;
	io->left -= n;
	io->here -= n;
	return n;
}

static inline size_t io_put(struct io *io, const void *from, size_t n)
{
	return io_is_simple(io, n) ? io_moved(io, n - copy_to_user(io->user, from, n)) :
				     io_put_slowly(io, from, n);
}

static inline size_t io_get(struct io *io, void *to, size_t n)
{
	return io_is_simple(io, n) ? io_moved(io, n - copy_from_user(to, io->user, n)) :
				     io_get_slowly(io, to, n);
}

/*
 * What a kind of file can do; a NULL is the answer that stands beside it.  Context of all:
 * a task's, no spinlock held; several may be in one file at once.
 */
struct file_ops {
	/*
	 * Bytes done, 0 at the end, or an errno; *pos, which is theirs to change, means
	 * something for files with seek() alone.
	 */
	long (*read)(struct file *f, struct io *io, u64 *pos);  /* -EINVAL */
	long (*write)(struct file *f, struct io *io, u64 *pos); /* -EINVAL */

	/* The place that lseek() returns, for position_lock's holder.  -ESPIPE */
	long (*seek)(struct file *f, s64 offset, u32 whence);

	/*
	 * What is so now, of POLLIN and its kin; enlists the waiter, if one is given, with
	 * all whose wake-ups can change that, before it looks.  Always ready.
	 */
	u32 (*poll)(struct file *f, struct poll_wait *wait);

	long (*ioctl)(struct file *f, u32 request, u64 arg); /* -ENOTTY */

	/* What a mapping shows, without a hold; NULL: zeroes.  -ENODEV */
	struct shared *(*map)(struct file *f);

	void (*release)(struct file *f); /* with the last hold; nothing */

	u32 mode;         /* st_mode, for a file without an inode */
	const char *kind; /* and what its link in /proc says */
};

struct file {
	const struct file_ops *ops;
	u64 holds; /* as many as there are descriptors of it: more than 32 bits can count */
	u32 flags; /* O_ACCMODE does not change; fcntl() stores the rest at once */
	u64 position;
	struct sleep_lock position_lock; /* of files with seek() */
	struct inode *inode;             /* NULL: none; a hold of it, as of the name */
	struct dentry *name;
	void *private;
	struct link watched;            /* by epoll's items: kernel/fs/epoll.c, whose lock it has */
	void (*forget)(struct file *f); /* before release(), if it is set: ends them */
};

/* One hold, the caller's.  NULL: no memory, and release() will not be called. */
struct file *file_make(const struct file_ops *ops, u32 flags, void *private);

static inline struct file *file_hold(struct file *f)
{
	__atomic_fetch_add(&f->holds, 1, __ATOMIC_RELAXED);
	return f;
}

/* Context: a task's, no lock held; the last may sleep. */
void file_release(struct file *f);
static inline void file_drop(struct file *f)
{
	if (__atomic_sub_fetch(&f->holds, 1, __ATOMIC_ACQ_REL) == 0)
		file_release(f);
}

/*
 * Reads and writes at *pos, which moves; NULL: at the file's own position.  Bytes done, 0 at
 * the end, -EBADF (not open for it), -EINVAL, or what ops say.
 */
typedef long transfer_fn(struct file *f, struct io *io, u64 *pos);

long file_transfer_locked(struct file *f, struct io *io, transfer_fn *fn);

static inline long file_transfer(struct file *f, struct io *io, u64 *pos, transfer_fn *fn)
{
	if (unlikely(!fn))
		return -EINVAL;
	return likely(pos || !f->ops->seek) ? fn(f, io, pos) : file_transfer_locked(f, io, fn);
}

static inline long file_read(struct file *f, struct io *io, u64 *pos)
{
	if (unlikely((f->flags & O_ACCMODE) == O_WRONLY))
		return -EBADF;
	return file_transfer(f, io, pos, f->ops->read);
}

static inline long file_write(struct file *f, struct io *io, u64 *pos)
{
	if (unlikely((f->flags & O_ACCMODE) == O_RDONLY))
		return -EBADF;
	return file_transfer(f, io, pos, f->ops->write);
}

/*
 * seek() of a file with so many bytes, by SEEK_SET, SEEK_CUR and SEEK_END: the new position,
 * or -EINVAL.
 */
long file_seek(struct file *f, s64 offset, u32 whence, u64 size);

#endif
