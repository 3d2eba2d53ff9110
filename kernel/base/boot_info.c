/*
 * The list of memory regions: adding to it, and bringing it into order.
 *
 * Firmware may give regions in any order, overlapping, and ending in the
 * middle of a page; the frame allocator wants none of that.  Order comes from
 * one sweep over the address line: at each point the next boundary of any
 * region is found, and the strip up to there gets the type that wins.  With at
 * most 256 regions that is quick enough to need no sorting at all.
 *
 * Read next: multiboot2.c.
 */
#include "kernel/base/boot_info.h"

#include "kernel/base/complaint.h"
#include "kernel/base/layout.h"
#include "kernel/base/string.h"

enum e820 { E820_RAM = 1, E820_ACPI = 3, E820_NVS = 4, E820_BAD = 5 };

void boot_info_init(struct boot_info *bi, void (*warn)(const char *line))
{
	memset(bi, 0, sizeof(*bi));
	bi->warn = warn;
}

void boot_info_warn(struct boot_info *bi, const char *fmt, ...)
{
	struct complaint line;
	va_list ap;

	va_start(ap, fmt);
	complain_va(&line, fmt, ap);
	va_end(ap);
	if (bi->warn != NULL)
		bi->warn(line.text);
}

const char *boot_region_name(enum boot_region_type type)
{
	static const char *const names[] = {
		[BOOT_REGION_RAM] = "RAM",
		[BOOT_REGION_RESERVED] = "reserved",
		[BOOT_REGION_ACPI_RECLAIM] = "ACPI reclaimable",
		[BOOT_REGION_ACPI_NVS] = "ACPI NVS",
		[BOOT_REGION_BAD] = "bad",
	};

	return (size_t)type < ARRAY_SIZE(names) ? names[type] : "?";
}

static enum boot_region_type type_from_e820(u32 e820_type)
{
	switch (e820_type) {
	case E820_RAM: return BOOT_REGION_RAM;
	case E820_ACPI: return BOOT_REGION_ACPI_RECLAIM;
	case E820_NVS: return BOOT_REGION_ACPI_NVS;
	case E820_BAD: return BOOT_REGION_BAD;
	default: return BOOT_REGION_RESERVED;
	}
}

static const char *protocol_name(const struct boot_info *bi)
{
	return bi->protocol == BOOT_PVH ? "pvh" : "multiboot2";
}

void boot_info_add_region(struct boot_info *bi, phys_addr_t start, u64 length, u32 e820_type)
{
	enum boot_region_type type = type_from_e820(e820_type);
	bool cut = type != BOOT_REGION_RAM && start < BOOT_PHYS_END;

	if (length == 0)
		return;
	if (start > BOOT_PHYS_END || length > BOOT_PHYS_END - start) {
		boot_info_warn(bi,
			       "%s: found a region of %#lx bytes at %#lx, "
			       "expected its end at or below %#llx; %s",
			       protocol_name(bi), length, start, BOOT_PHYS_END,
			       cut ? "cut there" : "ignored");
		if (!cut)
			return;
		length = BOOT_PHYS_END - start;
	}
	if (bi->region_count == BOOT_MAX_REGIONS) {
		if (bi->regions_lost++ == 0)
			boot_info_warn(bi,
				       "%s: found more than %d memory "
				       "regions, expected at most that; the "
				       "rest is ignored",
				       protocol_name(bi), BOOT_MAX_REGIONS);
		return;
	}
	bi->regions[bi->region_count++] = (struct boot_region){
		.start = start,
		.end = start + length,
		.type = type,
	};
}

void boot_info_keep_apart(struct boot_info *bi, const char *what, phys_addr_t start,
			  phys_addr_t end)
{
	struct boot_range *r = &bi->initramfs;

	if (start >= end || r->start >= end || start >= r->end)
		return;
	boot_info_warn(bi,
		       "%s: found the initramfs at %#lx to %#lx over %s at %#lx "
		       "to %#lx, expected them apart; ignored",
		       protocol_name(bi), r->start, r->end, what, start, end);
	*r = (struct boot_range){ 0, 0 };
}

/*
 * The strip of one type that begins at `from`, or, if nothing covers `from`,
 * at the next region above it.  False if there is none.
 */
static bool next_strip(const struct boot_info *bi, phys_addr_t from, struct boot_region *strip)
{
	const struct boot_region *r;
	const struct boot_region *end = bi->regions + bi->region_count;
	phys_addr_t start = BOOT_PHYS_END;

	for (r = bi->regions; r != end; r++) {
		if (r->end > from)
			start = MIN(start, MAX(r->start, from));
	}
	if (start == BOOT_PHYS_END)
		return false;

	*strip = (struct boot_region){ start, BOOT_PHYS_END, BOOT_REGION_RAM };
	for (r = bi->regions; r != end; r++) {
		if (r->start > start) {
			strip->end = MIN(strip->end, r->start);
		} else if (r->end > start) {
			strip->end = MIN(strip->end, r->end);
			strip->type = MAX(strip->type, r->type);
		}
	}
	return true;
}

/* Replaces the list by its strips in ascending order, neighbours merged. */
static void sweep(struct boot_info *bi)
{
	static struct boot_region sorted[BOOT_MAX_REGIONS];
	struct boot_region strip;
	struct boot_region *last = NULL;
	phys_addr_t at = 0;
	unsigned n = 0;

	for (; next_strip(bi, at, &strip); at = strip.end) {
		if (last != NULL && last->end == strip.start && last->type == strip.type) {
			last->end = strip.end;
			continue;
		}
		if (n == BOOT_MAX_REGIONS) {
			boot_info_warn(bi,
				       "%s: found memory regions that make "
				       "more than %d pieces, expected at most "
				       "that; nothing above %#lx is used",
				       protocol_name(bi), BOOT_MAX_REGIONS, at);
			break;
		}
		last = &sorted[n++];
		*last = strip;
	}
	memcpy(bi->regions, sorted, n * sizeof(sorted[0]));
	bi->region_count = n;
}

/* Rounds every region to pages, and drops RAM of less than a page. */
static void align_to_pages(struct boot_info *bi)
{
	struct boot_region r;
	unsigned i;
	unsigned n = 0;

	for (i = 0; i < bi->region_count; i++) {
		r = bi->regions[i];
		if (r.type == BOOT_REGION_RAM) {
			r.start = ALIGN_UP(r.start, PAGE_SIZE);
			r.end = ALIGN_DOWN(r.end, PAGE_SIZE);
		} else {
			r.start = ALIGN_DOWN(r.start, PAGE_SIZE);
			r.end = ALIGN_UP(r.end, PAGE_SIZE);
		}
		if (r.start < r.end)
			bi->regions[n++] = r;
	}
	bi->region_count = n;
}

void boot_info_sort_regions(struct boot_info *bi)
{
	/*
	 * Twice: rounding must see whole regions, or RAM given in two pieces
	 * that meet inside a page would lose that page; and rounding makes
	 * neighbours overlap again.
	 */
	sweep(bi);
	align_to_pages(bi);
	sweep(bi);
}
