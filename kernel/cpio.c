/*
 * Reader of cpio archives.
 *
 * A file is a header of 110 ASCII characters, its name, and its contents, the
 * last two each padded so that what follows begins at a multiple of 4 from the
 * start of the archive.  A file named TRAILER!!! ends it.  Every length comes
 * from the archive and is held against what is left of it before it is used.
 *
 * Called through kernel/cpio.h.  Read next: elf.c, which reads what was found.
 */
#include "kernel/cpio.h"

#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"

#define MAGIC "070701"
#define TRAILER "TRAILER!!!"

/* Numbers are hexadecimal, eight digits, without a prefix or a NUL. */
struct header {
	char magic[6];
	char ino[8], mode[8], uid[8], gid[8], nlink[8], mtime[8], filesize[8];
	char dev_major[8], dev_minor[8], rdev_major[8], rdev_minor[8];
	char namesize[8]; /* with the NUL */
	char check[8];
};
static_assert(sizeof(struct header) == 110, "cpio newc");

void cpio_start(struct cpio_iter *it, const void *archive, size_t size)
{
	*it = (struct cpio_iter){ .archive = archive, .size = size };
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* lower case */
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int parse_hex(const char *digits, const char *what, size_t at,
		     u32 *value, struct complaint *why)
{
	int i, digit;

	*value = 0;
	for (i = 0; i < 8; i++) {
		digit = hex_digit(digits[i]);
		if (digit < 0)
			return complain(why, "cpio: found '%.8s' as %s in the "
					"header at offset %zu, expected eight "
					"hexadecimal digits", digits, what, at);
		*value = *value << 4 | (u32)digit;
	}
	return 0;
}

static const char *strip(const char *path)
{
	for (;;) {
		if (path[0] == '/')
			path++;
		else if (path[0] == '.' && path[1] == '/')
			path += 2;
		else
			return path;
	}
}

/* The name that follows the header at it->at; NULL after a complaint. */
static const char *take_name(const struct cpio_iter *it, u32 namesize,
			     struct complaint *why)
{
	size_t at = it->at + sizeof(struct header);
	const char *name = (const char *)it->archive + at;

	if (namesize == 0 || namesize > it->size - at) {
		complain(why, "cpio: found a name of %u bytes at offset %zu, "
			 "expected 1 to the %zu that are left", namesize, at,
			 it->size - at);
		return NULL;
	}
	if (name[namesize - 1] != '\0') {
		complain(why, "cpio: found a name of %u bytes at offset %zu "
			 "without an end, expected a NUL as its last byte",
			 namesize, at);
		return NULL;
	}
	return name;
}

/* Archives are padded to a block or a page: zeros are all that may follow. */
static int check_padding(const struct cpio_iter *it, size_t at,
			 struct complaint *why)
{
	for (; at < it->size; at++) {
		if (at % PAGE_SIZE == 0)
			seam_long_work_point();
		if (it->archive[at] != 0)
			return complain(why, "cpio: found the byte %#x at "
					"offset %zu after the trailer, "
					"expected only zeros",
					it->archive[at], at);
	}
	return 0;
}

static int check_header(const struct cpio_iter *it, const struct header *h,
			struct complaint *why)
{
	if (it->size - it->at < sizeof(*h))
		return complain(why, "cpio: found the end of the archive at "
				"offset %zu, expected a file or the trailer",
				it->size);
	if (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0)
		return complain(why, "cpio: found the magic number '%.6s' at "
				"offset %zu, expected '" MAGIC "'", h->magic,
				it->at);
	return 0;
}

int cpio_next(struct cpio_iter *it, struct cpio_file *file,
	      struct complaint *why)
{
	const struct header *h = (const void *)(it->archive + it->at);
	u32 mode, size, namesize;
	size_t data;
	const char *name;
	int err;

	err = check_header(it, h, why);
	if (err == 0)
		err = parse_hex(h->mode, "mode", it->at, &mode, why);
	if (err == 0)
		err = parse_hex(h->filesize, "file size", it->at, &size, why);
	if (err == 0)
		err = parse_hex(h->namesize, "name size", it->at, &namesize,
				why);
	if (err != 0)
		return err;
	name = take_name(it, namesize, why);
	if (name == NULL)
		return -EINVAL;

	data = ALIGN_UP(it->at + sizeof(*h) + namesize, 4);
	if (strcmp(name, TRAILER) == 0)
		return check_padding(it, data, why);
	if (data > it->size || size > it->size - data)
		return complain(why, "cpio: found %u bytes of contents for "
				"'%.64s' at offset %zu, expected at most the "
				"%zu that are left", size, name, data,
				data > it->size ? 0 : it->size - data);
	*file = (struct cpio_file){
		.name = strip(name), .data = it->archive + data,
		.size = size, .mode = mode,
	};
	it->at = MIN(ALIGN_UP(data + size, 4), it->size);
	return 1;
}

int cpio_find(const void *archive, size_t size, const char *path,
	      struct cpio_file *file, struct complaint *why)
{
	struct cpio_iter it;
	int got;

	cpio_start(&it, archive, size);
	for (;;) {
		got = cpio_next(&it, file, why);
		if (got < 0)
			return got;
		if (got == 0)
			break;
		if (strcmp(file->name, strip(path)) == 0)
			return 0;
		if (seam_long_work_point())
			break;
	}
	complain(why, "cpio: found no file '%.128s', expected one in the "
		 "archive", strip(path));
	return -ENOENT;
}
