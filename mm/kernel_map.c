/*
 * Builds the map that the kernel lives in, once, on the boot CPU.
 *
 *   direct map   all RAM and ACPI regions, RW NX; the read-only parts of the
 *                image are read-only there too
 *   image        text R X, rodata R, data RW NX, 4 KiB pages
 *   slots 402, 507, 508, 509, 511: a PUD page each, so that every later PGD pair
 *                can copy the slot and never needs to be told of a change
 *
 * No page is W and X at once in any table (P5 of mm/pti.c).
 * Read next: mm/pti.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/image.h"
#include "mm/kernel_map.h"
#include "mm/pti.h"

/* What the kernel, its tables and a small program need, with room to spare. */
#define MEMORY_MIN (16ULL << 20)

u64 kernel_map_global(void)
{
	return pti_enabled ? 0 : PTE_G;
}

static bool is_mapped_type(enum boot_region_type type)
{
	return type == BOOT_REGION_RAM || type == BOOT_REGION_ACPI_RECLAIM ||
	       type == BOOT_REGION_ACPI_NVS;
}

static bool overlaps(phys_addr_t a, phys_addr_t a_end, phys_addr_t b, phys_addr_t b_end)
{
	return a < b_end && b < a_end;
}

/* Behind [b, b_end) if it overlaps [at, at + size). */
static phys_addr_t behind(phys_addr_t at, u64 size, phys_addr_t b, phys_addr_t b_end)
{
	return overlaps(at, at + size, b, b_end) ? ALIGN_UP(b_end, PAGE_SIZE) : at;
}

phys_addr_t kernel_map_find_room(const struct boot_info *bi, u64 size)
{
	for (unsigned i = 0; i < bi->region_count; i++) {
		const struct boot_region *r = &bi->regions[i];
		phys_addr_t at = MAX(r->start, ALIGN_UP((u64)image_phys_end, PAGE_SIZE));

		if (r->type != BOOT_REGION_RAM)
			continue;
		for (int pass = 0; pass < 2; pass++) { /* each may push into the other */
			at = behind(at, size, bi->initramfs.start, bi->initramfs.end);
			at = behind(at, size, bi->info_start, bi->info_end);
		}
		if (at + size <= MIN(r->end, EARLY_MAP_END))
			return at;
	}
	return 0;
}

void kernel_map_init_frames(const struct boot_info *bi)
{
	phys_addr_t top = 0, bitmap, ram = 0;
	u64 size;

	for (unsigned i = 0; i < bi->region_count; i++) {
		if (bi->regions[i].type != BOOT_REGION_RAM)
			continue;
		top = MAX(top, bi->regions[i].end);
		ram += bi->regions[i].end - bi->regions[i].start;
	}
	if (ram < MEMORY_MIN)
		refuse("memory: found %lu KiB of RAM, expected at least %llu KiB", ram >> 10,
		       MEMORY_MIN >> 10);
	top = MIN(top, DIRECT_MAP_END - DIRECT_MAP_BASE);
	size = ALIGN_UP(frame_bitmap_bytes(top), PAGE_SIZE);
	bitmap = kernel_map_find_room(bi, size);
	if (!bitmap)
		refuse("memory: found no room for the frame bitmap, expected %lu KiB", size >> 10);
	memset(phys_to_virt(bitmap), 0, size);
	frame_init(phys_to_virt(bitmap), top);
	for (unsigned i = 0; i < bi->region_count; i++)
		if (bi->regions[i].type == BOOT_REGION_RAM)
			frame_add_range(bi->regions[i].start, bi->regions[i].end);
	frame_reserve_range(bitmap, bitmap + size);
	frame_reserve_range(0, PAGE_SIZE);
	frame_reserve_range(KERNEL_PHYS_START, (phys_addr_t)image_phys_end);
	if (bi->initramfs.end > bi->initramfs.start)
		frame_reserve_range(bi->initramfs.start, bi->initramfs.end);
}

static void map_or_panic(virt_addr_t va, phys_addr_t pa, u64 size, u64 prot, unsigned max_level)
{
	int err = pt_map_range(pti_init_pgd, va, pa, size, prot | kernel_map_global(), max_level);

	if (err)
		panic("memory: cannot map %#lx bytes at %#lx: error %d", size, va, err);
}

/* The part of [start, end) that lies in [from, to). */
static void map_direct_part(phys_addr_t start, phys_addr_t end, phys_addr_t from, phys_addr_t to,
			    u64 prot, unsigned max_level)
{
	start = MAX(start, from);
	end = MIN(end, to);
	if (start < end)
		map_or_panic(DIRECT_MAP_BASE + start, start, end - start, prot, max_level);
}

static void map_direct(phys_addr_t start, phys_addr_t end, unsigned max_level)
{
	phys_addr_t ro = image_to_phys(image_text_start);
	phys_addr_t ro_end = image_to_phys(image_rodata_end);
	phys_addr_t top = DIRECT_MAP_END - DIRECT_MAP_BASE;

	map_direct_part(start, end, 0, ro, PROT_RW, max_level);
	map_direct_part(start, end, ro, ro_end, PROT_R, 1);
	map_direct_part(start, end, ro_end, top, PROT_RW, max_level);
}

static void map_image(const char *start, const char *end, u64 prot)
{
	map_or_panic((virt_addr_t)start, image_to_phys(start), (u64)(end - start), prot, 1);
}

static void add_empty_slot(unsigned slot)
{
	phys_addr_t pa = frame_alloc_zeroed();

	if (pa == NO_FRAME)
		panic("memory: no frame for PGD slot %u", slot);
	pti_init_pgd[slot] = pa | PTE_P | PTE_W | PTE_A;
}

void kernel_map_init(const struct boot_info *bi, bool gib_pages)
{
	for (unsigned i = 0; i < bi->region_count; i++)
		if (is_mapped_type(bi->regions[i].type))
			map_direct(bi->regions[i].start, bi->regions[i].end, gib_pages ? 3 : 2);
	map_image(image_text_start, image_text_end, PROT_RX);
	map_image(image_rodata_start, image_rodata_end, PROT_R);
	map_image(image_data_start, image_data_end, PROT_RW);
	add_empty_slot(PGD_SLOT_VMAP);
	add_empty_slot(PGD_SLOT_PROCESS_ENTRY);
	add_empty_slot(PGD_SLOT_CEA);
	add_empty_slot(PGD_SLOT_VAULT);
	if (pti_enabled)
		pti_user_pgd(pti_init_pgd)[PGD_SLOT_CEA] = pti_init_pgd[PGD_SLOT_CEA];
	write_cr3(virt_to_phys(pti_init_pgd));
}
