/*
 * Make-believe firmware for the tests of arch/machine/acpi.c: builds ACPI tables in
 * `fw`, for a test to spoil, and has them parsed.
 *
 * Used by test_acpi.c and test_poweroff.c.
 */
#ifndef TESTS_HOST_FIRMWARE_H
#define TESTS_HOST_FIRMWARE_H

#include "arch/machine/acpi.h"
#include "tests/host/host.h"

#define FW_BASE 0xe0000

extern struct firmware {
	struct host_buf b;                    /* physical memory at FW_BASE */
	size_t rsdt, xsdt, madt, fadt, dsdt, hpet;  /* offsets; the RSDP is at 0 */
	size_t second;                        /* one more for the roots, or 0 */
	struct acpi_info info;                /* what the parser made of it */
	struct complaint why;
} fw;

/* A machine of three CPUs and two IOAPICs, without a fault. */
void fw_good(void);

/* The same up to the MADT's entries, which the caller appends, and then
 * fw_end_table(fw.madt) and fw_put_roots(). */
void fw_begin_good(void);
void fw_lapic(u8 id, u32 flags);
void fw_x2apic(u32 id, u32 flags);
void fw_ioapic(u8 id, u32 addr, u32 gsi);
size_t fw_begin_table(const char *signature);
/* Appends the same table again; the roots name it if it becomes fw.second. */
size_t fw_copy_table(size_t table);
void fw_end_table(size_t at);
void fw_put_roots(void);

/* Makes every checksum good whose table lies inside `len` bytes. */
void fw_seal_bytes(u8 *bytes, size_t len);
void fw_seal(void);
void fw_fix_sum(u8 *bytes, size_t at, size_t len, size_t sum_at);
u32 fw_length_of(const u8 *bytes, size_t table);

/* Changes bytes of fw.b, and seals. */
void fw_set8(size_t at, u8 value);
void fw_set32(size_t at, u32 value);

/* Has fw parsed, with the first `rsdp_len` bytes, or 36, as the RSDP; the
 * parser's reports are in host_recorded(). */
int fw_parse_with(size_t rsdp_len);
int fw_parse(void);

/* Parses, and expects success with exactly this report. */
#define FW_REPORTS(lines) \
	do { \
		CHECK_EQ(fw_parse(), 0); \
		CHECK_STR(host_recorded(), lines); \
	} while (0)

#endif
