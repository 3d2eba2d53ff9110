/*
 * Fills the TSS, once per CPU, through the direct map; the alias in the entry
 * area is read-only.  No scratch words in it: the stacks it names and the
 * bitmap are all.
 */
#include "arch/cpu_entry_area.h"
#include "arch/tss.h"
#include "kernel/base/string.h"

void tss_fill(struct tss *tss, struct cpu_entry_area *area)
{
	tss->sp[0] = (u64)&area->entry_stack + ENTRY_STACK_SIZE;
	for (unsigned i = 0; i < NR_IST; i++)
		tss->ist[i] = (u64)(&area->ist[i].stack + 1);
	tss->io_bitmap_base = offsetof(struct tss, io_bitmap);
	memset(tss->io_bitmap, 0xff, sizeof(tss->io_bitmap));
	tss->io_bitmap_end = 0xff;
}
