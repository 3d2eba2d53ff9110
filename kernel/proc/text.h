/*
 * Text that is made whole, before it is read: what a file of /proc or /sys says.
 */
#ifndef KERNEL_PROC_TEXT_H
#define KERNEL_PROC_TEXT_H

#include "kernel/base/types.h"

#define TEXT_PAGES 500 /* bytes behind them are cut off, which the text's last line says */

struct text {
	u64 size;  /* bytes */
	int err;   /* -ENOMEM: it is not whole */
	u64 about; /* set when the file is opened: mm->id of what may be shown to who did that */
	u8 *page[TEXT_PAGES];
};
static_assert(sizeof(struct text) <= PAGE_SIZE, "a text is a frame, and those it names");

/* Add bytes, and a line of at most TEXT_LINE - 1.  Context: a task's, no spinlock held. */
#define TEXT_LINE 320
void text_put(struct text *t, const void *bytes, u64 n);
void text_print(struct text *t, const char *fmt, ...) __printf_like(2, 3);

/* An empty one, or NULL; the others make it empty, and give it back (NULL, too). */
struct text *text_alloc(void);
void text_clear(struct text *t);
void text_drop(struct text *t);

#endif
