/*
 * What the tests of kernel/files/elf.c share: a buffer for the image, the result, and
 * what must hold of any result.
 */
#ifndef TESTS_HOST_ELF_IMAGE_H
#define TESTS_HOST_ELF_IMAGE_H

#include "kernel/files/elf.h"
#include "tests/host/host.h"

extern struct host_buf b;
extern struct elf_image image;
extern struct complaint why;

/* elf_parse() of b, with nothing readable behind it. */
int parse(void);

#define REFUSED(line) \
	do { \
		CHECK_EQ(parse(), -EINVAL); \
		CHECK_STR(why.text, line); \
	} while (0)

/* elf_parse() of any bytes: fails with a line, or gives an image that is sound. */
void parse_bytes(const u8 *input, size_t len);

/* The same for b or the beginning of b, which must be refused. */
void parse_truncated(const u8 *input, size_t len);

#endif
