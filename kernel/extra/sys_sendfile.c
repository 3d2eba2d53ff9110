/*
 * sendfile(): from file to file, a page at a time by a frame of the kernel's.
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
