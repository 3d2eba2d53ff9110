/*
 * System calls that move bytes between a file and a program's memory.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

/* ---- One piece ------------------------------------------------------------------------ */

/* What comes before a bad address: -ESPIPE, -EBADF; 0: nothing. */
static long refuses(const struct file *f, const u64 *pos, transfer_fn *fn)
{
	u32 not_for = fn == file_read ? O_WRONLY : O_RDONLY;

	if (pos && !f->ops->seek && !(f->flags & O_PATH))
		return -ESPIPE;
	return (f->flags & O_PATH) || (f->flags & O_ACCMODE) == not_for ? -EBADF : 0;
}

static __always_inline long transfer(const struct pt_regs *regs, u64 *pos, transfer_fn *fn)
{
	struct io io = { .user = regs->si, .left = MIN(regs->dx, MAX_RW_COUNT) };
	bool held;
	struct file *f = fd_borrow((int)regs->di, &held);
	long n;

	if (!f)
		return -EBADF;
	io.here = io.left;
	if (unlikely((pos && !f->ops->seek) || !user_range_ok(regs->si, regs->dx)))
		n = refuses(f, pos, fn) ?: -EFAULT;
	else
		n = OOM_RETRY(OOM_CAN_FAIL, fn(f, &io, pos));
	fd_return(f, held);
	return n;
}

long sys_read(struct pt_regs *regs)
{
	return transfer(regs, NULL, file_read);
}

long sys_write(struct pt_regs *regs)
{
	return transfer(regs, NULL, file_write);
}

/* i386 has the position in two registers. */
static u64 position(const struct pt_regs *regs)
{
	return abi_is_ia32() ? regs->r10 | regs->r8 << 32 : regs->r10;
}

static long transfer_at(const struct pt_regs *regs, transfer_fn *fn)
{
	u64 pos = position(regs);

	return (s64)pos < 0 ? -EINVAL : transfer(regs, &pos, fn);
}

long sys_pread64(struct pt_regs *regs)
{
	return transfer_at(regs, file_read);
}

long sys_pwrite64(struct pt_regs *regs)
{
	return transfer_at(regs, file_write);
}

/* ---- Several pieces ------------------------------------------------------------------- */

#define FEW 8 /* for which the stack has room */

/* An array of struct iovec, once and whole: the lengths together, or an error. */
static long get_pieces(struct io_piece *to, virt_addr_t iov, u64 count)
{
	unsigned width = abi_width();
	u64 words[2], total = 0;

	for (u64 i = 0; i < count; i++) {
		if (abi_read_words(words, iov + i * 2 * width, 2, width))
			return -EFAULT;
		if (words[1] >> (8 * width - 1))
			return -EINVAL;
		if (!user_range_ok(words[0], words[1]))
			return -EFAULT;
		to[i] = (struct io_piece){ words[0], MIN(words[1], MAX_RW_COUNT - total) };
		total += to[i].length;
	}
	return (long)total;
}

static long transfer_in(struct io_piece *pieces, const struct pt_regs *regs, struct file *f,
			u64 *pos, transfer_fn *fn)
{
	struct io io = { .more = pieces, .pieces = (u32)regs->dx };
	long n = get_pieces(pieces, regs->si, regs->dx);

	if (n < 0)
		return n;
	io.left = (u64)n;
	return OOM_RETRY(OOM_CAN_FAIL, fn(f, &io, pos));
}

static long transfer_few(const struct pt_regs *regs, struct file *f, u64 *pos, transfer_fn *fn)
{
	struct io_piece pieces[FEW];

	return transfer_in(pieces, regs, f, pos, fn);
}

static long transfer_many(const struct pt_regs *regs, struct file *f, u64 *pos, transfer_fn *fn)
{
	size_t bytes = ALIGN_UP(regs->dx * sizeof(struct io_piece), PAGE_SIZE);
	unsigned frames = (unsigned)(bytes / PAGE_SIZE);
	phys_addr_t pa = frame_alloc_contiguous(frames, NO_FRAME);
	long n;

	if (pa == NO_FRAME)
		return -ENOFRAME;
	n = transfer_in(phys_to_virt(pa), regs, f, pos, fn);
	frame_free_contiguous(pa, frames);
	return n;
}

static long transfer_pieces(const struct pt_regs *regs, u64 *pos, transfer_fn *fn)
{
	struct file *f __fd_held = fd_get((int)regs->di);
	long err = f ? refuses(f, pos, fn) : -EBADF;

	if (err)
		return err;
	if (regs->dx > UIO_MAXIOV)
		return -EINVAL;
	return regs->dx <= FEW ? transfer_few(regs, f, pos, fn) :
				 OOM_RETRY(OOM_CAN_FAIL, transfer_many(regs, f, pos, fn));
}

long sys_readv(struct pt_regs *regs)
{
	return transfer_pieces(regs, NULL, file_read);
}

long sys_writev(struct pt_regs *regs)
{
	return transfer_pieces(regs, NULL, file_write);
}

/* preadv2's last argument; -1 there is the file's own position. */
static long transfer_pieces_at(const struct pt_regs *regs, transfer_fn *fn, bool own, u32 flags)
{
	u64 pos = position(regs);

	if (flags)
		return -EOPNOTSUPP;
	if (own && pos == ~0ULL)
		return transfer_pieces(regs, NULL, fn);
	return (s64)pos < 0 ? -EINVAL : transfer_pieces(regs, &pos, fn);
}

long sys_preadv(struct pt_regs *regs)
{
	return transfer_pieces_at(regs, file_read, false, 0);
}

long sys_pwritev(struct pt_regs *regs)
{
	return transfer_pieces_at(regs, file_write, false, 0);
}

long sys_preadv2(struct pt_regs *regs)
{
	return transfer_pieces_at(regs, file_read, true, (u32)regs->r9);
}

long sys_pwritev2(struct pt_regs *regs)
{
	return transfer_pieces_at(regs, file_write, true, (u32)regs->r9);
}

/* ---- The position ---------------------------------------------------------------------- */

static long seek(int fd, s64 offset, u32 whence)
{
	struct file *f __fd_held = fd_get(fd);
	long at;

	if (!f)
		return -EBADF;
	if (whence > SEEK_MAX)
		return -EINVAL;
	if (!f->ops->seek)
		return -ESPIPE;
	at = sleep_lock_killable(&f->position_lock);
	if (at)
		return at;
	at = f->ops->seek(f, offset, whence);
	sleep_unlock(&f->position_lock);
	return at;
}

/* i386's offset has 32 bits, and so must the result. */
long sys_lseek(struct pt_regs *regs)
{
	bool ia32 = abi_is_ia32();
	long at = seek((int)regs->di, ia32 ? (s32)regs->si : (s64)regs->si, (u32)regs->dx);

	return ia32 && at > 0x7fffffff ? -EOVERFLOW : at;
}

/* lseek with an offset in two registers, and a result in memory. */
long ia32_sys__llseek(struct pt_regs *regs)
{
	u64 at = (u64)seek((int)regs->di, (s64)(regs->si << 32 | (u32)regs->dx), (u32)regs->r8);

	if ((s64)at < 0)
		return (long)at;
	return put_user_u64(regs->r10, at) ? -EFAULT : 0;
}
