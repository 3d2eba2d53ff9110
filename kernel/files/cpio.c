/*
 * Reader of cpio archives.
 *
 * A file is a header of 110 ASCII characters, its name, and its contents, the
 * last two each padded so that what follows begins at a multiple of 4 from the
 * start of the archive.  A file named TRAILER!!! ends it; another archive may
 * follow.  Every length comes from the archive and is held against what is left
 * of it before it is used.
 *
 * Read next: initramfs.c, which makes the files.
 */
#include "kernel/files/cpio.h"

#include "kernel/base/seams.h"
#include "kernel/base/string.h"

#define MAGIC "070701"
#define MAGIC_CRC "070702"
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

static int parse_hex(const char *digits, const char *what, size_t at, u32 *value,
		     struct complaint *why)
{
	int i, digit;

	*value = 0;
	for (i = 0; i < 8; i++) {
		digit = hex_digit(digits[i]);
		if (digit < 0)
			return complain(why,
					"cpio: found '%.8s' as %s in the "
					"header at offset %zu, expected eight "
					"hexadecimal digits",
					digits, what, at);
		*value = *value << 4 | (u32)digit;
	}
	return 0;
}

/*
 * The name that follows the header at it->at, in *name; NULL where it is left out, as
 * Linux does it for the empty and those that are no path.
 */
static int take_name(const struct cpio_iter *it, u32 namesize, const char **name,
		     struct complaint *why)
{
	size_t at = it->at + sizeof(struct header);

	if (namesize > it->size - at)
		return complain(why,
				"cpio: found a name of %u bytes at offset "
				"%zu, expected at most the %zu that are left",
				namesize, at, it->size - at);
	*name = NULL;
	if (namesize == 0 || namesize > CPIO_NAME_MAX)
		return 0;
	*name = (const char *)it->archive + at;
	if ((*name)[namesize - 1] != '\0')
		return complain(why,
				"cpio: found a name of %u bytes at offset "
				"%zu without an end, expected a NUL as its last "
				"byte",
				namesize, at);
	return 0;
}

/* Archives are padded to a block or a page, in front and behind. */
static void skip_zeros(struct cpio_iter *it)
{
	for (; it->at < it->size && it->archive[it->at] == 0; it->at++)
		if (it->at % PAGE_SIZE == 0)
			seam_long_work_point();
}

/* The kind of compression whose data begins like that, or NULL. */
static const char *compression(const u8 *data, size_t size)
{
	static const struct {
		u8 magic[2];
		const char name[6];
	} kinds[] = {
		{ { 0x1f, 0x8b }, "gzip" },  { { 0x1f, 0x9e }, "gzip" }, { { 0xfd, 0x37 }, "xz" },
		{ { 0x28, 0xb5 }, "zstd" },  { { 0x02, 0x21 }, "lz4" },  { { 0x04, 0x22 }, "lz4" },
		{ { 0x42, 0x5a }, "bzip2" }, { { 0x5d, 0x00 }, "lzma" }, { { 0x89, 0x4c }, "lzo" },
	};

	for (unsigned i = 0; size >= 2 && i < ARRAY_SIZE(kinds); i++)
		if (memcmp(data, kinds[i].magic, 2) == 0)
			return kinds[i].name;
	return NULL;
}

/* No header begins at it->at. */
static int refuse_magic(const struct cpio_iter *it, struct complaint *why)
{
	const u8 *data = it->archive + it->at;
	const char *kind = compression(data, it->size - it->at);
	char magic[sizeof(MAGIC)] = "";

	memcpy(magic, data, MIN(it->size - it->at, sizeof(magic) - 1));
	if (kind)
		return complain(why,
				"cpio: found data compressed by %s at offset "
				"%zu, expected an archive that is not compressed",
				kind, it->at);
	return complain(why,
			"cpio: found the magic number '%s' at offset %zu, "
			"expected '" MAGIC "' or '" MAGIC_CRC "'",
			magic, it->at);
}

static int check_header(const struct cpio_iter *it, const struct header *h, struct complaint *why)
{
	size_t left = it->size - it->at;

	if (left < sizeof(h->magic) || (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 &&
					memcmp(h->magic, MAGIC_CRC, sizeof(h->magic)) != 0))
		return refuse_magic(it, why);
	if (left < sizeof(*h))
		return complain(why,
				"cpio: found the end of the archive at "
				"offset %zu, expected a file or the trailer",
				it->size);
	if (it->at % 4 != 0)
		return complain(why,
				"cpio: found a header at offset %zu, "
				"expected it at a multiple of 4",
				it->at);
	return 0;
}

struct numbers {
	u32 mode, uid, gid, mtime, size, namesize, nlink, ino, sum;
	u32 dev_major, dev_minor, rdev_major, rdev_minor;
};

static int parse_header(const struct header *h, size_t at, struct numbers *n, struct complaint *why)
{
	const struct {
		const char *digits, *what;
		u32 *value;
	} fields[] = {
		{ h->mode, "mode", &n->mode },
		{ h->uid, "owner", &n->uid },
		{ h->gid, "group", &n->gid },
		{ h->mtime, "time", &n->mtime },
		{ h->filesize, "file size", &n->size },
		{ h->namesize, "name size", &n->namesize },
		{ h->nlink, "number of links", &n->nlink },
		{ h->ino, "inode number", &n->ino },
		{ h->dev_major, "major device", &n->dev_major },
		{ h->dev_minor, "minor device", &n->dev_minor },
		{ h->rdev_major, "major number", &n->rdev_major },
		{ h->rdev_minor, "minor number", &n->rdev_minor },
		{ h->check, "sum", &n->sum },
	};
	int err = 0;

	for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(fields); i++)
		err = parse_hex(fields[i].digits, fields[i].what, at, fields[i].value, why);
	return err;
}

/* What the header at it->at tells; it->at is behind the file then. */
static int take_file(struct cpio_iter *it, struct cpio_file *file, struct complaint *why)
{
	const struct header *h = (const void *)(it->archive + it->at);
	struct numbers n;
	const char *name = NULL;
	size_t data;
	int err;

	err = check_header(it, h, why);
	if (err == 0)
		err = parse_header(h, it->at, &n, why);
	if (err == 0)
		err = take_name(it, n.namesize, &name, why);
	if (err != 0)
		return err;
	data = ALIGN_UP(it->at + sizeof(*h) + n.namesize, 4);
	if (name && strcmp(name, TRAILER) == 0)
		data = MIN(data, it->size); /* its padding may be cut off */
	if (data > it->size || n.size > it->size - data)
		return complain(why,
				"cpio: found %u bytes of contents for "
				"'%.64s' at offset %zu, expected at most the "
				"%zu that are left",
				n.size, name ? name : "", data,
				data > it->size ? 0 : it->size - data);
	*file = (struct cpio_file){
		.name = name,
		.data = it->archive + data,
		.size = n.size,
		.at = it->at,
		.mode = n.mode,
		.uid = n.uid,
		.gid = n.gid,
		.mtime = n.mtime,
		.nlink = n.nlink,
		.rdev_major = n.rdev_major,
		.rdev_minor = n.rdev_minor,
		.id = { it->archives, n.ino, n.dev_major, n.dev_minor },
		.has_sum = h->magic[5] == MAGIC_CRC[5],
		.sum = n.sum,
	};
	it->at = MIN(ALIGN_UP(data + n.size, 4), it->size);
	return 0;
}

int cpio_next(struct cpio_iter *it, struct cpio_file *file, struct complaint *why)
{
	int err;

	for (;;) {
		skip_zeros(it);
		if (it->at == it->size && !it->inside)
			return 0;
		if (it->at == it->size)
			return complain(why,
					"cpio: found the end of the archive "
					"at offset %zu, expected a file or the "
					"trailer",
					it->size);
		err = take_file(it, file, why);
		if (err != 0)
			return err;
		it->inside = !file->name || strcmp(file->name, TRAILER) != 0;
		if (it->inside)
			return 1;
		it->archives++;
	}
}

int cpio_check_sum(const struct cpio_file *file, struct complaint *why)
{
	u32 sum = 0;

	if (!file->has_sum)
		return 0;
	for (size_t i = 0; i < file->size; i++) {
		sum += file->data[i];
		if (i % PAGE_SIZE == 0)
			seam_long_work_point();
	}
	if (sum != file->sum)
		return complain(why,
				"cpio: found the sum %#x of the contents of "
				"'%.64s', expected %#x",
				sum, file->name, file->sum);
	return 0;
}
