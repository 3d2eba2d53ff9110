/*
 * What the tests of kernel/files/elf.c share.
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "tests/host/elf_image.h"

#include <stdlib.h>

struct host_buf b;
struct elf_image image;
struct complaint why;

int parse(void)
{
	u8 *exact = host_exact_copy(b.bytes, b.len);
	int err;

	why.text[0] = '\0';
	err = elf_parse(exact, b.len, &image, &why);
	free(exact);
	return err;
}

static void check_image(size_t len)
{
	const struct elf_segment *s = image.segment;
	unsigned i;

	CHECK(image.segment_count >= 1);
	CHECK(image.segment_count <= ELF_MAX_SEGMENTS);
	CHECK(image.start < image.brk_start);
	CHECK(image.align >= PAGE_SIZE && (image.align & (image.align - 1)) == 0);
	CHECK(image.brk_start <= (image.ia32 ? USER_END_IA32 : USER_END));
	for (i = 0; i < image.segment_count; i++, s++) {
		CHECK(s->filesz <= s->memsz && s->filesz <= len);
		CHECK(s->offset <= len - s->filesz);
		CHECK(s->memsz > 0);
		CHECK(s->filesz > 0 ? s->vaddr % PAGE_SIZE == s->offset % PAGE_SIZE :
				      s->offset == 0);
		CHECK(s->vaddr >= image.start);
		CHECK(s->vaddr + s->memsz <= image.brk_start);
		CHECK((s->rights & (ELF_W | ELF_X)) != (ELF_W | ELF_X));
	}
}

void parse_bytes(const u8 *input, size_t len)
{
	int err;

	why.text[0] = '\0';
	err = elf_parse(input, len, &image, &why);
	CHECK(err == 0 || err == -EINVAL);
	CHECK_EQ(err == 0, why.text[0] == '\0');
	if (err == 0)
		check_image(len);
}

void parse_truncated(const u8 *input, size_t len)
{
	parse_bytes(input, len);
	CHECK_EQ(why.text[0] == '\0', len == b.len);
}
