/*
 * complain(): how a parser says in one line what it found and what it
 * expected; complaint.h has the contract.
 *
 * The line may quote its input (a boot argument, a file's name), and the
 * input may hold anything, so control characters become `?` here: a complaint
 * stays one line, and cannot fake another one or drive the terminal.
 *
 * Read next: format.h.
 */
#include "kernel/base/complaint.h"
#include "kernel/base/errno.h"
#include "kernel/base/format.h"

int complain_va(struct complaint *c, const char *fmt, va_list ap)
{
	format_va(c->text, sizeof(c->text), fmt, ap);
	for (char *p = c->text; *p != '\0'; p++) {
		if ((u8)*p < ' ' || (u8)*p == 0x7f)
			*p = '?';
	}
	return -EINVAL;
}

int complain(struct complaint *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_va(c, fmt, ap);
	va_end(ap);
	return -EINVAL;
}
