/*
 * Reader of the ACPI tables, in the order in which they point to each other:
 * RSDP -> XSDT or RSDT -> MADT, HPET, FADT -> DSDT.
 *
 * Tables come from firmware and are wrong more often than one would like, so
 * nothing is read before its length has been held against what contains it,
 * and only tables with a good checksum are used.  A damaged table costs what
 * it would have told, never the boot.  Of several good tables of one kind the
 * first counts, as in Linux, and each later one gets a line.
 *
 * Read next: arch/machine/acpi_madt.c and arch/machine/acpi_fixed.c, what the tables
 * say; kernel/base/boot_info.h, where the RSDP comes from.
 */
#include "arch/machine/acpi_tables.h"

#include "kernel/base/string.h"

struct rsdp {
	char signature[8];
	u8 checksum; /* makes the first 20 bytes add up to 0 */
	char oem[6];
	u8 revision; /* 0 for ACPI 1, 2 from ACPI 2 on */
	u32 rsdt;
	u32 length; /* from here on only if revision >= 2 */
	u64 xsdt;
	u8 checksum_all;
	u8 reserved[3];
} __packed;

#define RSDP_V1_SIZE offsetof(struct rsdp, length)

/* The kinds that matter here. */
static const struct {
	const char *name;
	bool (*take)(struct reader *r, const struct table *table);
} kinds[ACPI_KINDS] = {
	{ "APIC", acpi_take_madt },
	{ "FACP", acpi_take_fadt },
	{ "HPET", acpi_take_hpet },
};

/* Some firmware lists one table twice, which is nothing to talk about. */
static void take_table_of_kind(struct reader *r, phys_addr_t addr, unsigned kind)
{
	const char *name = kinds[kind].name;
	const struct table *table;

	if (r->taken[kind] == addr)
		return;
	if (r->taken[kind] != 0) {
		acpi_say(r,
			 "acpi: found another %s at %#lx, expected the one at %#lx alone; "
			 "ignored",
			 name, addr, r->taken[kind]);
		return;
	}
	table = acpi_open_table(r, addr, name);
	if (table != NULL && kinds[kind].take(r, table))
		r->taken[kind] = addr;
}

static void take_table(struct reader *r, phys_addr_t addr)
{
	const struct table *table = r->map(addr, sizeof(*table));

	if (table == NULL) {
		acpi_say(r,
			 "acpi: found unreadable memory at %#lx, expected a "
			 "table; ignored",
			 addr);
		return;
	}
	for (unsigned i = 0; i < ACPI_KINDS; i++)
		if (memcmp(table->signature, kinds[i].name, 4) == 0)
			take_table_of_kind(r, addr, i);
}

/* Walks the XSDT (entries of 8 bytes) or the RSDT (of 4). */
static bool walk_root(struct reader *r, phys_addr_t addr, const char *name, size_t entry_size)
{
	const struct table *root = acpi_open_table(r, addr, name);
	const u8 *entry;
	size_t left;
	u64 table;

	if (root == NULL)
		return false;
	entry = (const u8 *)(root + 1);
	left = root->length - sizeof(*root);
	for (; left >= entry_size; left -= entry_size, entry += entry_size) {
		table = 0;
		memcpy(&table, entry, entry_size);
		if (table != 0)
			take_table(r, table);
	}
	if (left != 0)
		acpi_say(r,
			 "acpi: found %zu bytes after the last entry of the "
			 "%s, expected none; ignored",
			 left, name);
	return true;
}

static int check_rsdp(const struct rsdp *rsdp, size_t len, struct complaint *why)
{
	if (len < RSDP_V1_SIZE)
		return complain(why,
				"acpi: found an RSDP of %zu bytes, "
				"expected at least %zu",
				len, RSDP_V1_SIZE);
	if (memcmp(rsdp->signature, "RSD PTR ", 8) != 0)
		return complain(why,
				"acpi: found the signature '%.8s', "
				"expected 'RSD PTR '",
				rsdp->signature);
	if (acpi_sum(rsdp, RSDP_V1_SIZE) != 0)
		return complain(why,
				"acpi: found the checksum %#x in the "
				"RSDP, expected 0",
				acpi_sum(rsdp, RSDP_V1_SIZE));
	return 0;
}

/* Does it hold an XSDT address that can be believed? */
static bool rsdp_has_xsdt(struct reader *r, const struct rsdp *rsdp, size_t len)
{
	/* A loader may give an ACPI 1 copy of a newer structure. */
	if (rsdp->revision < 2 || len < sizeof(*rsdp))
		return false;
	if (rsdp->length >= sizeof(*rsdp) && rsdp->length <= len &&
	    acpi_sum(rsdp, rsdp->length) == 0)
		return rsdp->xsdt != 0;
	acpi_say(r,
		 "acpi: found a damaged second part of the RSDP, expected %zu "
		 "to %zu bytes that add up to 0; no XSDT",
		 sizeof(*rsdp), len);
	return false;
}

int acpi_parse(const void *rsdp_bytes, size_t rsdp_len,
	       const void *(*map)(phys_addr_t address, size_t size),
	       void (*report)(const char *line), struct acpi_info *info, struct complaint *why)
{
	const struct rsdp *rsdp = rsdp_bytes;
	const struct table *dsdt;
	struct reader r = { .info = info, .map = map, .report = report };
	int err;

	memset(info, 0, sizeof(*info));
	for (unsigned i = 0; i < ACPI_ISA_IRQS; i++)
		info->isa[i].gsi = i;
	err = check_rsdp(rsdp, rsdp_len, why);
	if (err != 0)
		return err;
	if (!(rsdp_has_xsdt(&r, rsdp, rsdp_len) && walk_root(&r, rsdp->xsdt, "XSDT", 8)) &&
	    !(rsdp->rsdt != 0 && walk_root(&r, rsdp->rsdt, "RSDT", 4)))
		return complain(why, "acpi: found neither a good XSDT nor a "
				     "good RSDT, expected one of them");
	if (info->cpu_count == 0)
		acpi_say(&r, "acpi: found no enabled CPU, expected a MADT with one");
	if (info->dsdt != 0) {
		dsdt = acpi_open_table(&r, info->dsdt, "DSDT");
		if (dsdt != NULL)
			acpi_take_dsdt(&r, dsdt);
	}
	return 0;
}

const void *acpi_scan_rsdp(const void *area, size_t len)
{
	const u8 *p = area;

	for (; len >= RSDP_V1_SIZE; p += 16, len -= MIN(len, 16)) {
		if (memcmp(p, "RSD PTR ", 8) == 0 && acpi_sum(p, RSDP_V1_SIZE) == 0)
			return p;
	}
	return NULL;
}
