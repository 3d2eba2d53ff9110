/*
 * Test of kernel/files/elf.c with ELF32: a small program built here, spoiled where the
 * 32-bit headers differ from the 64-bit ones; the rest is test_elf.c's.
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "tests/host/elf_image.h"

enum { TYPE = 16, MACHINE = 18 };
enum { EXEC = 2, DYN = 3 };

/* Offsets of the 32-bit program's headers, and in them. */
enum { TEXT32 = 52, DATA32 = TEXT32 + 32 };
enum { ENTRY32 = 24, PHOFF32 = 28, PHENTSIZE32 = 42, PHNUM32 = 44 };
enum { P32_OFFSET = 4, P32_VADDR = 8, P32_FILESZ = 16, P32_MEMSZ = 20,
       P32_FLAGS = 24, P32_ALIGN = 28 };

static void put_phdr32(u32 type, u32 flags, u32 offset, u32 vaddr, u32 filesz,
		       u32 memsz)
{
	host_put_u32(&b, type);
	host_put_u32(&b, offset);
	host_put_u32(&b, vaddr);
	host_put_u32(&b, 0xdeadbeef); /* paddr: not looked at */
	host_put_u32(&b, filesz);
	host_put_u32(&b, memsz);
	host_put_u32(&b, flags);
	host_put_u32(&b, 0x1000);
}

/* Text with the headers in it, data and bss, and what gcc -m32 -static adds. */
static void good32(void)
{
	b.len = 0;
	host_put(&b, "\x7f" "ELF\1\1\1", 8);
	host_put_zeros(&b, 8);
	host_put_u16(&b, EXEC);
	host_put_u16(&b, 3);
	host_put_u32(&b, 1);
	host_put_u32(&b, 0x8048100);
	host_put_u32(&b, 52);
	host_put_u32(&b, 0);
	host_put_u32(&b, 0);
	host_put_u16(&b, 52);
	host_put_u16(&b, 32);
	host_put_u16(&b, 6);
	host_put_zeros(&b, 6);
	put_phdr32(1, ELF_R | ELF_X, 0, 0x8048000, 0x180, 0x180);
	put_phdr32(1, ELF_R | ELF_W, 0x180, 0x8049180, 0x80, 0x2000);
	put_phdr32(0x6474e551, ELF_R | ELF_W, 0, 0, 0, 0);
	put_phdr32(4, ELF_R, 0x134, 0x8048134, 0x44, 0x44); /* PT_NOTE */
	put_phdr32(7, ELF_R, 0x180, 0x8049180, 0xc, 0x30);  /* PT_TLS */
	put_phdr32(0x6474e552, ELF_R, 0x180, 0x8049180, 0x40, 0x40); /* RELRO */
	host_put_zeros(&b, 0x200 - b.len);
}

static void test_good32(void)
{
	good32();
	CHECK_EQ(parse(), 0);
	CHECK_STR(why.text, "");
	CHECK(image.ia32);
	CHECK(!image.is_pie);
	CHECK_EQ(image.entry, 0x8048100);
	CHECK_EQ(image.phdr, 0x8048034);
	CHECK_EQ(image.phnum, 6);
	CHECK_EQ(image.phentsize, 32);
	CHECK_EQ(image.start, 0x8048000);
	CHECK_EQ(image.brk_start, 0x804c000);
	CHECK_EQ(image.segment_count, 2);
	CHECK_EQ(image.segment[1].vaddr, 0x8049180);
	CHECK_EQ(image.segment[1].memsz, 0x2000);
	CHECK_EQ(image.segment[1].offset, 0x180);
	CHECK_EQ(image.segment[1].filesz, 0x80);
	CHECK_EQ(image.segment[1].rights, ELF_R | ELF_W);
}

static void test_pie32(void)
{
	good32();
	host_set_u16(&b, TYPE, DYN);
	host_set_u32(&b, ENTRY32, 0x100);
	host_set_u32(&b, TEXT32 + P32_VADDR, 0);
	host_set_u32(&b, DATA32 + P32_VADDR, 0x1180);
	CHECK_EQ(parse(), 0);
	CHECK(image.ia32 && image.is_pie);
	CHECK_EQ(image.phdr, 0x34);
	CHECK_EQ(image.start, 0);
	CHECK_EQ(image.brk_start, 0x4000);
}

static void test_header32(void)
{
	good32();
	host_set_u16(&b, MACHINE, 62); /* x32 */
	REFUSED("elf: found machine 62, expected 3 (i386)");
	good32();
	host_set_u16(&b, PHENTSIZE32, 56);
	REFUSED("elf: found program headers of 56 bytes, expected 32");
	good32();
	host_set_u32(&b, PHOFF32, 0x201);
	REFUSED("elf: found 6 program headers at offset 0x201, expected them "
		"inside the file of 0x200 bytes");
	host_set_u32(&b, PHOFF32, UINT32_MAX);
	CHECK_EQ(parse(), -EINVAL);
	good32();
	host_set_u16(&b, PHNUM32, 15);
	REFUSED("elf: found 15 program headers at offset 0x34, expected them "
		"inside the file of 0x200 bytes");
	b.len = 52;
	host_set_u16(&b, PHNUM32, 0);
	REFUSED("elf: found no segment to load, expected at least one "
		"(PT_LOAD)");
}

static void test_segments32(void)
{
	good32();
	host_set_u32(&b, DATA32 + P32_VADDR, 0xffffc180);
	REFUSED("elf: found a segment of 0x2000 bytes at 0xffffc180, expected "
		"it between 0x10000 and 0xffffe000");
	host_set_u32(&b, DATA32 + P32_MEMSZ, 0x1e80);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.brk_start, USER_END_IA32);
	host_set_u32(&b, DATA32 + P32_MEMSZ, UINT32_MAX);
	CHECK_EQ(parse(), -EINVAL);
	good32();
	host_set_u32(&b, DATA32 + P32_OFFSET, 0xffffff80);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "offset 0xffffff80, expected it inside");
	host_set_u32(&b, DATA32 + P32_FILESZ, 0);
	host_set_u32(&b, DATA32 + P32_ALIGN, 0x400000);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.align, 0x400000);
	good32();
	host_set_u32(&b, TEXT32 + P32_FLAGS, ELF_R | ELF_W | ELF_X);
	REFUSED("elf: found the segment at 0x8048000 writable and executable, "
		"expected at most one of the two");
	good32();
	host_set_u32(&b, ENTRY32, 0x8049180);
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(why.text, "found the entry point 0x8049180 outside");
}

static void test_truncated(void)
{
	good32();
	host_truncate(b.bytes, b.len, parse_truncated);
}

static void test_fuzz(void)
{
	good32();
	host_fuzz(b.bytes, 0xf4, 30000, parse_bytes); /* mostly refused */
	host_fuzz(b.bytes, b.len, 30000, parse_bytes);
}

const struct host_case host_cases[] = {
	{ "a 32-bit static program is understood", test_good32 },
	{ "a 32-bit static-pie is understood", test_pie32 },
	{ "a 32-bit header for something else is refused", test_header32 },
	{ "a 32-bit segment outside the file or the user half is refused",
	  test_segments32 },
	{ "no truncation is read beyond its end", test_truncated },
	{ "60000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
