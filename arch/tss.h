/*
 * The hardware TSS of 64-bit mode with its IO bitmap, as it lies in the entry
 * area.  Source: Intel SDM vol. 3, 7.7; vol. 1, 19.5.2 (IO bitmap).
 */
#ifndef ARCH_TSS_H
#define ARCH_TSS_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"
#include "kernel/base/x86.h"

struct __packed tss {
	u32 reserved0;
	u64 sp[3]; /* sp[0]: the entry stack's top, for ever */
	u64 reserved1;
	u64 ist[7]; /* ist[n - 1] is IST n */
	u64 reserved2;
	u16 reserved3;
	u16 io_bitmap_base;
	u8 io_bitmap[IO_BITMAP_BYTES]; /* a set bit denies its port */
	u8 io_bitmap_end;              /* all ones: read along with the last byte */
};

static_assert(offsetof(struct tss, io_bitmap) == TSS_IO_BITMAP, "the hardware's part");

/* TSS limit: up to and with the final byte of the bitmap. */
#define TSS_LIMIT (sizeof(struct tss) - 1)

struct cpu_entry_area;

/* Fills a TSS for the area of one CPU: sp0, ISTs, a bitmap that denies all. */
void tss_fill(struct tss *tss, struct cpu_entry_area *area);

#endif
