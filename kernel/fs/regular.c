/*
 * Regular files: read, written, made shorter and longer.  The contents are an object of
 * mm/space/shared.h; a frame of it is held while bytes go to or come from a program, so it may
 * be cut off meanwhile.  Who writes holds the inode's lock, for the end of the file moves; who
 * reads needs none.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/regular.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/holders.h"
#include "mm/frames/frame.h"
#include "mm/space/mm_range.h"
#include "mm/space/shared.h"

static long regular_read(struct file *f, struct io *io, u64 *pos)
{
	u64 n, done = 0;
	phys_addr_t pa;

	while (io->left) {
		const u8 *bytes = shared_peek(f->inode->content, *pos, &pa, &n);
		u64 part = MIN(n, io->left), put = part ? io_put(io, bytes, part) : 0;

		if (pa != NO_FRAME)
			frame_release(pa);
		*pos += put;
		done += put;
		if (put < part && !done)
			return -EFAULT;
		if (part == 0 || put < part || seam_long_work_point())
			break;
	}
	f->inode->accessed = clock_realtime_ns();
	return (long)done;
}

/* How many of n bytes at pos RLIMIT_FSIZE allows; -EFBIG, and SIGXFSZ, if none. */
static long allowed(u64 pos, u64 n)
{
	u64 limit = current_process()->limits[LIMIT_FSIZE].soft;
	const struct siginfo info = { .signo = SIGXFSZ, .code = SI_KERNEL };

	if (pos >= SHARED_SIZE_MAX)
		return -EFBIG;
	n = MIN(n, SHARED_SIZE_MAX - pos);
	if (pos < limit)
		return (long)MIN(n, limit - pos);
	SPIN_GUARD(&process_lock);
	signal_send_thread(current_thread(), &info);
	return -EFBIG;
}

/* Of one page at most: the bytes written, or an errno. */
static long write_page(struct inode *inode, struct io *io, u64 pos, u64 n)
{
	u64 in_page = pos % PAGE_SIZE, got;
	phys_addr_t pa;
	int err = shared_hold_frame(inode->content, pos, &pa);

	if (err)
		return err == -ENOFRAME ? -ENOMEM : err;
	n = MIN(n, PAGE_SIZE - in_page);
	got = io_get(io, (u8 *)phys_to_virt(pa) + in_page, n);
	if (got)
		shared_grow(inode->content, pos + got);
	frame_release(pa);
	return got ? (long)got : -EFAULT;
}

/* The inode is locked. */
static long write_locked(struct inode *inode, struct io *io, u64 *pos, u64 n)
{
	u64 done = 0;

	while (done < n) {
		u64 part = MIN(n - done, PAGE_SIZE - *pos % PAGE_SIZE);
		long got = write_page(inode, io, *pos, part);

		if (got < 0)
			return done ? (long)done : got;
		*pos += (u64)got;
		done += (u64)got;
		if ((u64)got < part || seam_long_work_point())
			break;
	}
	return (long)done;
}

static long regular_write(struct file *f, struct io *io, u64 *pos)
{
	struct inode *inode = f->inode;
	long n;

	if (io->left == 0)
		return 0;
	n = sleep_lock_killable(&inode->lock);
	if (n)
		return n;
	if (f->flags & O_APPEND)
		*pos = shared_size(inode->content);
	n = allowed(*pos, io->left);
	if (n > 0)
		n = write_locked(inode, io, pos, (u64)n);
	if (n > 0)
		inode->modified = inode->changed = clock_realtime_ns();
	sleep_unlock(&inode->lock);
	return n;
}

static long regular_seek(struct file *f, s64 offset, u32 whence)
{
	return file_seek(f, offset, whence, shared_size(f->inode->content));
}

struct cut {
	const struct shared *content;
	u64 size;
};

static void cut_mapping(struct mm *mm, void *arg)
{
	const struct cut *cut = arg;

	mm_cut_file(mm, cut->content, cut->size);
}

/* The inode is locked. */
static void resize(struct inode *inode, u64 size)
{
	struct cut cut = { inode->content, size };
	bool is_cut = size < shared_size(inode->content);

	shared_resize(inode->content, size);
	if (is_cut && shared_is_mapped(inode->content))
		process_each_mm(cut_mapping, &cut);
	inode->modified = inode->changed = clock_realtime_ns();
}

static long set_size(struct inode *inode, u64 size, bool may_cut)
{
	long err = sleep_lock_killable(&inode->lock);
	bool longer;

	if (err)
		return err;
	longer = size > shared_size(inode->content);
	if (longer)
		err = allowed(size - 1, 1);
	if (err >= 0 && (longer || may_cut))
		resize(inode, size);
	sleep_unlock(&inode->lock);
	return MIN(err, 0);
}

long regular_resize(struct inode *inode, u64 size)
{
	return set_size(inode, size, true);
}

long regular_lengthen(struct inode *inode, u64 size)
{
	return set_size(inode, size, false);
}

static struct shared *regular_map(struct file *f)
{
	return f->inode->content;
}

const struct file_ops regular_ops = {
	.read = regular_read,
	.write = regular_write,
	.seek = regular_seek,
	.map = regular_map,
};
