/*
 * What the kernel knows from the firmware's hands: both boot protocols,
 * multiboot2 and PVH, are turned into this one structure, and nothing after
 * boot/ knows which of them it was.
 *
 * Everything is copied in; no pointer into the loader's memory remains, except
 * that the initramfs lies where `initramfs` says.  Filled once by CPU 0 before
 * the frame allocator exists, which then reads the regions.
 */
#ifndef KERNEL_BASE_BOOT_INFO_H
#define KERNEL_BASE_BOOT_INFO_H

#include "kernel/base/types.h"

#define BOOT_MAX_REGIONS 256
#define BOOT_RSDP_SIZE 36 /* the ACPI 2 structure; ACPI 1 has 20 bytes */

/* Physical addresses have at most 52 bits in x86-64 (Intel SDM 3A 4.1.4). */
#define BOOT_PHYS_END BIT(52)

enum boot_protocol {
	BOOT_MULTIBOOT2,
	BOOT_PVH,
};

/* Where two regions overlap, the later name in this list wins (as in Linux). */
enum boot_region_type {
	BOOT_REGION_RAM,
	BOOT_REGION_RESERVED,
	BOOT_REGION_ACPI_RECLAIM, /* free once the ACPI tables have been read */
	BOOT_REGION_ACPI_NVS,
	BOOT_REGION_BAD,
};

struct boot_region {
	phys_addr_t start;
	phys_addr_t end; /* exclusive; never below start */
	enum boot_region_type type;
};

struct boot_range {
	phys_addr_t start;
	phys_addr_t end; /* exclusive; equal to start if there is nothing */
};

struct boot_info {
	enum boot_protocol protocol;
	char loader[64];    /* its name; for PVH, which gives none, "PVH" */
	char cmdline[2048]; /* for kernel/start/args.c */

	/* As the loader gave them, until boot_info_sort_regions(). */
	struct boot_region regions[BOOT_MAX_REGIONS];
	unsigned region_count;
	unsigned regions_lost; /* did not fit */

	struct boot_range initramfs; /* the first module */

	/*
	 * The loader's structure itself.  A parser sees only a pointer, so its
	 * caller sets info_start, before; the parser adds the length.
	 */
	phys_addr_t info_start;
	phys_addr_t info_end;

	u8 rsdp[BOOT_RSDP_SIZE]; /* unchecked; arch/machine/acpi.c does that */
	unsigned rsdp_len;       /* bytes of it that are filled; 0: none */
	phys_addr_t rsdp_addr;   /* 0 if the loader gave only a copy */

	u64 tsc_at_entry;               /* behind the check of the CPU */
	void (*warn)(const char *line); /* gets what is odd but not fatal */
};

/*
 * Empties *bi.  `warn` gets one line without a newline for each oddity that
 * does not stop the boot, while the parser runs; NULL drops them.
 */
void boot_info_init(struct boot_info *bi, void (*warn)(const char *line));

/* Formats one line, cut at 199 bytes, for bi->warn. */
void boot_info_warn(struct boot_info *bi, const char *fmt, ...) __printf_like(2, 3);

/*
 * Adds `length` bytes from `start`, of an E820 type, which both protocols use
 * (1 RAM, 3 ACPI reclaimable, 4 ACPI NVS, 5 bad, anything else reserved;
 * source: ACPI 6.4, table 15.4).  An empty region is dropped silently.  One
 * that reaches beyond the physical address space is warned about and, if RAM,
 * dropped, else cut; one too many is counted in regions_lost, and the first
 * such is warned about.  Needs bi->protocol for the wording.
 */
void boot_info_add_region(struct boot_info *bi, phys_addr_t start, u64 length, u32 e820_type);

/*
 * Forgets the initramfs, with a warning that names both ranges, if it lies over
 * [start, end), which is `what`: one of the two has been overwritten.
 */
void boot_info_keep_apart(struct boot_info *bi, const char *what, phys_addr_t start,
			  phys_addr_t end);

/*
 * Makes the list ascending, free of overlaps, aligned to 4 KiB pages (RAM
 * shrinks, everything else grows) and as short as it can be (neighbours of one
 * type are merged).  Should cutting regions around each other give more than
 * the list can hold, the highest are dropped and warned about: no RAM is
 * invented, only lost.  Not reentrant: it uses a static scratch list.
 */
void boot_info_sort_regions(struct boot_info *bi);

/* "RAM", "reserved", ... for the boot log; "?" for a value out of range. */
const char *boot_region_name(enum boot_region_type type);

#endif
