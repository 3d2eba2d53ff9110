/*
 * Test of kernel/files/cpio.c: archives one behind another, and every way in which one
 * can be damaged.  What is made of the files: test_initramfs.c.
 */
#include "kernel/base/errno.h"
#include "kernel/files/cpio.h"
#include "kernel/files/file_tree.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Offsets of fields in a header. */
enum { MODE = 14, FILESIZE = 54, NAMESIZE = 94, SUM = 102, NAME = 110 };

static struct host_buf b;
static struct cpio_file file;
static struct complaint why;

/* Appends a file; returns the offset of its header. */
static size_t put_file(const char *name, u32 mode, const char *data, size_t n)
{
	char header[128];
	size_t at = b.len;

	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
		 1, mode, 0, 0, 1, 0, n, 0, 0, 0, 0, strlen(name) + 1, 0);
	host_put(&b, header, NAME);
	host_put(&b, name, strlen(name) + 1);
	host_pad(&b, 4);
	host_put(&b, data, n);
	host_pad(&b, 4);
	return at;
}

static void put_trailer(void)
{
	put_file("TRAILER!!!", 0, "", 0);
}

static void good(void)
{
	b.len = 0;
	put_file(".", 0040755, "", 0);
	put_file("./init", 0100755, "#!elf", 5);
	put_file("/bin/sh", 0100755, "shell!", 6);
	put_file("link", 0120777, "bin/sh", 6);
	put_file("empty", 0100644, "", 0);
	put_file("init", 0100644, "second", 6);
	put_trailer();
}

/* The number of files, or -EINVAL; `file` is the last one, up to number `stop`. */
static int read_all(int stop)
{
	u8 *exact = host_exact_copy(b.bytes, b.len);
	struct cpio_iter it;
	int n = 0, got = 1;

	why.text[0] = '\0';
	cpio_start(&it, exact, b.len);
	while (n != stop && (got = cpio_next(&it, &file, &why)) == 1)
		n++;
	if (n > 0 && file.name) { /* keep what the test looks at */
		file.name = (const char *)b.bytes + ((const u8 *)file.name - exact);
		file.data = b.bytes + (file.data - exact);
	}
	free(exact);
	CHECK_EQ(got < 0, why.text[0] != '\0');
	return got < 0 ? got : n;
}

#define REFUSED(line) \
	do { \
		CHECK_EQ(read_all(-1), -EINVAL); \
		CHECK_STR(why.text, line); \
	} while (0)

static void test_iterate(void)
{
	static const char *const names[] = {
		".", "./init", "/bin/sh", "link", "empty", "init",
	};

	good();
	for (int i = 0; i < (int)ARRAY_SIZE(names); i++) {
		CHECK_EQ(read_all(i + 1), i + 1);
		CHECK_STR(file.name, names[i]);
	}
	CHECK_EQ(read_all(-1), 6);
	CHECK_EQ(read_all(2), 2);
	CHECK_EQ(file.size, 5);
	CHECK_EQ(memcmp(file.data, "#!elf", 5), 0);
	CHECK_EQ(file.mode, FILE_REGULAR | 0755);
	CHECK_EQ(file.nlink, 1);
	CHECK(!file.has_sum);
}

/* Each has its inode numbers; zeros may be everywhere between. */
static void test_several(void)
{
	b.len = 0;
	CHECK_EQ(read_all(-1), 0);
	host_put_zeros(&b, 4096);
	CHECK_EQ(read_all(-1), 0);
	put_file("a", 0100644, "1", 1);
	put_trailer();
	put_trailer();
	host_put_zeros(&b, 4);
	put_file("b", 0100644, "2", 1);
	host_put_zeros(&b, 512);
	put_file("c", 0100644, "2", 1);
	put_trailer();
	host_put_zeros(&b, 3);
	CHECK_EQ(read_all(1), 1);
	CHECK_EQ(file.at, 4096);
	CHECK_EQ(file.id.archive, 0);
	CHECK_EQ(read_all(2), 2);
	CHECK_EQ(file.id.archive, 2);
	CHECK_EQ(read_all(3), 3);
	CHECK_EQ(file.id.archive, 2);
	CHECK_EQ(read_all(-1), 3);
	b.len = 0;
	put_trailer();
	host_put_zeros(&b, 1);
	put_file("a", 0100644, "1", 1);
	REFUSED("cpio: found a header at offset 125, expected it at a multiple of 4");
}

static void test_compressed(void)
{
	static const struct { const char *bytes, *name; } kinds[] = {
		{ "\x1f\x8b\x08", "gzip" }, { "\x1f\x9e", "gzip" }, { "\xfd" "7zXZ", "xz" },
		{ "\x28\xb5\x2f\xfd", "zstd" }, { "\x02\x21\x4c\x18", "lz4" },
		{ "\x04\x22\x4d\x18", "lz4" }, { "BZh9", "bzip2" }, { "\x89LZO", "lzo" },
	};
	char line[200];

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		b.len = 0;
		put_file("a", 0100644, "1", 1);
		put_trailer();
		host_pad(&b, 512);
		host_put(&b, kinds[i].bytes, strlen(kinds[i].bytes));
		snprintf(line, sizeof(line), "cpio: found data compressed by %s at offset "
			 "512, expected an archive that is not compressed", kinds[i].name);
		REFUSED(line);
		CHECK_EQ(read_all(1), 1);
	}
	b.len = 0;
	host_put(&b, "\x5d\0\0", 3);
	REFUSED("cpio: found data compressed by lzma at offset 0, expected an archive "
		"that is not compressed");
	b.len = 1;
	CHECK_EQ(read_all(-1), -EINVAL);
}

static void test_sum(void)
{
	b.len = 0;
	put_file("a", 0100644, "\xff\x02", 2);
	put_trailer();
	b.bytes[5] = '2';
	memcpy(b.bytes + SUM, "00000101", 8);
	CHECK_EQ(read_all(1), 1);
	CHECK(file.has_sum);
	CHECK_EQ(cpio_check_sum(&file, &why), 0);
	file.sum = 0x100;
	CHECK_EQ(cpio_check_sum(&file, &why), -EINVAL);
	CHECK_STR(why.text, "cpio: found the sum 0x101 of the contents of 'a', expected 0x100");
	file.has_sum = false;
	CHECK_EQ(cpio_check_sum(&file, &why), 0);
	file.has_sum = true;
	file.size = 0;
	file.sum = 0;
	CHECK_EQ(cpio_check_sum(&file, &why), 0);
}

static void test_padding(void)
{
	good();
	host_pad(&b, 512);
	CHECK_EQ(read_all(-1), 6);
	b.bytes[b.len - 1] = 7;
	CHECK_EQ(read_all(6), 6);
	REFUSED("cpio: found the magic number '?' at offset 1023, expected '070701' or "
		"'070702'");
	/* also where the name of the trailer is not even padded */
	b.len = 0;
	put_trailer();
	b.len = NAME + 11;
	CHECK_EQ(read_all(-1), 0);
}

static void test_no_trailer(void)
{
	b.len = 0;
	put_file("x", 0100644, "abc", 3);
	REFUSED("cpio: found the end of the archive at offset 116, expected a "
		"file or the trailer");
	b.len -= 1; /* the padding of the contents is missing as well */
	REFUSED("cpio: found the end of the archive at offset 115, expected a "
		"file or the trailer");
	b.len = 0;
	put_file("x", 0100644, "", 0);
	REFUSED("cpio: found the end of the archive at offset 112, expected a "
		"file or the trailer");
	b.len = NAME; /* a header is all there is */
	REFUSED("cpio: found a name of 2 bytes at offset 110, expected at most "
		"the 0 that are left");
	b.len = NAME - 1;
	REFUSED("cpio: found the end of the archive at offset 109, expected a "
		"file or the trailer");
	b.len = 0;
	put_file("x", 0100644, "abc", 3);
	host_put_zeros(&b, 109);
	REFUSED("cpio: found the end of the archive at offset 225, expected a "
		"file or the trailer");
}

static void test_magic(void)
{
	good();
	b.bytes[5] = '7';
	REFUSED("cpio: found the magic number '070707' at offset 0, expected "
		"'070701' or '070702'");
	b.len = 5;
	REFUSED("cpio: found the magic number '07070' at offset 0, expected "
		"'070701' or '070702'");
}

static void test_digits(void)
{
	good();
	memcpy(b.bytes + MODE, "000041Ed", 8);
	CHECK_EQ(read_all(1), 1);
	CHECK_EQ(file.mode, 040755);
	memcpy(b.bytes + MODE, "0x0041ed", 8);
	REFUSED("cpio: found '0x0041ed' as mode in the header at offset 0, "
		"expected eight hexadecimal digits");
	good();
	memcpy(b.bytes + FILESIZE, "0000000\n", 8);
	REFUSED("cpio: found '0000000?' as file size in the header at offset "
		"0, expected eight hexadecimal digits");
	good();
	memcpy(b.bytes + NAMESIZE, "g0000000", 8);
	REFUSED("cpio: found 'g0000000' as name size in the header at offset "
		"0, expected eight hexadecimal digits");
	memcpy(b.bytes + NAMESIZE, "       2", 8);
	CHECK_EQ(read_all(-1), -EINVAL);
	memcpy(b.bytes + NAMESIZE, "0000000@", 8);
	CHECK_EQ(read_all(-1), -EINVAL);
}

/* Linux leaves out what is no path, and goes on. */
static void test_names(void)
{
	static char longest[CPIO_NAME_MAX + 1];

	b.len = 0;
	put_file("x", 0100644, "abc", 3);
	memcpy(b.bytes + NAMESIZE, "00000007", 8);
	REFUSED("cpio: found a name of 7 bytes at offset 110, expected at most "
		"the 6 that are left");
	memcpy(b.bytes + NAMESIZE, "ffffffff", 8);
	CHECK_EQ(read_all(-1), -EINVAL);
	memcpy(b.bytes + NAMESIZE, "00000001", 8);
	REFUSED("cpio: found a name of 1 bytes at offset 110 without an end, "
		"expected a NUL as its last byte");
	b.len = 0;
	put_file("", 0100644, "", 0);
	memcpy(b.bytes + NAMESIZE, "00000000", 8);
	memset(longest, 'l', CPIO_NAME_MAX);
	put_file(longest, 0100644, "", 0);
	put_file(longest + 1, 0100644, "", 0);
	put_trailer();
	CHECK_EQ(read_all(1), 1);
	CHECK(!file.name);
	CHECK_EQ(read_all(2), 2);
	CHECK(!file.name);
	CHECK_EQ(read_all(3), 3);
	CHECK_EQ(strlen(file.name), CPIO_NAME_MAX - 1);
}

static void test_contents(void)
{
	b.len = 0;
	put_file("x", 0100644, "abcd", 4);
	memcpy(b.bytes + FILESIZE, "00000005", 8);
	REFUSED("cpio: found 5 bytes of contents for 'x' at offset 112, "
		"expected at most the 4 that are left");
	memcpy(b.bytes + FILESIZE, "ffffffff", 8);
	REFUSED("cpio: found 4294967295 bytes of contents for 'x' at offset "
		"112, expected at most the 4 that are left");
	b.len = 0; /* ends inside the padding of the name */
	put_file("ab", 0100644, "", 0);
	b.len = 113;
	REFUSED("cpio: found 0 bytes of contents for 'ab' at offset 116, "
		"expected at most the 0 that are left");
}

/* Reads all that an archive is said to hold. */
static void parse_bytes(const u8 *input, size_t len)
{
	struct cpio_iter it;
	unsigned sum = 0;
	size_t i;
	int got;

	why.text[0] = '\0';
	cpio_start(&it, input, len);
	while ((got = cpio_next(&it, &file, &why)) == 1) {
		sum += (file.name ? (unsigned)strlen(file.name) : 0) + file.mode;
		for (i = 0; i < file.size; i++)
			sum += file.data[i];
		if (file.name)
			cpio_check_sum(&file, &(struct complaint){ "" });
	}
	CHECK(got == 0 || got == -EINVAL);
	CHECK_EQ(got == 0, why.text[0] == '\0');
	CHECK(sum != 1); /* so that the sum is computed */
}

/* Padding of the trailer's name may be cut off: 121 bytes, 3 of padding. */
static void parse_truncated(const u8 *input, size_t len)
{
	parse_bytes(input, len);
	CHECK_EQ(why.text[0] == '\0', len == 0 || len >= b.len - 3);
}

static void test_truncated(void)
{
	good();
	host_truncate(b.bytes, b.len, parse_truncated);
}

static void test_fuzz(void)
{
	good();
	host_fuzz(b.bytes, b.len, 30000, parse_bytes);
}

const struct host_case host_cases[] = {
	{ "files come in order, as they stand there", test_iterate },
	{ "archives stand one behind another, with zeros between", test_several },
	{ "what is compressed is named", test_compressed },
	{ "the sum of the crc format is held against the bytes", test_sum },
	{ "only zeros or an archive may follow the trailer", test_padding },
	{ "a missing trailer is refused", test_no_trailer },
	{ "a wrong magic number is refused", test_magic },
	{ "a number that is not hexadecimal is refused", test_digits },
	{ "a name that does not fit or end is refused, one that is no path left out",
	  test_names },
	{ "contents that do not fit are refused", test_contents },
	{ "no truncation is read beyond its end", test_truncated },
	{ "30000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
