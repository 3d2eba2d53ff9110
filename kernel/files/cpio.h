/*
 * Reader of cpio archives in the "new ASCII" format (newc and crc, `cpio -H newc`),
 * uncompressed, one behind another: the initramfs.
 *
 * Pure: allocates nothing; names and contents are pointers into the archive,
 * which must stay where it is for as long as they are used.
 *
 * Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#ifndef KERNEL_FILES_CPIO_H
#define KERNEL_FILES_CPIO_H

#include "kernel/base/complaint.h"
#include "kernel/base/types.h"

#define CPIO_NAME_MAX 4096 /* of a name with its NUL; of a link's target */

/* What makes two files of an archive names of one, if nlink says that there are more. */
struct cpio_id {
	u32 archive; /* which one of those that stand one behind another */
	u32 ino, dev_major, dev_minor;
};

struct cpio_file {
	const char *name; /* terminated, as it stands there; NULL: it has 0 bytes, or
			     more than CPIO_NAME_MAX */
	const u8 *data;   /* of a symbolic link, its target, unterminated */
	size_t size;      /* bytes at data */
	size_t at;        /* offset of the header */
	u32 mode, uid, gid, nlink, rdev_major, rdev_minor;
	u32 mtime; /* seconds since 1970 */
	struct cpio_id id;
	bool has_sum; /* of the crc format: */
	u32 sum;      /* of the bytes of a regular file */
};

/* A place in the archives; set up by cpio_start(), private to cpio.c. */
struct cpio_iter {
	const u8 *archive;
	size_t size;
	size_t at;    /* of what is next; at most size */
	u32 archives; /* that are behind */
	bool inside;  /* no trailer has come since the last file */
};

/* Begins at the first file in `size` readable bytes. */
void cpio_start(struct cpio_iter *it, const void *archive, size_t size);

/*
 * Fills *file with the next file and returns 1; returns 0 at the end, which comes
 * behind a trailer, and -EINVAL with one line in *why, "cpio: found X, expected
 * Y", when what stands here is no archive (it is no use to go on then).  Zeros
 * may stand in front of archives, between and behind them.
 */
int cpio_next(struct cpio_iter *it, struct cpio_file *file, struct complaint *why);

/* Are the bytes of a regular file what the sum says?  -EINVAL with a line in *why. */
int cpio_check_sum(const struct cpio_file *file, struct complaint *why);

#endif
