/*
 * Make-believe firmware for the tests of arch/machine/acpi.c: one blob of physical
 * memory from FW_BASE on, with an RSDP, a DSDT, an FADT, a MADT and both root
 * tables, laid out as QEMU does.
 *
 * Used by test_acpi.c and test_poweroff.c; firmware.h has the contracts.
 */
#include "tests/host/firmware.h"

#include <stdlib.h>
#include <string.h>

struct firmware fw;

void fw_fix_sum(u8 *bytes, size_t at, size_t len, size_t sum_at)
{
	size_t i;

	bytes[sum_at] = 0;
	for (i = at; i < at + len; i++)
		bytes[sum_at] = (u8)(bytes[sum_at] - (i == sum_at ? 0
								  : bytes[i]));
}

u32 fw_length_of(const u8 *bytes, size_t table)
{
	u32 length;

	memcpy(&length, bytes + table + 4, 4);
	return length;
}

void fw_seal_bytes(u8 *bytes, size_t len)
{
	const size_t tables[] = { fw.rsdt, fw.xsdt, fw.madt, fw.fadt, fw.dsdt, fw.hpet,
				  fw.second };
	size_t i, at;
	u32 length;

	if (len >= 36) {
		fw_fix_sum(bytes, 0, 20, 8);
		fw_fix_sum(bytes, 0, 36, 32);
	}
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		at = tables[i];
		if (at == 0 || at + 36 > len)
			continue;
		length = fw_length_of(bytes, at);
		if (length >= 36 && length <= len - at)
			fw_fix_sum(bytes, at, length, at + 9);
	}
}

void fw_seal(void)
{
	fw_seal_bytes(fw.b.bytes, fw.b.len);
}

size_t fw_begin_table(const char *signature)
{
	size_t at;

	host_pad(&fw.b, 16);
	at = fw.b.len;
	host_put(&fw.b, signature, 4);
	host_put_zeros(&fw.b, 32);
	return at;
}

void fw_end_table(size_t at)
{
	host_set_u32(&fw.b, at + 4, (u32)(fw.b.len - at));
}

void fw_lapic(u8 id, u32 flags)
{
	host_put(&fw.b, (u8[]){ 0, 8, id, id }, 4);
	host_put_u32(&fw.b, flags);
}

void fw_x2apic(u32 id, u32 flags)
{
	host_put(&fw.b, (u8[]){ 9, 16, 0, 0 }, 4);
	host_put_u32(&fw.b, id);
	host_put_u32(&fw.b, flags);
	host_put_u32(&fw.b, id);
}

void fw_ioapic(u8 id, u32 addr, u32 gsi)
{
	host_put(&fw.b, (u8[]){ 1, 12, id, 0 }, 4);
	host_put_u32(&fw.b, addr);
	host_put_u32(&fw.b, gsi);
}

static void fw_begin_madt(void)
{
	fw.madt = fw_begin_table("APIC");
	host_put_u32(&fw.b, 0xfee00000);
	host_put_u32(&fw.b, 1);
}

void fw_put_roots(void)
{
	size_t other = fw_begin_table("WAET"); /* with a bad checksum */

	fw_end_table(other);
	fw.rsdt = fw_begin_table("RSDT");
	host_put_u32(&fw.b, (u32)(FW_BASE + other));
	host_put_u32(&fw.b, (u32)(FW_BASE + fw.madt));
	host_put_u32(&fw.b, (u32)(FW_BASE + fw.fadt));
	host_put_u32(&fw.b, (u32)(FW_BASE + fw.hpet));
	if (fw.second != 0)
		host_put_u32(&fw.b, (u32)(FW_BASE + fw.second));
	fw_end_table(fw.rsdt);
	fw.xsdt = fw_begin_table("XSDT");
	host_put_u64(&fw.b, FW_BASE + fw.madt);
	host_put_u64(&fw.b, FW_BASE + fw.fadt);
	host_put_u64(&fw.b, FW_BASE + fw.hpet);
	if (fw.second != 0)
		host_put_u64(&fw.b, FW_BASE + fw.second);
	host_put_u64(&fw.b, FW_BASE + other);
	fw_end_table(fw.xsdt);
	host_set_u32(&fw.b, 16, (u32)(FW_BASE + fw.rsdt));
	host_set_u64(&fw.b, 24, FW_BASE + fw.xsdt);
	fw_seal();
}

void fw_begin_good(void)
{
	fw.b.len = fw.second = 0;
	host_put(&fw.b, "RSD PTR \0OEMOEM\2", 16);
	host_put_u32(&fw.b, 0);
	host_put_u32(&fw.b, 36);
	host_put_zeros(&fw.b, 12);

	fw.dsdt = fw_begin_table("DSDT");
	host_put(&fw.b, "\x08_S4_\x12\6\4\x0a\4\x0a\4", 12);
	host_put(&fw.b, "aml _S5_ without a name\x08_S5_", 28);
	host_put(&fw.b, (u8[]){ 0x12, 6, 4, 0x0a, 5, 1, 0, 0 }, 8);
	fw_end_table(fw.dsdt);

	fw.fadt = fw_begin_table("FACP");
	host_put_zeros(&fw.b, 244 - 36);
	host_set_u32(&fw.b, fw.fadt + 40, (u32)(FW_BASE + fw.dsdt));
	host_set_u32(&fw.b, fw.fadt + 64, 0x604);
	host_set_u32(&fw.b, fw.fadt + 76, 0x608);
	fw.b.bytes[fw.fadt + 91] = 4;
	host_set_u32(&fw.b, fw.fadt + 112, 1 << 10);
	memcpy(fw.b.bytes + fw.fadt + 116, (u8[]){ 1, 8, 0, 0, 0xf9, 0x0c }, 6);
	fw.b.bytes[fw.fadt + 128] = 0xf;
	fw_end_table(fw.fadt);

	fw.hpet = fw_begin_table("HPET");
	host_put_u32(&fw.b, 0x8086a201);
	host_put(&fw.b, (u8[]){ 0, 64, 0, 0 }, 4);
	host_put_u64(&fw.b, 0xfed00000);
	host_put_zeros(&fw.b, 4);
	fw_end_table(fw.hpet);
	fw_begin_madt();
}

size_t fw_copy_table(size_t table)
{
	size_t length = fw_length_of(fw.b.bytes, table), at;
	u8 *copy = host_exact_copy(fw.b.bytes + table, length);

	host_pad(&fw.b, 16);
	at = fw.b.len;
	host_put(&fw.b, copy, length);
	free(copy);
	return at;
}

void fw_good(void)
{
	fw_begin_good();
	fw_lapic(0, 1);
	fw_lapic(4, 1);
	fw_lapic(5, 0);     /* not enabled */
	fw_lapic(0xff, 1);  /* broadcast */
	fw_x2apic(4, 1);    /* a second time */
	fw_x2apic(300, 1);
	fw_x2apic(301, 2);  /* online capable, but not there */
	fw_x2apic(0xffffffff, 1);
	fw_ioapic(1, 0xfec00000, 0);
	fw_ioapic(2, 0xfec01000, 24);
	fw_ioapic(3, 0xfec01000, 24);
	host_put(&fw.b, (u8[]){ 2, 10, 0, 0, 2, 0, 0, 0, 0, 0 }, 10);
	host_put(&fw.b, (u8[]){ 0x80, 2 }, 2); /* unknown and empty */
	fw_end_table(fw.madt);
	fw_put_roots();
}

void fw_set8(size_t at, u8 value)
{
	fw.b.bytes[at] = value;
	fw_seal();
}

void fw_set32(size_t at, u32 value)
{
	host_set_u32(&fw.b, at, value);
	fw_seal();
}

int fw_parse_with(size_t rsdp_len)
{
	u8 *rsdp = host_exact_copy(fw.b.bytes, rsdp_len);
	int err;

	host_phys_set(FW_BASE, fw.b.bytes, fw.b.len);
	host_record_clear();
	fw.why.text[0] = '\0';
	err = acpi_parse(rsdp, rsdp_len, host_phys_map, host_record, &fw.info,
			 &fw.why);
	free(rsdp);
	return err;
}

int fw_parse(void)
{
	return fw_parse_with(36);
}
