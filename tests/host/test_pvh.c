/*
 * Test of boot/pvh.c.
 *
 * One blob stands for the physical memory from BASE on: the start info first,
 * then what it points to.  Each piece that the parser maps is a copy of
 * exactly that size.
 */
#include "boot/pvh.h"
#include "kernel/base/errno.h"
#include "tests/host/host.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define BASE 0x9000
#define INFO_SIZE 56

/* Offsets in the start info. */
enum {
	VERSION = 4, MODULE_COUNT = 12, MODULES = 16, CMDLINE = 24, RSDP = 32,
	MEMMAP = 40, MEMMAP_COUNT = 48,
};

static struct host_buf b;
static struct boot_info bi;
static struct complaint why;
static size_t memmap_at, modules_at, cmdline_at, rsdp_at;

static void memmap_entry(u64 start, u64 size, u32 type)
{
	host_put_u64(&b, start);
	host_put_u64(&b, size);
	host_put_u32(&b, type);
	host_put_u32(&b, 0);
}

static void module_entry(u64 start, u64 size)
{
	host_put_u64(&b, start);
	host_put_u64(&b, size);
	host_put_u64(&b, 0);
	host_put_u64(&b, 0);
}

/* What QEMU gives, with one module, and the RSDP last. */
static void good(void)
{
	b.len = 0;
	host_put_u32(&b, PVH_MAGIC);
	host_put_u32(&b, 1);
	host_put_zeros(&b, INFO_SIZE - 8);

	memmap_at = b.len;
	memmap_entry(0, 0x9fc00, 1);
	memmap_entry(0x9fc00, 0x60400, 2);
	memmap_entry(0x100000, 0x7ee0000, 1);
	host_set_u64(&b, MEMMAP, BASE + memmap_at);
	host_set_u32(&b, MEMMAP_COUNT, 3);

	modules_at = b.len;
	module_entry(0x7f00000, 0x12345);
	host_set_u64(&b, MODULES, BASE + modules_at);
	host_set_u32(&b, MODULE_COUNT, 1);

	cmdline_at = b.len;
	host_put(&b, "ltr=reload", 11);
	host_set_u64(&b, CMDLINE, BASE + cmdline_at);

	rsdp_at = b.len;
	host_put(&b, "RSD PTR ", 8);
	host_put_zeros(&b, 7);
	host_put_u8(&b, 2);
	host_put(&b, "rest of the new one.", 20);
	host_set_u64(&b, RSDP, BASE + rsdp_at);
}

static int parse_with(size_t limit)
{
	u8 *info = host_exact_copy(b.bytes, limit);
	int err;

	host_phys_set(BASE, b.bytes, b.len);
	host_record_clear();
	boot_info_init(&bi, host_record);
	bi.info_start = BASE;
	why.text[0] = '\0';
	err = pvh_parse(info, limit, host_phys_map, &bi, &why);
	free(info);
	return err;
}

static int parse(void)
{
	return parse_with(MIN(b.len, INFO_SIZE));
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
	CHECK_EQ(bi.protocol, BOOT_PVH);
	CHECK_STR(bi.cmdline, "ltr=reload");
	CHECK_STR(bi.loader, "PVH");
	CHECK_EQ(bi.region_count, 3);
	CHECK_EQ(bi.regions[1].start, 0x9fc00);
	CHECK_EQ(bi.regions[1].end, 0x100000);
	CHECK_EQ(bi.regions[1].type, BOOT_REGION_RESERVED);
	CHECK_EQ(bi.initramfs.start, 0x7f00000);
	CHECK_EQ(bi.initramfs.end, 0x7f12345);
	CHECK_EQ(bi.info_start, BASE);
	CHECK_EQ(bi.info_end, BASE + INFO_SIZE);
	CHECK_EQ(bi.rsdp_len, 36);
	CHECK_EQ(bi.rsdp_addr, BASE + rsdp_at);
	CHECK_EQ(memcmp(bi.rsdp, b.bytes + rsdp_at, 36), 0);
}

static void test_version_2(void)
{
	good();
	host_set_u32(&b, VERSION, 2);
	CHECK_EQ(parse(), 0);
}

static void test_nothing_optional(void)
{
	good();
	host_set_u32(&b, MODULE_COUNT, 0);
	host_set_u64(&b, CMDLINE, 0);
	host_set_u64(&b, RSDP, 0);
	CHECK_EQ(parse(), 0);
	CHECK_STR(host_recorded(), "");
	CHECK_STR(bi.cmdline, "");
	CHECK_EQ(bi.initramfs.end, 0);
	CHECK_EQ(bi.rsdp_len, 0);
	CHECK_EQ(bi.rsdp_addr, 0);
}

static void test_header(void)
{
	good();
	CHECK_EQ(parse_with(7), -EINVAL);
	CHECK_STR(why.text, "pvh: found 7 readable bytes, expected at least "
		  "56");
	CHECK_EQ(parse_with(55), -EINVAL);
	CHECK_STR(why.text, "pvh: found 55 readable bytes, expected at least "
		  "56");
	host_set_u32(&b, VERSION, 0);
	REFUSED("pvh: found version 0, which has no memory map, expected "
		"version 1 or later");
	CHECK_EQ(parse_with(40), -EINVAL);
	CHECK_HAS(why.text, "found version 0");
	host_set_u32(&b, 0, 0x12345678);
	REFUSED("pvh: found the magic number 0x12345678, expected 0x336ec578");
}

static void test_memmap(void)
{
	good();
	host_set_u32(&b, MEMMAP_COUNT, 0);
	REFUSED("pvh: found no memory map, expected entries");
	good();
	host_set_u64(&b, MEMMAP, 0);
	REFUSED("pvh: found no memory map, expected entries");
	host_set_u64(&b, MEMMAP, 0x5000);
	REFUSED("pvh: found an unreadable memory map at 0x5000, expected 3 "
		"entries from 0x5000");
	host_set_u64(&b, MEMMAP, UINT64_MAX - 72);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "found an unreadable memory map");
	host_set_u64(&b, MEMMAP, UINT64_MAX - 71);
	REFUSED("pvh: found a memory map of 3 entries at 0xffffffffffffffb8, "
		"expected one that does not wrap");
	good();
	host_set_u32(&b, MEMMAP_COUNT, 0xffffffff);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "expected 4294967295 entries from 0x9038");
	good();
	host_set_u64(&b, memmap_at + 8, 0);
	host_set_u32(&b, MEMMAP_COUNT, 1);
	REFUSED("pvh: found only empty regions in the memory map, expected "
		"memory");
}

static void test_modules(void)
{
	good();
	host_set_u64(&b, modules_at, BOOT_PHYS_END - 0x12345);
	CHECK_EQ(parse(), 0);
	host_set_u64(&b, modules_at, BOOT_PHYS_END - 0x12344);
	REFUSED("pvh: found a module of 0x12345 bytes at 0xffffffffedcbc, "
		"expected its end at or below 0x10000000000000");
	host_set_u64(&b, modules_at, UINT64_MAX);
	CHECK_EQ(parse(), -EINVAL);
	host_set_u64(&b, MODULES, 0x5000);
	REFUSED("pvh: found an unreadable module list at 0x5000, expected 1 "
		"entries");
	good();
	host_set_u32(&b, MODULE_COUNT, 3);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.initramfs.start, 0x7f00000);
	CHECK_STR(host_recorded(), "pvh: found 3 modules, expected only one, "
		  "the initramfs; the others are ignored\n");
}

/* The initramfs at [start, end); whether it is kept. */
static bool keeps(u64 start, u64 end)
{
	host_set_u64(&b, modules_at, start);
	host_set_u64(&b, modules_at + 8, end - start);
	CHECK_EQ(parse(), 0);
	return bi.initramfs.end == end;
}

static void test_apart(void)
{
	static const size_t *const places[] = { &memmap_at, &modules_at, &cmdline_at, &rsdp_at };
	char line[200];

	good();
	CHECK(!keeps(BASE - 0x1000, BASE + 1));
	snprintf(line, sizeof(line), "pvh: found the initramfs at %#x to %#x over the boot "
		 "information at %#x to %#x, expected them apart; ignored\n", BASE - 0x1000,
		 BASE + 1, BASE, BASE + INFO_SIZE);
	CHECK_STR(host_recorded(), line);
	CHECK_EQ(bi.initramfs.start, 0);
	CHECK(keeps(BASE - 0x1000, BASE));
	CHECK(keeps(BASE + b.len, BASE + b.len + 1));
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		CHECK(!keeps(BASE + *places[i], BASE + *places[i] + 1));
	CHECK(!keeps(0, UINT64_MAX >> 12));
	host_set_u64(&b, CMDLINE, 0);
	CHECK(keeps(BASE + cmdline_at, BASE + cmdline_at + 1));
}

/* Another module: its two numbers stand where the module list goes on. */
static void test_other_modules(void)
{
	good();
	host_set_u32(&b, MODULE_COUNT, 2);
	modules_at = b.len;
	module_entry(0x100000, 0x1000);
	module_entry(0x200000, 0x1000);
	host_set_u64(&b, MODULES, BASE + modules_at);
	CHECK(keeps(0x1ff000, 0x200000));
	CHECK(keeps(0x201000, 0x202000));
	CHECK(!keeps(0x1ff000, 0x200001));
	CHECK_HAS(host_recorded(), "pvh: found the initramfs at 0x1ff000 to 0x200001 over another "
		  "module at 0x200000 to 0x201000, expected them apart; ignored\n");
	CHECK(!keeps(0x200fff, 0x300000));
	host_set_u64(&b, modules_at + 32, UINT64_MAX); /* no place at all */
	CHECK(keeps(0x200fff, 0x300000));
	host_set_u32(&b, MODULE_COUNT, UINT32_MAX);
	CHECK(keeps(0x200fff, 0x300000));
}

static void test_cmdline(void)
{
	unsigned i;

	good();
	cmdline_at = b.len;
	host_set_u64(&b, CMDLINE, BASE + cmdline_at);
	for (i = 0; i < 2047; i++)
		host_put_u8(&b, 'x');
	REFUSED("pvh: found an unreadable command line at 0x98ce, expected a "
		"string");
	host_put_u8(&b, 0);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(strlen(bi.cmdline), 2047);
	CHECK_STR(host_recorded(), "");
	b.bytes[b.len - 1] = 'y';
	CHECK_EQ(parse(), 0);
	CHECK_EQ(strlen(bi.cmdline), 2047);
	CHECK_STR(host_recorded(), "pvh: found a command line of more than "
		  "2047 bytes, expected at most that; cut there\n");
}

static void test_rsdp(void)
{
	good();
	b.len -= 1;
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.rsdp_len, 0);
	CHECK_STR(host_recorded(), "pvh: found an unreadable RSDP at 0x90ab, "
		  "expected 36 bytes; ignored\n");
	b.bytes[rsdp_at + 15] = 0;
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.rsdp_len, 20);
	b.len = rsdp_at + 19;
	CHECK_EQ(parse(), 0);
	CHECK_EQ(bi.rsdp_len, 0);
	CHECK_HAS(host_recorded(), "expected 20 bytes; ignored");
}

static void parse_bytes(const u8 *input, size_t len)
{
	unsigned i;
	int err;

	host_phys_set(BASE, input, len);
	boot_info_init(&bi, host_record);
	why.text[0] = '\0';
	err = pvh_parse(input, MIN(len, INFO_SIZE), host_phys_map, &bi, &why);
	CHECK(err == 0 || err == -EINVAL);
	CHECK_EQ(err == 0, why.text[0] == '\0');
	CHECK(memchr(bi.cmdline, 0, sizeof(bi.cmdline)) != NULL);
	CHECK(bi.initramfs.start <= bi.initramfs.end);
	CHECK(bi.rsdp_len <= sizeof(bi.rsdp));
	for (i = 0; i < bi.region_count; i++)
		CHECK(bi.regions[i].start < bi.regions[i].end);
}

/* Only the RSDP may be missing: it comes last. */
static void parse_truncated(const u8 *input, size_t len)
{
	parse_bytes(input, len);
	CHECK_EQ(why.text[0] == '\0', len >= rsdp_at);
	CHECK_EQ(bi.rsdp_len, len == b.len ? 36 : 0);
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
	{ "what QEMU gives is taken over", test_good },
	{ "a later version is read as version 1", test_version_2 },
	{ "module, command line and RSDP may be missing",
	  test_nothing_optional },
	{ "magic, version and size are checked", test_header },
	{ "a memory map that cannot be is refused", test_memmap },
	{ "the first module is the initramfs", test_modules },
	{ "it lies apart from the boot information", test_apart },
	{ "and from other modules", test_other_modules },
	{ "the command line is cut if long", test_cmdline },
	{ "an unreadable RSDP is left out", test_rsdp },
	{ "no truncation is read beyond its end", test_truncated },
	{ "30000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
