/*
 * What a parser says of bad input: one line that names what was found and what
 * was expected.  The caller decides where the line goes and whether the boot
 * goes on; a parser never prints.
 */
#ifndef KERNEL_BASE_COMPLAINT_H
#define KERNEL_BASE_COMPLAINT_H

#include <stdarg.h>

#include "kernel/base/types.h"

struct complaint {
	char text[200]; /* without a newline; empty if there is nothing to say */
};

/*
 * Formats the line into *c (cut to fit) and returns -EINVAL, so that a parser
 * can write `return complain(c, "found %x, expected %x", ...)`.
 */
int complain(struct complaint *c, const char *fmt, ...) __printf_like(2, 3);
int complain_va(struct complaint *c, const char *fmt, va_list ap);

#endif
