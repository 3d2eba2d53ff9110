/*
 * Text in pages, for files whose text is made when they are read.
 */
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/proc/text.h"
#include "mm/frames/frame.h"

#define MAX_SIZE (TEXT_PAGES * PAGE_SIZE)

/* Where the next byte goes, and how many have room there; NULL: nowhere. */
static u8 *room(struct text *t, u64 *n)
{
	u8 **page = &t->page[t->size / PAGE_SIZE];
	phys_addr_t pa;

	if (!*page) {
		pa = frame_alloc();
		if (pa == NO_FRAME)
			return NULL;
		*page = phys_to_virt(pa);
	}
	*n = MIN(*n, PAGE_SIZE - t->size % PAGE_SIZE);
	return *page + t->size % PAGE_SIZE;
}

void text_put(struct text *t, const void *bytes, u64 n)
{
	static const char end[] = "\n(cut here: more than fits)\n";

	while (n && t->size < MAX_SIZE && !t->err) {
		u64 part = n;
		u8 *to = room(t, &part);

		if (!to) {
			t->err = -ENOMEM;
			return;
		}
		memcpy(to, bytes, part);
		bytes = (const u8 *)bytes + part;
		n -= part;
		t->size += part;
	}
	if (n && !t->err)
		memcpy(t->page[TEXT_PAGES - 1] + PAGE_SIZE - sizeof(end) + 1, end, sizeof(end) - 1);
}

void text_print(struct text *t, const char *fmt, ...)
{
	char line[TEXT_LINE];
	va_list args;
	int n;

	va_start(args, fmt);
	n = format_va(line, sizeof(line), fmt, args);
	va_end(args);
	text_put(t, line, MIN((u64)n, sizeof(line) - 1));
}

struct text *text_alloc(void)
{
	phys_addr_t pa = frame_alloc_zeroed();

	return pa == NO_FRAME ? NULL : phys_to_virt(pa);
}

void text_clear(struct text *t)
{
	for (unsigned i = 0; i < TEXT_PAGES && t->page[i]; i++)
		frame_free(virt_to_phys(t->page[i]));
	memset(t->page, 0, sizeof(t->page));
	t->size = 0;
	t->err = 0;
}

void text_drop(struct text *t)
{
	if (!t)
		return;
	text_clear(t);
	frame_free(virt_to_phys(t));
}
