/*
 * The one text formatter: printf's mini-language, into a buffer.  The console,
 * panic messages, complaints and the selftests' output all come through here.
 *
 * Allocates nothing, takes no locks, and may be called from any context, NMI
 * included.
 */
#ifndef KERNEL_BASE_FORMAT_H
#define KERNEL_BASE_FORMAT_H

#include <stdarg.h>

#include "kernel/base/types.h"

/*
 * Formats into buf, which has room for `size` bytes, as C99's snprintf does:
 * what does not fit is cut, buf is always terminated unless size is 0 (then
 * buf may be NULL), and the return value is the length that the whole text
 * has, without the NUL; so a result >= size means that it was cut.  A length
 * over INT_MAX is returned as INT_MAX.
 *
 * Conversions: d i u x X c s p %, with the flags `0 - + space #`, a width and
 * a precision (numbers or `*`), and the lengths hh h l ll z j t.  %p is %#lx,
 * with the 0x also before a zero; %s of NULL is "(null)".  There is no
 * floating point, no %o and, on purpose, no %n.  A conversion unknown here
 * prints itself, "%q" for %q, and takes no argument.
 */
int format_va(char *buf, size_t size, const char *fmt, va_list ap);
int format(char *buf, size_t size, const char *fmt, ...) __printf_like(3, 4);

#endif
