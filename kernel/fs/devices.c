/*
 * Character devices: those that hold nothing, and random bytes.  The console is console.c's.
 */
#include "arch/machine/random.h"
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/console.h"
#include "kernel/fs/devices.h"
#include "kernel/linux/uapi.h"

#define CHUNK 256

/* Whence and offset do not matter. */
static long seek(struct file *f __unused, s64 offset __unused, u32 whence __unused)
{
	return 0;
}

static long read_end(struct file *f __unused, struct io *io __unused, u64 *pos __unused)
{
	return 0;
}

/* Bytes that fill() makes, until all have them or the task is about to die. */
static long read_made(struct io *io, void (*fill)(void *to, size_t n))
{
	u64 all = io->left;
	u8 chunk[CHUNK];

	while (io->left) {
		size_t part = MIN(io->left, CHUNK);

		fill(chunk, part);
		if (io_put(io, chunk, part) < part)
			return all == io->left ? -EFAULT : (long)(all - io->left);
		if (seam_long_work_point())
			break;
	}
	return (long)(all - io->left);
}

static void fill_zeroes(void *to, size_t n)
{
	memset(to, 0, n);
}

static long read_zeroes(struct file *f __unused, struct io *io, u64 *pos __unused)
{
	return read_made(io, fill_zeroes);
}

static long read_random(struct file *f __unused, struct io *io, u64 *pos __unused)
{
	return read_made(io, random_bytes);
}

static long write_away(struct file *f __unused, struct io *io, u64 *pos __unused)
{
	long n = (long)io->left;

	io->left = 0;
	return n;
}

static long write_full(struct file *f __unused, struct io *io __unused, u64 *pos __unused)
{
	return -ENOSPC;
}

static struct shared *map_zeroes(struct file *f __unused)
{
	return NULL;
}

static const struct file_ops null_ops = { .read = read_end, .write = write_away, .seek = seek };
static const struct file_ops zero_ops = {
	.read = read_zeroes, .write = write_away, .seek = seek, .map = map_zeroes
};
static const struct file_ops full_ops = { .read = read_zeroes, .write = write_full, .seek = seek };
static const struct file_ops random_ops = { .read = read_random,
					    .write = write_away,
					    .seek = seek };

/* Linux's numbers. */
const struct file_ops *device_ops(u32 major, u32 minor)
{
	if (major == 5 && minor <= 1) /* /dev/tty is one's own terminal */
		return minor || console_is_ours() ? &console_ops : NULL;
	if (major != 1)
		return NULL;
	switch (minor) {
	case 3: return &null_ops;
	case 5: return &zero_ops;
	case 7: return &full_ops;
	case 8:
	case 9: return &random_ops;
	default: return NULL;
	}
}
