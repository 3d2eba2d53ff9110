/*
 * Open files.  Owns their memory, and moves bytes between them and programs.
 * Read next: kernel/fs/descriptors.c, kernel/fs/calls/transfer.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/file.h"
#include "kernel/fs/locks.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/slab.h"
#include "mm/space/uaccess.h"

static struct slab files = SLAB("file", struct file);

struct file *file_make(const struct file_ops *ops, u32 flags, void *private)
{
	struct file *f = slab_alloc(&files);

	if (!f)
		return NULL;
	f->ops = ops;
	f->holds = 1;
	f->flags = flags;
	f->private = private;
	sleep_lock_init(&f->position_lock, LOCK_FILE_POSITION);
	return f;
}

void file_release(struct file *f)
{
	if (unlikely(f->forget))
		f->forget(f);
	if (f->inode) {
		locks_drop(&f->inode->file_locks, f);
		locks_drop(&f->inode->range_locks, f);
	}
	if (f->ops->release)
		f->ops->release(f);
	dentry_drop(f->name);
	inode_drop(f->inode);
	slab_free(&files, f);
}

/* ---- Bytes ------------------------------------------------------------------------- */

/* False: there is none. */
static bool next_piece(struct io *io)
{
	if (!io->pieces)
		return false;
	io->pieces--;
	io->user = io->more->at;
	io->here = MIN(io->more->length, io->left);
	io->more++;
	return true;
}

static void move_on(struct io *io, size_t n)
{
	io->left -= n;
	io->here -= n;
	if (io->kernel)
		io->kernel += n;
	else
		io->user += n;
}

/* The kernel's bytes at `at` go there, or come from there. */
static size_t move(struct io *io, u8 *at, size_t n, bool put)
{
	size_t done = 0;

	n = MIN(n, io->left);
	while (done < n && (io->here || next_piece(io))) {
		size_t part = MIN(n - done, io->here), missing = 0;

		if (io->kernel)
			memcpy(put ? io->kernel : at + done, put ? at + done : io->kernel, part);
		else
			missing = put ? copy_to_user(io->user, at + done, part) :
					copy_from_user(at + done, io->user, part);
		move_on(io, part - missing);
		done += part - missing;
		if (missing)
			break;
	}
	return done;
}

size_t io_put_slowly(struct io *io, const void *from, size_t n)
{
	return move(io, (u8 *)from, n, true);
}

size_t io_get_slowly(struct io *io, void *to, size_t n)
{
	return move(io, to, n, false);
}

/* ---- Reading, writing, seeking ------------------------------------------------------- */

long file_transfer_locked(struct file *f, struct io *io, transfer_fn *fn)
{
	long n = sleep_lock_killable(&f->position_lock);

	if (n)
		return n;
	n = fn(f, io, &f->position);
	sleep_unlock(&f->position_lock);
	return n;
}

long file_seek(struct file *f, s64 offset, u32 whence, u64 size)
{
	s64 base = whence == SEEK_CUR ? (s64)f->position : whence == SEEK_END ? (s64)size : 0;
	s64 at;

	if (whence > SEEK_END || __builtin_add_overflow(base, offset, &at) || at < 0)
		return -EINVAL;
	f->position = (u64)at;
	return at;
}
