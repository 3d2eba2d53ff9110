/*
 * Test of kernel/files/elf.c: a small program built here, spoiled in each way that
 * is refused, and real programs if any are named on the command line.  32-bit
 * ones: test_elf32.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/files/elf.h"
#include "tests/host/elf_image.h"

#include <stdio.h>
#include <string.h>

/* Offsets in the file header, and in a program header. */
enum { TYPE = 16, MACHINE = 18, ENTRY = 24, PHOFF = 32, PHENTSIZE = 54,
       PHNUM = 56 };
enum { P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VADDR = 16, P_FILESZ = 32,
       P_MEMSZ = 40, P_ALIGN = 48 };
enum { EXEC = 2, DYN = 3 };

/* Offsets of the good program's program headers. */
enum { TEXT = 64, DATA = TEXT + 56, STACK = DATA + 56 };

static void put_header(u16 type, u64 entry, u16 phnum)
{
	b.len = 0;
	host_put(&b, "\x7f" "ELF\2\1\1", 8); /* the 8th is the literal's NUL */
	host_put_zeros(&b, 8);
	host_put_u16(&b, type);
	host_put_u16(&b, 62);
	host_put_u32(&b, 1);
	host_put_u64(&b, entry);
	host_put_u64(&b, 64);
	host_put_u64(&b, 0);
	host_put_u32(&b, 0);
	host_put_u16(&b, 64);
	host_put_u16(&b, 56);
	host_put_u16(&b, phnum);
	host_put_zeros(&b, 6);
}

static void put_phdr(u32 type, u32 flags, u64 offset, u64 vaddr, u64 filesz,
		     u64 memsz)
{
	host_put_u32(&b, type);
	host_put_u32(&b, flags);
	host_put_u64(&b, offset);
	host_put_u64(&b, vaddr);
	host_put_u64(&b, vaddr);
	host_put_u64(&b, filesz);
	host_put_u64(&b, memsz);
	host_put_u64(&b, 0x1000);
}

/* Text with the headers in it, data and bss that begin in text's last page. */
static void good(void)
{
	put_header(EXEC, 0x400100, 3);
	put_phdr(1, ELF_R | ELF_X, 0, 0x400000, 0x180, 0x180);
	put_phdr(1, ELF_R | ELF_W, 0x180, 0x401180, 0x80, 0x2000);
	put_phdr(0x6474e551, ELF_R | ELF_W, 0, 0, 0, 0);
	host_put_zeros(&b, 0x200 - b.len);
}

static void test_good(void)
{
	good();
	CHECK_EQ(parse(), 0);
	CHECK_STR(why.text, "");
	CHECK(!image.ia32);
	CHECK(!image.is_pie);
	CHECK_EQ(image.entry, 0x400100);
	CHECK_EQ(image.phdr, 0x400040);
	CHECK_EQ(image.phnum, 3);
	CHECK_EQ(image.phentsize, 56);
	CHECK_EQ(image.start, 0x400000);
	CHECK_EQ(image.brk_start, 0x404000);
	CHECK_EQ(image.segment_count, 2);
	CHECK_EQ(image.segment[1].vaddr, 0x401180);
	CHECK_EQ(image.segment[1].memsz, 0x2000);
	CHECK_EQ(image.segment[1].offset, 0x180);
	CHECK_EQ(image.segment[1].filesz, 0x80);
	CHECK_EQ(image.segment[1].rights, ELF_R | ELF_W);
}

static void test_pie(void)
{
	good();
	host_set_u16(&b, TYPE, DYN);
	host_set_u64(&b, ENTRY, 0x100);
	host_set_u64(&b, TEXT + P_VADDR, 0);
	host_set_u64(&b, DATA + P_VADDR, 0x1180);
	CHECK_EQ(parse(), 0);
	CHECK(image.is_pie);
	CHECK_EQ(image.phdr, 0x40);
	CHECK_EQ(image.start, 0);
	CHECK_EQ(image.brk_start, 0x4000);
}

static void test_header(void)
{
	good();
	b.len = 63;
	REFUSED("elf: found a file of 63 bytes, expected at least 64");
	good();
	b.bytes[0] = '#';
	REFUSED("elf: found the magic number 23 45 4c 46, expected 7f 45 4c "
		"46");
	good();
	b.len = 51;
	REFUSED("elf: found a file of 51 bytes, expected at least 52");
	good();
	b.bytes[4] = 3;
	REFUSED("elf: found class 3, expected 1 (32-bit) or 2 (64-bit)");
	good();
	b.bytes[5] = 2;
	REFUSED("elf: found data encoding 2, expected 1 (little endian)");
	good();
	host_set_u16(&b, MACHINE, 183);
	REFUSED("elf: found machine 183, expected 62 (x86-64)");
	host_set_u16(&b, MACHINE, 3);
	REFUSED("elf: found machine 3, expected 62 (x86-64)");
	good();
	host_set_u16(&b, TYPE, 1);
	REFUSED("elf: found type 1, expected 2 (executable) or 3 "
		"(static-pie)");
	good();
	host_set_u16(&b, PHENTSIZE, 32);
	REFUSED("elf: found program headers of 32 bytes, expected 56");
}

static void test_phdr_bounds(void)
{
	good();
	host_set_u64(&b, PHOFF, 0x201);
	REFUSED("elf: found 3 program headers at offset 0x201, expected them "
		"inside the file of 0x200 bytes");
	host_set_u64(&b, PHOFF, UINT64_MAX);
	CHECK_EQ(parse(), -EINVAL);
	good();
	host_set_u16(&b, PHNUM, 9);
	REFUSED("elf: found 9 program headers at offset 0x40, expected them "
		"inside the file of 0x200 bytes");
	host_set_u16(&b, PHNUM, 0);
	host_set_u64(&b, PHOFF, 0x200);
	REFUSED("elf: found no segment to load, expected at least one "
		"(PT_LOAD)");
	b.len = 64;
	host_set_u64(&b, PHOFF, 64);
	REFUSED("elf: found no segment to load, expected at least one "
		"(PT_LOAD)");
}

static void test_segment_in_file(void)
{
	good();
	host_set_u64(&b, DATA + P_FILESZ, 0x2001);
	REFUSED("elf: found a segment with 0x2001 bytes in the file, expected "
		"at most its 0x2000 in memory");
	host_set_u64(&b, DATA + P_FILESZ, 0x81);
	REFUSED("elf: found a segment of 0x81 bytes at offset 0x180, expected "
		"it inside the file of 0x200 bytes");
	good();
	host_set_u64(&b, DATA + P_OFFSET, UINT64_MAX - 0x7f);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "offset 0xffffffffffffff80, expected it inside");
	good();
	host_set_u64(&b, DATA + P_OFFSET, 0x160);
	REFUSED("elf: found a segment at 0x401180 from offset 0x160, expected "
		"both at the same place in a page");
}

static void test_segment_in_user_half(void)
{
	good();
	host_set_u64(&b, DATA + P_VADDR, 0xf180);
	REFUSED("elf: found a segment of 0x2000 bytes at 0xf180, expected it "
		"between 0x10000 and 0x7ffffffff000");
	host_set_u64(&b, DATA + P_VADDR, 0x10180);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.start, 0x10000);
	host_set_u64(&b, DATA + P_VADDR, 0x7fffffffd180);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "found a segment of 0x2000 bytes at "
		  "0x7fffffffd180");
	host_set_u64(&b, DATA + P_MEMSZ, 0x1e80);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.brk_start, USER_END);
	host_set_u64(&b, DATA + P_VADDR, 0xffffffff80000180);
	CHECK_EQ(parse(), -EINVAL);
	good();
	host_set_u64(&b, DATA + P_MEMSZ, UINT64_MAX - 0x400000);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "expected it between");
}

static void test_overlap(void)
{
	good();
	host_set_u64(&b, DATA + P_VADDR, 0x400180); /* same page, apart */
	CHECK_EQ(parse(), 0);
	host_set_u64(&b, TEXT + P_MEMSZ, 0x181);
	REFUSED("elf: found a segment at 0x400180 that overlaps the one at "
		"0x400000, expected them apart");
	good(); /* the second around the first */
	host_set_u64(&b, DATA + P_VADDR, 0x3ff180);
	REFUSED("elf: found a segment at 0x3ff180 that overlaps the one at "
		"0x400000, expected them apart");
	host_set_u64(&b, DATA + P_MEMSZ, 0xe80); /* just below it */
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.start, 0x3ff000);
}

/* Whatever stands there of an offset, and of the rest of an empty segment. */
static void test_without_bytes(void)
{
	good();
	host_set_u64(&b, DATA + P_FILESZ, 0);
	host_set_u64(&b, DATA + P_OFFSET, UINT64_MAX);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.segment[1].vaddr, 0x401180);
	CHECK_EQ(image.segment[1].offset, 0);
	CHECK_EQ(image.segment[1].filesz, 0);
	host_set_u64(&b, DATA + P_FILESZ, 1);
	CHECK_EQ(parse(), -EINVAL);
	host_set_u64(&b, DATA + P_MEMSZ, 0);
	REFUSED("elf: found a segment with 0x1 bytes in the file, expected at most "
		"its 0 in memory");
	host_set_u64(&b, DATA + P_FILESZ, 0);
	host_set_u64(&b, DATA + P_VADDR, UINT64_MAX);
	host_set_u32(&b, DATA + P_FLAGS, ELF_R | ELF_W | ELF_X);
	host_set_u64(&b, DATA + P_ALIGN, 1ULL << 62);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.segment_count, 1);
	CHECK_EQ(image.brk_start, 0x401000);
	CHECK_EQ(image.align, 0x1000);
}

static void test_align(void)
{
	static const struct { u64 text, data, expected; } t[] = {
		{ 0, 0, 0x1000 }, { 1, 16, 0x1000 }, { 0x1000, 0x200000, 0x200000 },
		{ 0x10000, 0x1000, 0x10000 }, { 0x300000, 0x1800, 0x1000 },
		{ 1ULL << 63, UINT64_MAX, 1ULL << 63 },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		good();
		host_set_u64(&b, TEXT + P_ALIGN, t[i].text);
		host_set_u64(&b, DATA + P_ALIGN, t[i].data);
		CHECK_EQ(parse(), 0);
		CHECK_EQ(image.align, t[i].expected);
	}
}

/* A segment that holds the program headers and nothing else, and one of
 * zeros only, whose contents begin where the file ends. */
static void test_tight(void)
{
	good();
	host_set_u64(&b, TEXT + P_OFFSET, 64);
	host_set_u64(&b, TEXT + P_VADDR, 0x400040);
	host_set_u64(&b, TEXT + P_FILESZ, 3 * 56);
	host_set_u64(&b, DATA + P_OFFSET, 0x200);
	host_set_u64(&b, DATA + P_VADDR, 0x401200);
	host_set_u64(&b, DATA + P_FILESZ, 0);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.phdr, 0x400040);
	host_set_u64(&b, TEXT + P_FILESZ, 3 * 56 - 1);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.phdr, 0);
}

static void test_rights(void)
{
	good();
	host_set_u32(&b, TEXT + P_FLAGS, ELF_R | ELF_W | ELF_X);
	REFUSED("elf: found the segment at 0x400000 writable and executable, "
		"expected at most one of the two");
	good();
	host_set_u32(&b, STACK + P_FLAGS, ELF_R | ELF_W | ELF_X);
	REFUSED("elf: found an executable stack (PT_GNU_STACK), expected one "
		"without X");
	host_set_u32(&b, STACK + P_TYPE, 3);
	REFUSED("elf: found an interpreter (PT_INTERP), expected a static "
		"program");
}

static void test_entry(void)
{
	good();
	host_set_u64(&b, ENTRY, 0x40017f);
	CHECK_EQ(parse(), 0);
	host_set_u64(&b, ENTRY, 0x400180);
	REFUSED("elf: found the entry point 0x400180 outside, expected it "
		"inside an executable segment");
	host_set_u64(&b, ENTRY, 0x401180); /* data */
	CHECK_EQ(parse(), -EINVAL);
	host_set_u64(&b, ENTRY, 0x3fffff);
	CHECK_EQ(parse(), -EINVAL);
}

static void test_counts(void)
{
	unsigned i;

	put_header(EXEC, 0x400000, 17);
	for (i = 0; i < 17; i++)
		put_phdr(1, ELF_R | ELF_X, 0, 0x400000 + 0x1000 * i, 4, 4);
	REFUSED("elf: found more than 16 segments, expected at most that");
	host_set_u64(&b, 64 + 3 * 56 + P_FILESZ, 0); /* an empty one */
	host_set_u64(&b, 64 + 3 * 56 + P_MEMSZ, 0);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.segment_count, 16);
	CHECK_EQ(image.phdr, 0); /* no segment has the program headers */
}

static void test_truncated(void)
{
	good();
	host_truncate(b.bytes, b.len, parse_truncated);
}

static void test_fuzz(void)
{
	good();
	host_fuzz(b.bytes, 0xf8, 30000, parse_bytes); /* mostly refused */
	host_fuzz(b.bytes, b.len, 30000, parse_bytes);
}

static void test_real(void)
{
	static u8 bytes[4 << 20];
	unsigned parsed = 0;
	size_t len;
	FILE *f;
	int i;

	for (i = 0; i < host_argc; i++) {
		f = fopen(host_argv[i], "rb");
		len = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
		if (f)
			fclose(f);
		if (len == 0)
			continue;
		parse_bytes(bytes, len);
		CHECK_STR(why.text, "");
		CHECK(image.phdr != 0);
		CHECK_EQ(image.is_pie, strstr(host_argv[i], "pie") != NULL);
		CHECK_EQ(image.ia32, strstr(host_argv[i], "m32") != NULL);
		parsed++;
	}
	if (parsed == 0)
		host_skip("no program was given, or none could be linked");
}

const struct host_case host_cases[] = {
	{ "a static program is understood", test_good },
	{ "a static-pie is understood", test_pie },
	{ "a file header for something else is refused", test_header },
	{ "program headers outside the file are refused", test_phdr_bounds },
	{ "a segment outside the file is refused", test_segment_in_file },
	{ "a segment outside the user half is refused",
	  test_segment_in_user_half },
	{ "overlap is refused, sharing a page is not", test_overlap },
	{ "segments may fill their place exactly", test_tight },
	{ "a segment without bytes in the file is asked for none", test_without_bytes },
	{ "the largest alignment that is a power of 2 counts", test_align },
	{ "W+X, an executable stack, an interpreter are refused",
	  test_rights },
	{ "the entry point must be in code", test_entry },
	{ "sixteen segments and no more", test_counts },
	{ "no truncation is read beyond its end", test_truncated },
	{ "60000 mutations are survived", test_fuzz },
	{ "real programs are understood", test_real },
	{ NULL, NULL }
};
