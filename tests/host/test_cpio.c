/*
 * Test of kernel/cpio.c: iteration, look-up, and every way in which an archive
 * can be damaged.
 */
#include "kernel/base/errno.h"
#include "kernel/cpio.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Offsets of fields in a header. */
enum { MODE = 14, FILESIZE = 54, NAMESIZE = 94, NAME = 110 };

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

static int find(const char *path)
{
	u8 *exact = host_exact_copy(b.bytes, b.len);
	int err;

	why.text[0] = '\0';
	err = cpio_find(exact, b.len, path, &file, &why);
	if (err == 0) { /* keep what the test looks at */
		file.name = (const char *)b.bytes +
			((const u8 *)file.name - exact);
		file.data = b.bytes + ((const u8 *)file.data - exact);
	}
	free(exact);
	return err;
}

#define REFUSED(line) \
	do { \
		CHECK_EQ(find("none"), -EINVAL); \
		CHECK_STR(why.text, line); \
	} while (0)

static void test_iterate(void)
{
	static const char *const names[] = {
		".", "init", "bin/sh", "link", "empty", "init",
	};
	struct cpio_iter it;
	unsigned i;

	good();
	cpio_start(&it, b.bytes, b.len);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK_EQ(cpio_next(&it, &file, &why), 1);
		CHECK_STR(file.name, names[i]);
	}
	CHECK_EQ(cpio_next(&it, &file, &why), 0);
	CHECK_EQ(cpio_next(&it, &file, &why), 0);
}

static void test_find(void)
{
	good();
	CHECK_EQ(find("/init"), 0);
	CHECK_EQ(file.size, 5);
	CHECK_EQ(memcmp(file.data, "#!elf", 5), 0);
	CHECK_EQ(file.mode, CPIO_TYPE_REGULAR | 0755);
	CHECK_EQ(find("bin/sh"), 0);
	CHECK_EQ(memcmp(file.data, "shell!", 6), 0);
	CHECK_EQ(find(".//./bin/sh"), 0);
	CHECK_EQ(find("link"), 0);
	CHECK_EQ(file.mode & CPIO_TYPE_MASK, CPIO_TYPE_SYMLINK);
	CHECK_EQ(find("."), 0);
	CHECK_EQ(file.mode & CPIO_TYPE_MASK, CPIO_TYPE_DIRECTORY);
	CHECK_EQ(find("empty"), 0);
	CHECK_EQ(file.size, 0);
	CHECK_EQ(find("/bin"), -ENOENT);
	CHECK_STR(why.text, "cpio: found no file 'bin', expected one in the "
		  "archive");
	CHECK_EQ(find("TRAILER!!!"), -ENOENT);
}

static void test_padding(void)
{
	good();
	host_pad(&b, 512);
	CHECK_EQ(find("none"), -ENOENT);
	b.bytes[b.len - 1] = 7;
	CHECK_EQ(find("init"), 0);
	REFUSED("cpio: found the byte 0x7 at offset 1023 after the trailer, "
		"expected only zeros");
	/* also where the name of the trailer is not even padded */
	b.len = 0;
	put_trailer();
	b.len = NAME + 11;
	CHECK_EQ(find("none"), -ENOENT);
}

static void test_no_trailer(void)
{
	b.len = 0;
	REFUSED("cpio: found the end of the archive at offset 0, expected a "
		"file or the trailer");
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
	REFUSED("cpio: found a name of 2 bytes at offset 110, expected 1 to "
		"the 0 that are left");
	b.len = 0;
	put_file("x", 0100644, "abc", 3);
	host_put_zeros(&b, 109);
	REFUSED("cpio: found the end of the archive at offset 225, expected a "
		"file or the trailer");
}

static void test_magic(void)
{
	good();
	b.bytes[5] = '2';
	REFUSED("cpio: found the magic number '070702' at offset 0, expected "
		"'070701'");
}

static void test_digits(void)
{
	good();
	memcpy(b.bytes + MODE, "000041Ed", 8);
	CHECK_EQ(find("."), 0);
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
	CHECK_EQ(find("none"), -EINVAL);
	memcpy(b.bytes + NAMESIZE, "0000000@", 8);
	CHECK_EQ(find("none"), -EINVAL);
}

static void test_names(void)
{
	b.len = 0;
	put_file("x", 0100644, "abc", 3);
	memcpy(b.bytes + NAMESIZE, "00000000", 8);
	REFUSED("cpio: found a name of 0 bytes at offset 110, expected 1 to "
		"the 6 that are left");
	memcpy(b.bytes + NAMESIZE, "00000007", 8);
	REFUSED("cpio: found a name of 7 bytes at offset 110, expected 1 to "
		"the 6 that are left");
	memcpy(b.bytes + NAMESIZE, "ffffffff", 8);
	CHECK_EQ(find("none"), -EINVAL);
	memcpy(b.bytes + NAMESIZE, "00000001", 8);
	REFUSED("cpio: found a name of 1 bytes at offset 110 without an end, "
		"expected a NUL as its last byte");
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
		sum += (unsigned)strlen(file.name) + file.mode;
		for (i = 0; i < file.size; i++)
			sum += ((const u8 *)file.data)[i];
	}
	CHECK(got == 0 || got == -EINVAL);
	CHECK_EQ(got == 0, why.text[0] == '\0');
	CHECK(sum != 1); /* so that the sum is computed */
}

/* Padding of the trailer's name may be cut off: 121 bytes, 3 of padding. */
static void parse_truncated(const u8 *input, size_t len)
{
	parse_bytes(input, len);
	CHECK_EQ(why.text[0] == '\0', len >= b.len - 3);
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
	{ "files come in order, with names stripped", test_iterate },
	{ "a path finds the first file of its name", test_find },
	{ "only zeros may follow the trailer", test_padding },
	{ "a missing trailer is refused", test_no_trailer },
	{ "a wrong magic number is refused", test_magic },
	{ "a number that is not hexadecimal is refused", test_digits },
	{ "a name that does not fit or end is refused", test_names },
	{ "contents that do not fit are refused", test_contents },
	{ "no truncation is read beyond its end", test_truncated },
	{ "30000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
