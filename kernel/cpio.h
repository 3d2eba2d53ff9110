/*
 * Reader of cpio archives in the "new ASCII" format (newc, `cpio -H newc`),
 * uncompressed: the initramfs.
 *
 * Pure: allocates nothing; names and contents are pointers into the archive,
 * which must stay where it is for as long as they are used.  Called by the
 * boot code to find init, and by kernel/process.c for every program.
 *
 * Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#ifndef KERNEL_CPIO_H
#define KERNEL_CPIO_H

#include "kernel/base/complaint.h"
#include "kernel/base/types.h"

/* cpio_file.mode: Linux's st_mode, so the type is in these bits. */
#define CPIO_TYPE_MASK 0170000
#define CPIO_TYPE_REGULAR 0100000
#define CPIO_TYPE_DIRECTORY 0040000
#define CPIO_TYPE_SYMLINK 0120000
#define CPIO_ANY_EXECUTE 0111
#define CPIO_READ 4 /* and write, execute: shifted by 6 for the owner, 3 for its group */
#define CPIO_EXECUTE 1

struct cpio_file {
	const char *name; /* terminated, without leading "/" and "./" */
	const void *data; /* of a symbolic link, its target, unterminated */
	size_t size;      /* bytes at data */
	u32 mode;
};

/* A place in an archive; set up by cpio_start(), private to cpio.c. */
struct cpio_iter {
	const u8 *archive;
	size_t size;
	size_t at; /* of the next header or the trailer; at most size */
};

/* Begins at the first file of an archive of `size` readable bytes. */
void cpio_start(struct cpio_iter *it, const void *archive, size_t size);

/*
 * Fills *file with the next file and returns 1; returns 0 when the trailer has
 * been reached, and -EINVAL with one line in *why, "cpio: found X, expected
 * Y", when the archive is damaged at this point (it is no use to go on then).
 * An archive must end with a trailer and have only zeros behind it.
 */
int cpio_next(struct cpio_iter *it, struct cpio_file *file,
	      struct complaint *why);

/*
 * Looks up a path; leading "/" and "./" mean nothing, on either side, and the
 * first file of that name is the one.  Returns 0, -ENOENT if there is none, or
 * -EINVAL if damage was met before it was found, the last two with a line in
 * *why.  Takes time proportional to the number of files.
 */
int cpio_find(const void *archive, size_t size, const char *path,
	      struct cpio_file *file, struct complaint *why);

#endif
