/*
 * System calls that move bytes between a file and a program's memory.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

/* As Linux: a longer transfer is cut to this (and is then a short one). */
#define MAX_RW_COUNT 0x7ffff000ULL

/* ---- One piece ------------------------------------------------------------------------ */

static __always_inline long transfer(const struct pt_regs *regs, u64 *pos, transfer_fn *fn)
{
	struct io io = { .user = regs->si, .left = MIN(regs->dx, MAX_RW_COUNT) };
	bool held;
	struct file *f = fd_borrow((int)regs->di, &held);
	long n = -EFAULT;

	if (!f)
		return -EBADF;
	io.here = io.left;
	if (likely(user_range_ok(regs->si, regs->dx)))
		n = pos && !f->ops->seek ? -ESPIPE : OOM_RETRY(OOM_CAN_FAIL, fn(f, &io, pos));
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
	struct file *f = fd_get((int)regs->di);
	long n;

	if (!f)
		return -EBADF;
	n = pos && !f->ops->seek  ? -ESPIPE :
	    regs->dx > UIO_MAXIOV ? -EINVAL :
	    regs->dx <= FEW       ? transfer_few(regs, f, pos, fn) :
				    OOM_RETRY(OOM_CAN_FAIL, transfer_many(regs, f, pos, fn));
	file_drop(f);
	return n;
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

/* ---- From file to file ------------------------------------------------------------------ */

/* One frame's: bytes written, which *pos is behind then; or an errno. */
static long send_some(struct file *out, struct file *in, u64 *pos, u8 *frame, u64 n)
{
	struct io from = { .kernel = frame, .left = n, .here = n }, to;
	u64 at = *pos;
	long got = OOM_RETRY(OOM_CAN_FAIL, file_read(in, &from, &at)), put;

	if (got <= 0)
		return got;
	to = (struct io){ .kernel = frame, .left = (u64)got, .here = (u64)got };
	put = OOM_RETRY(OOM_CAN_FAIL, file_write(out, &to, NULL));
	if (put > 0)
		*pos += (u64)put;
	return put;
}

static long send_all(struct file *out, struct file *in, u64 *pos, u64 count)
{
	phys_addr_t pa = frame_alloc();
	u64 done = 0, part;
	long n = 0;

	if (pa == NO_FRAME)
		return -ENOMEM;
	do {
		part = MIN(count - done, PAGE_SIZE);
		n = send_some(out, in, pos, phys_to_virt(pa), part);
		done += n > 0 ? (u64)n : 0;
	} while (n == (long)part && done < count && !signal_interrupted());
	frame_free(pa);
	return done ? (long)done : n;
}

static long send_between(int out_fd, int in_fd, u64 *pos, u64 count)
{
	struct file *out = fd_get(out_fd), *in = out ? fd_get(in_fd) : NULL;
	u64 at = pos ? *pos : in ? in->position : 0;
	long n = -EBADF;

	if (in) {
		n = pos && !in->ops->seek                ? -ESPIPE :
		    !in->ops->map                        ? -EINVAL :
		    (out->flags & O_APPEND)              ? -EINVAL :
		    (s64)at < 0                          ? -EINVAL :
		    (out->flags & O_ACCMODE) == O_RDONLY ? -EBADF :
							   send_all(out, in, &at, count);
		if (n > 0)
			*(pos ? pos : &in->position) = at;
		file_drop(in);
	}
	if (out)
		file_drop(out);
	return n;
}

/* The place to read from is in memory, of `width` bytes; or the file's own. */
static long sendfile(const struct pt_regs *regs, unsigned width)
{
	u64 at = 0, count = MIN(regs->r10, MAX_RW_COUNT);
	long n;

	if (!regs->dx)
		return send_between((int)regs->di, (int)regs->si, NULL, count);
	if (abi_read_words(&at, regs->dx, 1, width))
		return -EFAULT;
	n = send_between((int)regs->di, (int)regs->si, &at, count);
	return abi_write_words(regs->dx, &at, 1, width) ? -EFAULT : n;
}

long sys_sendfile(struct pt_regs *regs)
{
	return sendfile(regs, abi_width());
}

/* i386's with an offset of 64 bits. */
long ia32_sys_sendfile64(struct pt_regs *regs)
{
	return sendfile(regs, sizeof(u64));
}

/* ---- The position ---------------------------------------------------------------------- */

static long seek(int fd, s64 offset, u32 whence)
{
	struct file *f = fd_get(fd);
	long at = -ESPIPE;

	if (!f)
		return -EBADF;
	if (whence > SEEK_MAX) {
		at = -EINVAL;
	} else if (f->ops->seek) {
		at = sleep_lock_killable(&f->position_lock);
		if (!at) {
			at = f->ops->seek(f, offset, whence);
			sleep_unlock(&f->position_lock);
		}
	}
	file_drop(f);
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
