/*
 * The hardware TSS of 64-bit mode.  Behind it, in the entry area, three pages have room
 * for an IO bitmap.  Source: Intel SDM vol. 3, 7.7; vol. 1, 19.5.2 (IO bitmap).
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
	u16 io_bitmap_base; /* TSS_IO_BITMAP, or TSS_NO_IO_BITMAP */
};

static_assert(sizeof(struct tss) == TSS_IO_BITMAP, "the bitmap follows");

/*
 * TSS limit: up to and with the byte behind the bitmap, which the processor reads along
 * with the bitmap's last one, and which must be all ones.
 */
#define TSS_LIMIT (TSS_IO_BITMAP + IO_BITMAP_BYTES)

/* A bitmap that begins beyond the limit: the processor denies every port unread. */
#define TSS_NO_IO_BITMAP (TSS_LIMIT + 1)

struct cpu_entry_area;

/* Fills a TSS for the area of one CPU: sp0, ISTs, no bitmap. */
void tss_fill(struct tss *tss, struct cpu_entry_area *area);

#endif
