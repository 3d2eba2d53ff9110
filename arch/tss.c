/*
 * Fills the TSS, once per CPU, through the direct map; the alias in the entry
 * area is read-only.  No scratch words in it: the stacks it names and where the
 * bitmap is are all.  arch/state/io_bitmap.c shows and hides the bitmap.
 */
#include "arch/cpu_entry_area.h"
#include "arch/tss.h"

void tss_fill(struct tss *tss, struct cpu_entry_area *area)
{
	tss->sp[0] = (u64)&area->entry_stack + ENTRY_STACK_SIZE;
	for (unsigned i = 0; i < NR_IST; i++)
		tss->ist[i] = (u64)(&area->ist[i].stack + 1);
	tss->io_bitmap_base = TSS_NO_IO_BITMAP;
}
