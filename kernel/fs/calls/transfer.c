/*
 * System calls that move bytes between a file and a program's memory.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
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

/* All of them before the first byte: their lengths together, or an error. */
static long measure(virt_addr_t iov, u64 count)
{
	unsigned width = abi_width();
	u64 words[2], total = 0;

	if (count > UIO_MAXIOV)
		return -EINVAL;
	for (u64 i = 0; i < count; i++) {
		if (abi_read_words(words, iov + i * 2 * width, 2, width))
			return -EFAULT;
		if (words[1] >> (8 * width - 1))
			return -EINVAL;
		if (!user_range_ok(words[0], words[1]))
			return -EFAULT;
		total += MIN(words[1], MAX_RW_COUNT - total);
	}
	return (long)total;
}

static long transfer_pieces(const struct pt_regs *regs, u64 *pos, transfer_fn *fn)
{
	struct io io = { .more = regs->si };
	struct file *f = fd_get((int)regs->di);
	long n;

	if (!f)
		return -EBADF;
	n = pos && !f->ops->seek ? -ESPIPE : measure(regs->si, regs->dx);
	if (n >= 0) {
		io.left = (u64)n;
		n = OOM_RETRY(OOM_CAN_FAIL, fn(f, &io, pos));
	}
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
		sleep_lock(&f->position_lock);
		at = f->ops->seek(f, offset, whence);
		sleep_unlock(&f->position_lock);
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
