/*
 * Fixed hardware: what the FADT says of power management, with the one package of
 * the DSDT that powers off, and where the HPET is.
 *
 * The DSDT is bytecode; instead of an interpreter there is a byte scan for _S5.
 */
#include "arch/machine/acpi_tables.h"

#include "kernel/base/string.h"

enum { SPACE_MEMORY, SPACE_IO }; /* acpi_register.space */

/* Tables grow with each version of ACPI: look at table.length first. */
struct fadt {
	struct table head;
	u32 facs, dsdt;
	u8 unused1[20];
	u32 pm1a_cnt, pm1b_cnt;
	u32 pm2_cnt, pm_tmr;
	u8 unused2[11];
	u8 pm_tmr_len;
	u8 unused3[20];
	u32 flags;
	struct acpi_register reset;
	u8 reset_value;
	u8 unused4[11];
	u64 x_dsdt;
	u8 unused5[24];
	struct acpi_register x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr;
} __packed;
static_assert(offsetof(struct fadt, pm1a_cnt) == 64, "ACPI 6.4, table 5.9");
static_assert(offsetof(struct fadt, reset) == 116, "ACPI 6.4, table 5.9");
static_assert(offsetof(struct fadt, x_pm1a_cnt) == 172, "ACPI 6.4, table 5.9");

static_assert(offsetof(struct fadt, pm_tmr_len) == 91, "ACPI 6.4, table 5.9");
static_assert(offsetof(struct fadt, x_pm_tmr) == 208, "ACPI 6.4, table 5.9");

#define FADT_TMR_VAL_EXT BIT(8)
#define FADT_RESET_SUPPORTED BIT(10)
#define PM_TMR_LEN 4

struct hpet {
	struct table head;
	u32 block_id;
	struct acpi_register at;
	u8 number;
} __packed;

/* A port of the FADT: the newer field if it names a port, else the old one. */
static u16 fadt_port(struct reader *r, const char *what, u64 port,
		     const struct acpi_register *newer)
{
	if (newer != NULL && newer->addr != 0 && newer->space == SPACE_IO)
		port = newer->addr;
	if (port > 0xffff) {
		acpi_say(r,
			 "acpi: found a %s at %#lx, expected "
			 "an I/O port; ignored",
			 what, port);
		return 0;
	}
	return (u16)port;
}

bool acpi_take_fadt(struct reader *r, const struct table *table)
{
	const struct fadt *fadt = (const struct fadt *)table;
	struct acpi_info *info = r->info;
	bool has_x = TABLE_HAS(fadt, x_pm1b_cnt);

	if (!TABLE_HAS(fadt, pm1b_cnt)) {
		acpi_say(r,
			 "acpi: found %u bytes of FACP, expected at least "
			 "%zu; ignored",
			 fadt->head.length, offsetof(struct fadt, pm2_cnt));
		return false;
	}
	info->dsdt = fadt->dsdt;
	if (TABLE_HAS(fadt, x_dsdt) && fadt->x_dsdt != 0)
		info->dsdt = fadt->x_dsdt;
	info->pm1a_cnt =
		fadt_port(r, "PM1 control block", fadt->pm1a_cnt, has_x ? &fadt->x_pm1a_cnt : NULL);
	info->pm1b_cnt =
		fadt_port(r, "PM1 control block", fadt->pm1b_cnt, has_x ? &fadt->x_pm1b_cnt : NULL);
	if (TABLE_HAS(fadt, pm_tmr_len) && fadt->pm_tmr_len == PM_TMR_LEN)
		info->pm_tmr = fadt_port(r, "PM timer", fadt->pm_tmr,
					 TABLE_HAS(fadt, x_pm_tmr) ? &fadt->x_pm_tmr : NULL);
	info->pm_tmr_32 = TABLE_HAS(fadt, flags) && (fadt->flags & FADT_TMR_VAL_EXT);
	if (TABLE_HAS(fadt, reset_value) && (fadt->flags & FADT_RESET_SUPPORTED) &&
	    fadt->reset.addr != 0) {
		info->has_reset = true;
		info->reset = fadt->reset;
		info->reset_value = fadt->reset_value;
	}
	return true;
}

/* The first block of timers is the machine's clock. */
bool acpi_take_hpet(struct reader *r, const struct table *table)
{
	const struct hpet *hpet = (const struct hpet *)table;

	if (!TABLE_HAS(hpet, number)) {
		acpi_say(r, "acpi: found %u bytes of HPET, expected at least %zu; ignored",
			 table->length, sizeof(*hpet));
		return false;
	}
	if (hpet->at.space != SPACE_MEMORY || hpet->at.addr == 0 || hpet->at.addr >= 1ULL << 32) {
		acpi_say(r,
			 "acpi: found an HPET in space %u at %#lx, expected memory below "
			 "4 GiB; ignored",
			 hpet->at.space, hpet->at.addr);
		return false;
	}
	r->info->hpet = hpet->at.addr;
	return true;
}

/* An AML integer constant at *at, which must end by `end`: ZeroOp, OneOp, or a
 * byte, word or double word behind its prefix.  -1 if it is none of these. */
static s64 aml_integer(const u8 *aml, size_t *at, size_t end)
{
	size_t i, width;
	u32 value = 0;
	u8 op;

	if (*at >= end)
		return -1;
	op = aml[(*at)++];
	if (op == 0x00 || op == 0x01)
		return op;
	width = (size_t)1 << ((op - 0x0a) & 3);
	if (op < 0x0a || op > 0x0c || end - *at < width)
		return -1;
	for (i = 0; i < width; i++)
		value |= (u32)aml[(*at)++] << (8 * i);
	return value;
}

/*
 * The package at aml[at], whose AML ends at `end`:
 *	PackageOp(0x12) PkgLength NumElements SLP_TYPa SLP_TYPb ...
 * The first byte of PkgLength says in its top two bits how many bytes follow;
 * the length counts from its own first byte.  True if both values were found.
 */
static bool take_s5_package(struct acpi_info *info, const u8 *aml, size_t at, size_t end)
{
	size_t start = at + 1;
	size_t more, i, length;
	s64 a, b;

	if (end - at < 3 || aml[at] != 0x12)
		return false;
	more = aml[start] >> 6;
	length = aml[start] & (more == 0 ? 0x3f : 0x0f);
	at = start + 1;
	for (i = 0; i < more && at < end; i++)
		length |= (size_t)aml[at++] << (4 + 8 * i);
	if (length > end - start)
		return false;
	end = start + length;
	if (at >= end || aml[at++] < 2)
		return false;
	a = aml_integer(aml, &at, end);
	b = aml_integer(aml, &at, end);
	if (a < 0 || a > 7 || b < 0 || b > 7)
		return false;
	info->slp_typa = (u8)a;
	info->slp_typb = (u8)b;
	return true;
}

/* Finds `Name (_S5_, Package...)` or `Name (\_S5_, ...)`: NameOp is 0x08. */
void acpi_take_dsdt(struct reader *r, const struct table *dsdt)
{
	const u8 *aml = (const u8 *)dsdt;
	size_t end = dsdt->length;
	size_t at;
	bool named;

	for (at = sizeof(*dsdt) + 1; end - at >= 4 && at < end; at++) {
		if (memcmp(aml + at, "_S5_", 4) != 0)
			continue;
		named = aml[at - 1] == 0x08 || (aml[at - 1] == '\\' && aml[at - 2] == 0x08);
		if (named && take_s5_package(r->info, aml, at + 4, end)) {
			r->info->has_s5 = true;
			return;
		}
		if (named)
			acpi_say(r,
				 "acpi: found a damaged _S5 at offset %zu, "
				 "expected two numbers from 0 to 7; ignored",
				 at);
	}
	acpi_say(r, "acpi: found no usable _S5, expected one; no ACPI power off");
}
