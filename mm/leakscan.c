/*
 * The leak scan.  Every window of eight bytes of a page counts: an unaligned one may be
 * part of an instruction, or the residue of two words.  An address that a gate
 * or a descriptor holds in pieces is put together first.
 *
 * Hidden are the image, the vmap area, and of the direct map what has RAM
 * behind it.  Called by mm/audit.c.
 */
#include "kernel/base/string.h"
#include "mm/frame.h"
#include "mm/image.h"
#include "mm/leakscan.h"
#include "mm/pagetable.h"

bool leakscan_is_hidden(u64 v)
{
	if (v - DIRECT_MAP_BASE < frame_stats().top)
		return true;
	if (v - VMAP_BASE < VMAP_END - VMAP_BASE)
		return true;
	return v >= KERNEL_BASE && v < (u64)image_data_end;
}

static long scan_windows(const u8 *p, u64 *value)
{
	for (long i = 0; i <= PAGE_SIZE - 8; i++) {
		/* Bits 63 to 48 of a kernel-half address are ones. */
		if (p[i + 7] != 0xff || p[i + 6] != 0xff)
			continue;
		memcpy(value, p + i, 8);
		if (leakscan_is_hidden(*value))
			return i;
	}
	return -1;
}

/* Offset of a gate, SDM vol. 3, 6.14.1. */
static long scan_gates(const u64 *p, u64 *value)
{
	for (unsigned i = 0; i < PT_ENTRIES; i += 2) {
		*value = (p[i] & 0xffff) | (p[i] >> 48) << 16 | p[i + 1] << 32;
		if (leakscan_is_hidden(*value))
			return i * 8;
	}
	return -1;
}

/* Base of a 16-byte system descriptor, or of any pair that may be one. */
static long scan_descriptors(const u64 *p, u64 *value)
{
	for (unsigned i = 0; i + 1 < PT_ENTRIES; i++) {
		*value = (p[i] >> 16 & 0xffffff) | (p[i] >> 56) << 24 | p[i + 1] << 32;
		if (leakscan_is_hidden(*value))
			return i * 8;
	}
	return -1;
}

long leakscan_page(const void *page, enum ledger_kind kind, u64 *value)
{
	long at = scan_windows(page, value);

	if (at < 0 && kind == LEDGER_IDT)
		at = scan_gates(page, value);
	if (at < 0 && kind == LEDGER_GDT)
		at = scan_descriptors(page, value);
	return at;
}
