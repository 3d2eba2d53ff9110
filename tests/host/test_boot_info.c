/*
 * Test of kernel/base/boot_info.c: adding memory regions, and putting them in order.
 *
 * Besides fixed cases, random lists are compared page by page with a map of a
 * small address space in which every byte was marked one by one.
 */
#include "kernel/base/boot_info.h"
#include "kernel/base/layout.h"
#include "tests/host/host.h"

#include <stdio.h>
#include <string.h>

enum { RAM = 1, RESERVED = 2, ACPI = 3, NVS = 4, BAD = 5 };

static struct boot_info bi;

static void begin(void)
{
	boot_info_init(&bi, host_record);
	bi.protocol = BOOT_MULTIBOOT2;
	host_record_clear();
}

static void add(u64 start, u64 end, u32 type)
{
	boot_info_add_region(&bi, start, end - start, type);
}

/* The list as text: "start-end name;" for each region. */
static const char *regions(void)
{
	static char text[4096];
	size_t used = 0;
	unsigned i;

	text[0] = '\0';
	for (i = 0; i < bi.region_count && used < sizeof(text) - 100; i++)
		used += (size_t)sprintf(text + used, "%lx-%lx %s;",
					bi.regions[i].start, bi.regions[i].end,
					boot_region_name(bi.regions[i].type));
	return text;
}

static void test_types(void)
{
	begin();
	add(0x1000, 0x2000, RAM);
	add(0x3000, 0x4000, RESERVED);
	add(0x5000, 0x6000, ACPI);
	add(0x7000, 0x8000, NVS);
	add(0x9000, 0xa000, BAD);
	add(0xb000, 0xc000, 77);
	add(0xd000, 0xd000, RAM);
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "1000-2000 RAM;3000-4000 reserved;"
		  "5000-6000 ACPI reclaimable;7000-8000 ACPI NVS;"
		  "9000-a000 bad;b000-c000 reserved;");
	CHECK_STR(boot_region_name((enum boot_region_type)5), "?");
	CHECK_STR(host_recorded(), "");
}

static void test_sort_and_merge(void)
{
	begin();
	add(0x5000, 0x8000, RAM);
	add(0x0, 0x1000, RAM);
	add(0x8000, 0x9000, RAM);
	add(0x1000, 0x2000, RESERVED);
	add(0x2000, 0x5000, RESERVED);
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "0-1000 RAM;1000-5000 reserved;5000-9000 RAM;");
}

static void test_rounding(void)
{
	begin();
	add(0x0, 0x9fc00, RAM);
	add(0x9fc00, 0xa0000, RESERVED);
	add(0x100800, 0x101000, RAM);
	add(0x200001, 0x203001, RAM);
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "0-9f000 RAM;9f000-a0000 reserved;"
		  "201000-203000 RAM;");

	begin(); /* two pieces that meet inside a page keep that page */
	add(0x1000, 0x2800, RAM);
	add(0x2800, 0x4000, RAM);
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "1000-4000 RAM;");

	begin(); /* two that share one page, both growing */
	add(0x1100, 0x1200, ACPI);
	add(0x1300, 0x1400, NVS);
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "1000-2000 ACPI NVS;");
}

static void test_overlap(void)
{
	begin();
	add(0x0, 0x10000, RAM);
	add(0x4000, 0x5000, RESERVED);
	add(0x8000, 0xa000, ACPI);
	add(0x9000, 0xb000, BAD);
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "0-4000 RAM;4000-5000 reserved;5000-8000 RAM;"
		  "8000-9000 ACPI reclaimable;9000-b000 bad;b000-10000 RAM;");
}

static void test_wrap(void)
{
	begin();
	add(0xfffffffffffff000, 0x1000, RAM);
	CHECK_STR(host_recorded(), "multiboot2: found a region of 0x2000 bytes "
		  "at 0xfffffffffffff000, expected its end at or below "
		  "0x10000000000000; ignored\n");
	CHECK_EQ(bi.region_count, 0);

	begin();
	bi.protocol = BOOT_PVH;
	add(0xff00000000000, 0x20000000000000, RESERVED);
	CHECK_HAS(host_recorded(), "pvh: found a region of ");
	CHECK_HAS(host_recorded(), "cut there");
	CHECK_STR(regions(), "ff00000000000-10000000000000 reserved;");

	begin();
	add(0x20000000000000, 0x20000000001000, RESERVED);
	CHECK_HAS(host_recorded(), "ignored");
	CHECK_EQ(bi.region_count, 0);

	begin();
	add(0, BOOT_PHYS_END, RAM);
	CHECK_STR(host_recorded(), "");
	boot_info_sort_regions(&bi);
	CHECK_STR(regions(), "0-10000000000000 RAM;");
}

static void test_too_many(void)
{
	unsigned i;

	begin();
	for (i = 0; i < BOOT_MAX_REGIONS + 3; i++)
		add(i * 0x2000, i * 0x2000 + 0x1000, RAM);
	CHECK_EQ(bi.region_count, BOOT_MAX_REGIONS);
	CHECK_EQ(bi.regions_lost, 3);
	CHECK_STR(host_recorded(), "multiboot2: found more than 256 memory "
		  "regions, expected at most that; the rest is ignored\n");
}

static void test_too_many_pieces(void)
{
	unsigned i;

	begin();
	add(0, 0x1000000, RAM);
	for (i = 0; i < 200; i++)
		add(i * 0x2000, i * 0x2000 + 0x1000, RESERVED);
	boot_info_sort_regions(&bi);
	CHECK_EQ(bi.region_count, BOOT_MAX_REGIONS);
	CHECK_EQ(bi.regions[BOOT_MAX_REGIONS - 1].end, 0x100000);
	CHECK_HAS(host_recorded(), "multiboot2: found memory regions that make "
		  "more than 256 pieces, expected at most that; nothing above "
		  "0x100000 is used\n");
}

static void test_warn(void)
{
	begin();
	boot_info_warn(&bi, "found %s", "a\nb");
	CHECK_STR(host_recorded(), "found a?b\n");
	boot_info_init(&bi, NULL);
	boot_info_warn(&bi, "nobody listens");
	CHECK_STR(host_recorded(), "found a?b\n");
}

/* The address space of the random test: 32 pages in units of a quarter. */
#define UNIT 0x400
#define UNITS 128

static int type_of_page(const int *unit, unsigned page)
{
	int best = 0;
	bool all = true;
	unsigned i;

	for (i = page * 4; i < page * 4 + 4; i++) {
		best = MAX(best, unit[i]);
		all = all && unit[i] != 0;
	}
	return best == RAM && !all ? 0 : best;
}

static int found_type(u64 address)
{
	const struct boot_region *r = bi.regions;

	for (; r != bi.regions + bi.region_count; r++) {
		if (address >= r->start && address < r->end)
			return (int)r->type + 1;
	}
	return 0;
}

static void check_order(void)
{
	const struct boot_region *r;
	unsigned i;

	for (i = 0; i < bi.region_count; i++) {
		r = &bi.regions[i];
		CHECK(r->start < r->end);
		CHECK(IS_ALIGNED(r->start | r->end, PAGE_SIZE));
		CHECK(i == 0 || r[-1].end < r->start ||
		      (r[-1].end == r->start && r[-1].type != r->type));
	}
}

static void test_random(void)
{
	int unit[UNITS];
	unsigned round, i, start, end, n;
	int type;

	for (round = 0; round < 5000; round++) {
		memset(unit, 0, sizeof(unit));
		begin();
		for (n = host_random() % 12; n != 0; n--) {
			start = host_random() % UNITS;
			end = start + host_random() % (UNITS - start);
			type = host_random() % 2 ? RAM
						 : 1 + (int)(host_random() % 5);
			add(start * UNIT, end * UNIT, (u32)type);
			for (i = start; i < end; i++)
				unit[i] = MAX(unit[i], type);
		}
		boot_info_sort_regions(&bi);
		check_order();
		for (i = 0; i < UNITS / 4; i++)
			CHECK_EQ(found_type(i * PAGE_SIZE),
				 type_of_page(unit, i));
	}
}

const struct host_case host_cases[] = {
	{ "E820 types become region types", test_types },
	{ "regions are sorted and merged", test_sort_and_merge },
	{ "RAM shrinks to pages, the rest grows", test_rounding },
	{ "what is not RAM wins an overlap", test_overlap },
	{ "a region beyond 52 bits is cut or ignored", test_wrap },
	{ "too many regions are counted and said once", test_too_many },
	{ "too many pieces lose the highest", test_too_many_pieces },
	{ "warnings are single clean lines", test_warn },
	{ "random lists agree with marking each page", test_random },
	{ NULL, NULL }
};
