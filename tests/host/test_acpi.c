/*
 * Test of arch/machine/acpi.c: the RSDP, the root tables, the MADT, and damage to any
 * of them; test_poweroff.c has the FADT and the DSDT.
 *
 * Each case spoils something of the good tables and seals them, so that the
 * damage is not found by its checksum but by the check that is meant.
 */
#include "kernel/base/errno.h"
#include "tests/host/firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_good(void)
{
	CHECK_STR(fw.why.text, "");
	CHECK_STR(host_recorded(), "");
	CHECK_EQ(fw.info.cpu_count, 3);
	CHECK_EQ(fw.info.cpus_excess, 0);
	CHECK_EQ(fw.info.cpu_apic_id[0], 0);
	CHECK_EQ(fw.info.cpu_apic_id[1], 4);
	CHECK_EQ(fw.info.cpu_apic_id[2], 300);
	CHECK_EQ(fw.info.lapic_addr, 0xfee00000);
	CHECK_EQ(fw.info.ioapic_count, 2);
	CHECK_EQ(fw.info.ioapic[1].id, 2);
	CHECK_EQ(fw.info.ioapic[1].addr, 0xfec01000);
	CHECK_EQ(fw.info.ioapic[1].gsi_base, 24);
	CHECK_EQ(fw.info.isa[0].gsi, 2);
	CHECK_EQ(fw.info.pm1a_cnt, 0x604);
	CHECK_EQ(fw.info.pm1b_cnt, 0);
	CHECK_EQ(fw.info.pm_tmr, 0x608);
	CHECK(!fw.info.pm_tmr_32);
	CHECK_EQ(fw.info.hpet, 0xfed00000);
	CHECK(fw.info.has_reset);
	CHECK_EQ(fw.info.reset.space, 1);
	CHECK_EQ(fw.info.reset.addr, 0xcf9);
	CHECK_EQ(fw.info.reset_value, 0xf);
	CHECK_EQ(fw.info.dsdt, FW_BASE + fw.dsdt);
	CHECK(fw.info.has_s5);
	CHECK_EQ(fw.info.slp_typa, 5);
	CHECK_EQ(fw.info.slp_typb, 1);
}

static void test_good(void)
{
	fw_good();
	CHECK_EQ(fw_parse(), 0);
	check_good();
	fw_set32(fw.dsdt, 0);
	host_record_clear();
	CHECK_EQ(acpi_parse(fw.b.bytes, 36, host_phys_map, NULL, &fw.info,
			    &fw.why), 0);
	CHECK_STR(host_recorded(), "");
}

static void test_rsdt(void)
{
	fw_good();
	host_set_u32(&fw.b, fw.xsdt, 0); /* only the RSDT is any good */
	CHECK_EQ(fw_parse_with(20), 0);
	check_good();
	fw_set8(15, 0);
	CHECK_EQ(fw_parse(), 0);
	check_good();
	fw_good();
	host_set_u64(&fw.b, 24, 0);
	fw_seal();
	CHECK_EQ(fw_parse(), 0);
	check_good();
	fw_good(); /* and now only the XSDT */
	fw_set32(16, 0);
	CHECK_EQ(fw_parse(), 0);
	check_good();
}

static void test_rsdp_damage(void)
{
	fw_good();
	CHECK_EQ(fw_parse_with(19), -EINVAL);
	CHECK_STR(fw.why.text, "acpi: found an RSDP of 19 bytes, expected at "
			       "least 20");
	fw_set8(7, 'x');
	CHECK_EQ(fw_parse(), -EINVAL);
	CHECK_STR(fw.why.text, "acpi: found the signature 'RSD PTRx', "
			       "expected 'RSD PTR '");
	fw_good();
	fw.b.bytes[9] ^= 1;
	CHECK_EQ(fw_parse(), -EINVAL);
	CHECK_HAS(fw.why.text, "in the RSDP, expected 0");
	fw_good();
	fw.b.bytes[33] ^= 1;
	FW_REPORTS("acpi: found a damaged second part of the RSDP, expected "
		   "36 to 36 bytes that add up to 0; no XSDT\n");
	CHECK_EQ(fw.info.cpu_count, 3);
	fw_good();
	fw_set32(20, 37);
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "damaged second part");
	fw_set32(20, 24);
	fw_fix_sum(fw.b.bytes, 0, 24, 23);
	fw_fix_sum(fw.b.bytes, 0, 20, 8);
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "damaged second part");
}

static void test_table_damage(void)
{
	fw_good();
	fw.b.bytes[fw.madt + 20] ^= 3;
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "in the APIC, expected 0; ignored\nacpi: "
		  "found no enabled CPU, expected a MADT with one\n");
	CHECK_EQ(fw.info.cpu_count, 0);
	CHECK_EQ(fw.info.pm1a_cnt, 0x604);
	fw_good();
	fw_set32(fw.dsdt + 4, 35);
	FW_REPORTS("acpi: found a length of 35 in the DSDT, expected 36 to "
		   "16777216; ignored\n");
	CHECK(!fw.info.has_s5);
	fw_set32(fw.dsdt + 4, 36);
	FW_REPORTS("acpi: found no usable _S5, expected one; no ACPI power "
		   "off\n");
	fw_set32(fw.dsdt + 4, 16777217);
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "found a length of 16777217 in the DSDT");
	fw_set32(fw.dsdt + 4, 0x10000);
	FW_REPORTS("acpi: found unreadable memory in the 65536 bytes at "
		   "0xe0030, expected the whole DSDT; ignored\n");
	fw_good();
	fw_set32(fw.dsdt, 0x1b445344);
	FW_REPORTS("acpi: found 'DSD?' at 0xe0030, expected the DSDT; "
		   "ignored\n");
	fw_set32(fw.fadt + 40, 0x1000);
	FW_REPORTS("acpi: found unreadable memory at 0x1000, expected the "
		   "DSDT; ignored\n");
}

static void test_roots(void)
{
	fw_good();
	fw.b.bytes[fw.xsdt + 9] ^= 1;
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "in the XSDT, expected 0; ignored\n");
	CHECK_EQ(fw.info.cpu_count, 3);
	fw.b.bytes[fw.rsdt + 9] ^= 1;
	CHECK_EQ(fw_parse(), -EINVAL);
	CHECK_STR(fw.why.text, "acpi: found neither a good XSDT nor a good "
			       "RSDT, expected one of them");
	fw_good();
	fw_set32(fw.xsdt + 36, 0x1000);
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "acpi: found unreadable memory at 0x1000, "
		  "expected a table; ignored\n");
	fw_good();
	host_set_u32(&fw.b, fw.xsdt + 4, 36 + 23);
	fw_seal();
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "acpi: found 7 bytes after the last entry "
		  "of the XSDT, expected none; ignored\n");
	fw_good(); /* an empty slot is nothing to talk about */
	host_set_u64(&fw.b, fw.xsdt + 52, 0);
	fw_seal();
	FW_REPORTS("");
}

/* The first of a kind counts, the RSDT's as the XSDT's; a later one gets a line. */
static void test_second_tables(void)
{
	const struct { const size_t *table; const char *name; size_t at; u32 other; } kind[] = {
		{ &fw.madt, "APIC", 36, 0xfed90000 },
		{ &fw.fadt, "FACP", 64, 0xb004 },
		{ &fw.hpet, "HPET", 44, 0xfed80000 },
	};
	char line[200];

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		fw_good();
		fw.second = fw_copy_table(*kind[i].table);
		fw_put_roots();
		fw_set32(fw.second + kind[i].at, kind[i].other);
		snprintf(line, sizeof(line), "acpi: found another %s at %#zx, expected the one "
			 "at %#zx alone; ignored\n", kind[i].name, FW_BASE + fw.second,
			 FW_BASE + *kind[i].table);
		FW_REPORTS(line);
		host_record_clear();
		check_good();
		fw_set8(15, 0); /* by the RSDT */
		FW_REPORTS(line);
		host_record_clear();
		check_good();
		fw_set8(15, 2); /* the first one is damaged: then the second counts */
		fw.b.bytes[*kind[i].table + 20] ^= 1;
		CHECK_EQ(fw_parse(), 0);
		CHECK_HAS(host_recorded(), "expected 0; ignored\n");
		CHECK(strstr(host_recorded(), "another") == NULL);
		CHECK_EQ(i == 0 ? fw.info.lapic_addr : i == 1 ? fw.info.pm1a_cnt : fw.info.hpet,
			 kind[i].other);
	}
}

/* One table that is listed twice is one. */
static void test_same_table_twice(void)
{
	fw_good();
	fw.second = fw.madt;
	fw_put_roots();
	FW_REPORTS("");
	check_good();
}

static void test_hpet(void)
{
	fw_good();
	fw_set32(fw.hpet + 4, 52);
	FW_REPORTS("acpi: found 52 bytes of HPET, expected at least 53; ignored\n");
	CHECK_EQ(fw.info.hpet, 0);
	fw_good();
	fw_set8(fw.hpet + 40, 1);
	FW_REPORTS("acpi: found an HPET in space 1 at 0xfed00000, expected memory below "
		   "4 GiB; ignored\n");
	fw_good();
	fw_set32(fw.hpet + 48, 1);
	FW_REPORTS("acpi: found an HPET in space 0 at 0x1fed00000, expected memory below "
		   "4 GiB; ignored\n");
	CHECK_EQ(fw.info.hpet, 0);
	fw_good();
	fw_set32(fw.hpet + 44, 0);
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "acpi: found an HPET in space 0 at 0, expected");
}

/* An entry of type 5 counts, whatever the table's own field says; one of them. */
static void test_lapic_override(void)
{
	fw_begin_good();
	host_set_u32(&fw.b, fw.madt + 36, 0xfed90000);
	host_put(&fw.b, (u8[]){ 5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0 }, 12);
	host_put(&fw.b, (u8[]){ 5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0 }, 12);
	host_put(&fw.b, (u8[]){ 5, 12, 0, 0, 0, 0, 0xe1, 0xfe, 0, 0, 0, 0 }, 12);
	fw_lapic(0, 1);
	fw_end_table(fw.madt);
	fw_put_roots();
	FW_REPORTS("acpi: found another address of the local APIC, 0xfee10000, expected "
		   "0xfee00000 alone; ignored\n");
	CHECK_EQ(fw.info.lapic_addr, 0xfee00000);
}

/* Interrupts of ISA alone, each by itself, and none beyond the last. */
static void test_isa_overrides(void)
{
	fw_begin_good();
	fw_lapic(0, 1);
	host_put(&fw.b, (u8[]){ 2, 10, 0, 0, 2, 0, 0, 0, 0, 0 }, 10);
	host_put(&fw.b, (u8[]){ 2, 10, 0, 9, 20, 0, 0, 0, 0xf, 0 }, 10);
	host_put(&fw.b, (u8[]){ 2, 10, 0, 5, 5, 0, 0, 0, 0x5, 0 }, 10);
	host_put(&fw.b, (u8[]){ 2, 10, 0, 16, 7, 0, 0, 0, 0, 0 }, 10);
	host_put(&fw.b, (u8[]){ 2, 10, 1, 0, 7, 0, 0, 0, 0, 0 }, 10);
	fw_end_table(fw.madt);
	fw_put_roots();
	CHECK_EQ(fw_parse(), 0);
	CHECK(fw.info.isa[0].gsi == 2 && !fw.info.isa[0].level && !fw.info.isa[0].active_low);
	CHECK(fw.info.isa[9].gsi == 20 && fw.info.isa[9].level && fw.info.isa[9].active_low);
	CHECK(fw.info.isa[5].gsi == 5 && !fw.info.isa[5].level && !fw.info.isa[5].active_low);
	CHECK_EQ(fw.info.isa[4].gsi, 4);
}

static void test_madt_damage(void)
{
	fw_good();
	fw_set8(fw.madt + 44 + 1, 7); /* the rest then means something else */
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "acpi: found an entry of type 0 with 7 "
		  "bytes in the APIC, expected at least 8; ignored\n");
	fw_good();
	fw_set8(fw.madt + 44 + 8 + 1, 1);
	FW_REPORTS("acpi: found an entry that does not fit at offset 52 of "
		   "the APIC, expected 2 to 136 bytes; ignored, with all "
		   "that follow\n");
	CHECK_EQ(fw.info.cpu_count, 1);
	fw_set8(fw.madt + 44 + 8 + 1, 137);
	CHECK_EQ(fw_parse(), 0);
	CHECK_EQ(fw.info.cpu_count, 1);
	fw_good();
	fw_set32(fw.madt + 4, 44 + 8 + 1); /* one byte of the second entry */
	FW_REPORTS("acpi: found an entry that does not fit at offset 52 of "
		   "the APIC, expected 2 to 1 bytes; ignored, with all that "
		   "follow\n");
	fw_set32(fw.madt + 4, 43);
	CHECK_EQ(fw_parse(), 0);
	CHECK_HAS(host_recorded(), "acpi: found 43 bytes of APIC, expected at "
		  "least 44; ignored\n");
}

static void test_short_entries(void)
{
	static const u8 types[] = { 0, 1, 2, 5, 9 };
	static const u8 sizes[] = { 8, 12, 10, 12, 16 };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fw_begin_good();
		host_put_u8(&fw.b, types[i]);
		host_put_u8(&fw.b, (u8)(sizes[i] - 1));
		host_put_zeros(&fw.b, sizes[i] - 3u);
		fw_lapic(7, 1);
		fw_end_table(fw.madt);
		fw_put_roots();
		CHECK_EQ(fw_parse(), 0);
		CHECK_HAS(host_recorded(), "acpi: found an entry of type ");
		CHECK_EQ(fw.info.cpu_count, 1);
		CHECK_EQ(fw.info.cpu_apic_id[0], 7);
	}
}

static void test_many_cpus(void)
{
	unsigned i;

	fw_begin_good();
	for (i = 0; i < 260; i++)
		fw_x2apic(i * 2, 1);
	for (i = 0; i < 17; i++)
		fw_ioapic((u8)i, 0xfec00000 + 0x1000 * i, i * 24);
	host_put(&fw.b, (u8[]){ 5, 12, 0, 0, 0, 0x10, 0, 0, 1, 0, 0, 0 }, 12);
	fw_end_table(fw.madt);
	fw_put_roots();
	FW_REPORTS("acpi: found more than 16 IOAPICs, expected at most that; "
		   "the one at 0xfec10000 is ignored\nacpi: found 4 CPUs "
		   "more than 256, expected at most that; ignored\n");
	CHECK_EQ(fw.info.cpu_count, 256);
	CHECK_EQ(fw.info.cpus_excess, 4);
	CHECK_EQ(fw.info.cpu_apic_id[255], 510);
	CHECK_EQ(fw.info.ioapic_count, 16);
	CHECK_EQ(fw.info.lapic_addr, 0x100001000);
}

static void test_scan(void)
{
	u8 *area = calloc(1, 256);

	fw_good();
	CHECK(acpi_scan_rsdp(area, 256) == NULL);
	memcpy(area + 236, fw.b.bytes, 20); /* not on a step of 16 */
	CHECK(acpi_scan_rsdp(area, 256) == NULL);
	memset(area, 0, 256);
	memcpy(area + 224, fw.b.bytes, 20);
	CHECK(acpi_scan_rsdp(area, 256) == area + 224);
	CHECK(acpi_scan_rsdp(area, 244) == area + 224);
	CHECK(acpi_scan_rsdp(area, 243) == NULL);
	CHECK(acpi_scan_rsdp(area, 0) == NULL);
	memcpy(area + 16, fw.b.bytes, 20);
	area[16 + 9] ^= 1;
	CHECK(acpi_scan_rsdp(area, 256) == area + 224);
	area[16 + 9] ^= 1;
	CHECK(acpi_scan_rsdp(area, 256) == area + 16);
	free(area);
}

static void parse_bytes(const u8 *input, size_t len)
{
	int err;

	host_phys_set(FW_BASE, input, len);
	fw.why.text[0] = '\0';
	err = acpi_parse(input, MIN(len, 36), host_phys_map, host_record,
			 &fw.info, &fw.why);
	CHECK(err == 0 || err == -EINVAL);
	CHECK_EQ(err == 0, fw.why.text[0] == '\0');
	CHECK(fw.info.cpu_count <= ACPI_MAX_CPUS);
	CHECK(fw.info.ioapic_count <= ACPI_MAX_IOAPICS);
	CHECK(fw.info.slp_typa <= 7 && fw.info.slp_typb <= 7);
	acpi_scan_rsdp(input, len);
}

/* The same with good checksums, so that the damage is met further inside. */
static void parse_sealed(const u8 *input, size_t len)
{
	u8 *exact = host_exact_copy(input, len);

	fw_seal_bytes(exact, len);
	parse_bytes(exact, len);
	host_phys_set(0, NULL, 0);
	free(exact);
}

/* Tables cut short at every length, by their own length field. */
static void test_short_tables(void)
{
	const size_t *tables[] = {
		&fw.rsdt, &fw.xsdt, &fw.madt, &fw.fadt, &fw.dsdt, &fw.hpet,
	};
	u32 length, i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		fw_good();
		length = fw_length_of(fw.b.bytes, *tables[i]);
		while (length-- != 0) {
			fw_set32(*tables[i] + 4, length);
			parse_bytes(fw.b.bytes, fw.b.len);
		}
	}
}

static void test_truncated(void)
{
	fw_good();
	host_truncate(fw.b.bytes, fw.b.len, parse_bytes);
	host_truncate(fw.b.bytes, fw.b.len, parse_sealed);
	test_short_tables();
}

static void test_fuzz(void)
{
	fw_good();
	host_fuzz(fw.b.bytes, fw.b.len, 20000, parse_bytes);
	host_fuzz(fw.b.bytes, fw.b.len, 40000, parse_sealed);
}

const struct host_case host_cases[] = {
	{ "CPUs, IOAPICs, ports and _S5 are found", test_good },
	{ "the RSDT serves where there is no XSDT", test_rsdt },
	{ "a damaged RSDP is refused", test_rsdp_damage },
	{ "a damaged table is left out", test_table_damage },
	{ "damaged root tables", test_roots },
	{ "the first table of a kind counts", test_second_tables },
	{ "one table that is listed twice is one", test_same_table_twice },
	{ "an HPET that cannot be used is left out", test_hpet },
	{ "the local APIC's address is the override's", test_lapic_override },
	{ "the PIT's input is that of IRQ 0 of ISA", test_isa_overrides },
	{ "damaged MADT entries are left out", test_madt_damage },
	{ "short MADT entries are left out", test_short_entries },
	{ "more CPUs and IOAPICs than there is room for", test_many_cpus },
	{ "the scan finds an RSDP on a step of 16", test_scan },
	{ "no truncation is read beyond its end", test_truncated },
	{ "60000 mutations are survived", test_fuzz },
	{ NULL, NULL }
};
