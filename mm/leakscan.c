/*
 * The leak scan.  Every window of eight bytes of a page counts: an unaligned one may be
 * part of an instruction, or the residue of two words.  An address that a gate
 * or a descriptor holds in pieces is put together first.
 *
 * Hidden are the image, the vmap area, and of the direct map what has RAM
 * behind it.
 */
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/leakscan.h"
#include "mm/pagetable.h"

bool leakscan_is_hidden(u64 v)
{
	if (v < VMAP_BASE)
		return v >= DIRECT_MAP_BASE && v - DIRECT_MAP_BASE < frame_stats().top;
	/* Not from KERNEL_BASE: the vector of INT 0x80, pushed as -128, above zeroes
	 * makes that very number, in which there is no secret. */
	return v < VMAP_END || (v >= (u64)image_text_start && v < (u64)image_data_end);
}

/* The first `size` bytes at p. */
static long scan_windows(const u8 *p, long size, u64 *value)
{
	for (long i = 0; i <= size - 8; i++) {
		/* Bits 63 to 48 of a kernel-half address are ones. */
		if (p[i + 7] != 0xff || p[i + 6] != 0xff) {
			i += p[i + 7] != 0xff; /* nor is the next window's byte 6 */
			continue;
		}
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

/*
 * In an LDT the program chooses base, limit and most flags, so any window may
 * look like an address: it tells the program nothing that it did not say.  What
 * is not a segment as user_desc_pack() makes them was not chosen by it.
 */
static long scan_ldt(const u64 *p, u64 *value)
{
	u64 chosen = DESC_SEGMENT | DESC_DPL3 | DESC_ACCESSED;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		*value = p[i];
		if (p[i] && (p[i] & (chosen | DESC_LONG)) != chosen)
			return i * 8;
	}
	return -1;
}

long leakscan_page(const void *page, enum ledger_kind kind, u64 *value)
{
	long at;

	if (kind == LEDGER_IO_BITMAP)
		return -1;
	at = kind == LEDGER_LDT ? scan_ldt(page, value) : scan_windows(page, PAGE_SIZE, value);
	if (at < 0 && kind == LEDGER_IDT)
		at = scan_gates(page, value);
	if (at < 0 && kind == LEDGER_GDT)
		at = scan_descriptors(page, value);
	return at;
}

long leakscan_seam(const void *below, const void *above, u64 *value)
{
	u8 both[14];
	long at;

	memcpy(both, (const u8 *)below + PAGE_SIZE - 7, 7);
	memcpy(both + 7, above, 7);
	at = scan_windows(both, sizeof(both), value);
	return at < 0 ? -1 : PAGE_SIZE - 7 + at;
}
