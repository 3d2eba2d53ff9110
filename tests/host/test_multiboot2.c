/*
 * Test of boot/multiboot2.c.
 *
 * good() builds what GRUB would give; each error case spoils one thing of it
 * and looks at the complaint.  Then the good input is truncated at every
 * length and mutated at random.
 */
#include "boot/multiboot2.h"
#include "kernel/base/errno.h"
#include "tests/host/host.h"

#include <stdlib.h>
#include <string.h>

static struct host_buf b;
static struct boot_info bi;
static struct complaint why;

static void begin_info(void)
{
	b.len = 0;
	host_put_u32(&b, 0); /* total size, set by end_info() */
	host_put_u32(&b, 0);
}

/* Begins a tag and returns its offset, for end_tag(). */
static size_t begin_tag(u32 type)
{
	size_t at = b.len;

	host_put_u32(&b, type);
	host_put_u32(&b, 0);
	return at;
}

static void end_tag(size_t at)
{
	host_set_u32(&b, at + 4, (u32)(b.len - at));
	host_pad(&b, 8);
}

static void string_tag(u32 type, const char *text)
{
	size_t at = begin_tag(type);

	host_put(&b, text, strlen(text) + 1);
	end_tag(at);
}

static void module_tag(u32 start, u32 end, const char *name)
{
	size_t at = begin_tag(3);

	host_put_u32(&b, start);
	host_put_u32(&b, end);
	host_put(&b, name, strlen(name) + 1);
	end_tag(at);
}

static void mmap_entry(u64 start, u64 length, u32 type)
{
	host_put_u64(&b, start);
	host_put_u64(&b, length);
	host_put_u32(&b, type);
	host_put_u32(&b, 0);
}

static size_t mmap_tag(void)
{
	size_t at = begin_tag(6);

	host_put_u32(&b, 24);
	host_put_u32(&b, 0);
	mmap_entry(0, 0x9fc00, 1);
	mmap_entry(0xf0000, 0x10000, 2);
	mmap_entry(0x100000, 0x7ee0000, 1);
	end_tag(at);
	return at;
}

static void rsdp_tag(u32 type, const char *text, size_t size)
{
	size_t at = begin_tag(type);

	host_put(&b, text, strlen(text));
	host_put_zeros(&b, size - strlen(text));
	end_tag(at);
}

static void end_info(void)
{
	end_tag(begin_tag(0));
	host_set_u32(&b, 0, (u32)b.len);
}

static void good(void)
{
	begin_info();
	string_tag(1, "pti=on selftest");
	string_tag(2, "GRUB 2.06");
	module_tag(0x200000, 0x234567, "initramfs");
	rsdp_tag(15, "new", 36);
	rsdp_tag(14, "old", 20);
	mmap_tag();
	string_tag(99, "a type from the future");
	end_info();
}

/* Parses b from a block of exactly b.len bytes. */
static int parse(void)
{
	u8 *exact = host_exact_copy(b.bytes, b.len);
	int err;

	host_record_clear();
	boot_info_init(&bi, host_record);
	bi.info_start = 0x10000;
	why.text[0] = '\0';
	err = multiboot2_parse(exact, b.len, &bi, &why);
	free(exact);
	return err;
}

#define REFUSED(line) \
	do { \
		CHECK_EQ(parse(), -EINVAL); \
		CHECK_STR(why.text, line); \
	} while (0)

static void test_good(void)
{
	good();
	CHECK_EQ(parse(), 0);
	CHECK_STR(why.text, "");
	CHECK_STR(host_recorded(), "");
	CHECK_EQ(bi.protocol, BOOT_MULTIBOOT2);
	CHECK_STR(bi.cmdline, "pti=on selftest");
	CHECK_STR(bi.loader, "GRUB 2.06");
	CHECK_EQ(bi.initramfs.start, 0x200000);
	CHECK_EQ(bi.initramfs.end, 0x234567);
	CHECK_EQ(bi.info_start, 0x10000);
	CHECK_EQ(bi.info_end, 0x10000 + b.len);
	CHECK_EQ(bi.region_count, 3);
	CHECK_EQ(bi.regions[1].start, 0xf0000);
	CHECK_EQ(bi.regions[1].end, 0x100000);
	CHECK_EQ(bi.regions[1].type, BOOT_REGION_RESERVED);
	CHECK_EQ(bi.regions[2].type, BOOT_REGION_RAM);
}

static void test_rsdp(void)
{
	good();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.rsdp_len, 36);
	CHECK_STR((const char *)bi.rsdp, "new");

	begin_info();
	mmap_tag();
	rsdp_tag(14, "old", 20);
	rsdp_tag(15, "new", 36);
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.rsdp_len, 36);
	CHECK_STR((const char *)bi.rsdp, "new");

	begin_info();
	mmap_tag();
	rsdp_tag(14, "old", 20);
	rsdp_tag(15, "new", 35);
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.rsdp_len, 20);
	CHECK_STR((const char *)bi.rsdp, "old");
	CHECK_STR(host_recorded(), "multiboot2: found an RSDP of 35 bytes, "
		  "expected 36; ignored\n");
}

static void test_sizes(void)
{
	good();
	b.len = 7;
	REFUSED("multiboot2: found 7 readable bytes, expected at least 8");
	good();
	host_set_u32(&b, 0, 16);
	b.len = 8;
	REFUSED("multiboot2: found a total size of 16, expected 16 to 8");
	good();
	host_set_u32(&b, 0, 15);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "multiboot2: found a total size of 15, expected "
		  "16 to ");
	good();
	host_set_u32(&b, 0, (u32)b.len + 1);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "multiboot2: found a total size of ");
}

static void test_tag_sizes(void)
{
	begin_info();
	mmap_tag();
	end_info();
	host_set_u32(&b, 12, 7);
	REFUSED("multiboot2: found a tag of type 6 with 7 bytes at offset 8, "
		"expected at least 8");
	host_set_u32(&b, 12, 97);
	REFUSED("multiboot2: found a tag of type 6 with 97 bytes at offset 8, "
		"expected at most the 96 that are left");
	host_set_u32(&b, 12, 0xffffffff);
	REFUSED("multiboot2: found a tag of type 6 with 4294967295 bytes at "
		"offset 8, expected at most the 96 that are left");
}

static void test_no_end_tag(void)
{
	begin_info();
	mmap_tag();
	string_tag(2, "GRUB");
	host_set_u32(&b, 0, (u32)b.len);
	REFUSED("multiboot2: found no end tag in 112 bytes, expected one");
	/* the last tag's padding sticks out of the total */
	b.len -= 3;
	host_set_u32(&b, 0, (u32)b.len);
	REFUSED("multiboot2: found no end tag in 109 bytes, expected one");
}

static void test_strings(void)
{
	size_t at;

	begin_info();
	at = begin_tag(1);
	host_put(&b, "no end", 6);
	end_tag(at);
	end_info();
	REFUSED("multiboot2: found a command line of 6 bytes without an end, "
		"expected a NUL in it");
	b.bytes[8] = 2;
	REFUSED("multiboot2: found a loader name of 6 bytes without an end, "
		"expected a NUL in it");

	begin_info();
	string_tag(1, "");
	string_tag(2, "a name that needs more than the sixty-three bytes that "
		   "there is room for");
	mmap_tag();
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(strlen(bi.loader), 63);
	CHECK_STR(host_recorded(), "multiboot2: found a loader name of 72 "
		  "bytes, expected at most 63; cut there\n");
}

static void test_apart(void)
{
	begin_info();
	mmap_tag();
	module_tag(0x1000, 0x2000, "");
	module_tag(0x1fff, 0x6000, "");
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.initramfs.end, 0);
	CHECK_HAS(host_recorded(), "multiboot2: found the initramfs at 0x1000 to 0x2000 over "
		  "another module at 0x1fff to 0x6000, expected them apart; ignored\n");
	begin_info();
	mmap_tag();
	module_tag(0xf000, 0x10001, "");
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.initramfs.end, 0);
	CHECK_HAS(host_recorded(), "over the boot information at 0x10000 to ");
	begin_info();
	mmap_tag();
	module_tag(0xf000, 0x10000, "");
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.initramfs.end, 0x10000);
}

static void test_modules(void)
{
	size_t at;

	good();
	CHECK_EQ(parse(), 0);
	begin_info();
	mmap_tag();
	module_tag(0x1000, 0x1000, "");
	module_tag(0x5000, 0x6000, "");
	end_info();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.initramfs.start, 0x1000);
	CHECK_EQ(bi.initramfs.end, 0x1000);
	CHECK_STR(host_recorded(), "multiboot2: found module 2 at 0x5000, "
		  "expected only one, the initramfs; ignored\n");

	begin_info();
	module_tag(0x2000, 0x1fff, "x");
	end_info();
	REFUSED("multiboot2: found a module from 0x2000 to 0x1fff, expected "
		"its end not below its start");

	begin_info();
	at = begin_tag(3);
	host_put_u32(&b, 0);
	end_tag(at);
	end_info();
	REFUSED("multiboot2: found a module tag of 12 bytes, expected at least "
		"16");

	begin_info();
	at = begin_tag(3);
	host_put_u64(&b, 0);
	end_tag(at);
	end_info();
	REFUSED("multiboot2: found a module name of 0 bytes without an end, "
		"expected a NUL in it");

	begin_info();
	at = begin_tag(3);
	host_put(&b, "\0\0\0\0\1\0\0\0open", 12);
	end_tag(at);
	end_info();
	REFUSED("multiboot2: found a module name of 4 bytes without an end, "
		"expected a NUL in it");
}

static void test_memory_map(void)
{
	size_t at;

	begin_info();
	at = mmap_tag();
	end_info();
	host_set_u32(&b, at + 8, 16);
	REFUSED("multiboot2: found memory map entries of 16 bytes, expected a "
		"multiple of 8 from 24 on");
	host_set_u32(&b, at + 8, 0);
	CHECK_EQ(parse(), -EINVAL);
	host_set_u32(&b, at + 8, 25);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "found memory map entries of 25 bytes");
	host_set_u32(&b, at + 8, 32);
	REFUSED("multiboot2: found 72 bytes of memory map, expected a multiple "
		"of the entry size 32");
	host_set_u32(&b, at + 8, 72); /* one entry, with fields unknown here */
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.region_count, 1);

	begin_info();
	at = begin_tag(6);
	host_put_u32(&b, 24);
	end_tag(at);
	end_info();
	REFUSED("multiboot2: found a memory map tag of 12 bytes, expected at "
		"least 16");

	begin_info();
	at = begin_tag(6);
	host_put_u64(&b, 24);
	end_tag(at);
	end_info();
	REFUSED("multiboot2: found no memory map, expected a tag of type 6 "
		"with entries");
	begin_info();
	end_info();
	REFUSED("multiboot2: found no memory map, expected a tag of type 6 "
		"with entries");
}

static void parse_bytes(const u8 *input, size_t len)
{
	int err;
	unsigned i;

	boot_info_init(&bi, host_record);
	why.text[0] = '\0';
	err = multiboot2_parse(input, len, &bi, &why);
	CHECK(err == 0 || err == -EINVAL);
	CHECK_EQ(err == 0, why.text[0] == '\0');
	CHECK(memchr(bi.cmdline, 0, sizeof(bi.cmdline)) != NULL);
	CHECK(memchr(bi.loader, 0, sizeof(bi.loader)) != NULL);
	CHECK(bi.initramfs.start <= bi.initramfs.end);
	CHECK(bi.rsdp_len <= sizeof(bi.rsdp));
	for (i = 0; i < bi.region_count; i++)
		CHECK(bi.regions[i].start < bi.regions[i].end);
}

static void parse_truncated(const u8 *input, size_t len)
{
	parse_bytes(input, len);
	CHECK_EQ(why.text[0] == '\0', len == b.len);
}

/* The same, with a total size that fits, so that the tags are reached. */
static void parse_truncated_total(const u8 *input, size_t len)
{
	u8 *exact = host_exact_copy(input, len);
	u32 total = (u32)len;

	if (len >= 4)
		memcpy(exact, &total, 4);
	parse_bytes(exact, len);
	free(exact);
	CHECK_EQ(why.text[0] == '\0', len == b.len);
}

static void test_truncated(void)
{
	good();
	host_truncate(b.bytes, b.len, parse_truncated);
	host_truncate(b.bytes, b.len, parse_truncated_total);
}

static void test_fuzz(void)
{
	good();
	host_fuzz(b.bytes, b.len, 30000, parse_bytes);
}

const struct host_case host_cases[] = {
	{ "what GRUB gives is taken over", test_good },
	{ "the new RSDP is preferred, in either order", test_rsdp },
	{ "a total size that cannot be is refused", test_sizes },
	{ "a tag size that cannot be is refused", test_tag_sizes },
	{ "a missing end tag is refused", test_no_end_tag },
	{ "strings must end, and are cut if long", test_strings },
	{ "the first module is the initramfs", test_modules },
	{ "it lies apart from other modules and the boot information", test_apart },
	{ "a memory map that lies is refused", test_memory_map },
	{ "no truncation is read beyond its end", test_truncated },
	{ "30000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
