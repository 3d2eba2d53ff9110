/*
 * Between the files that read ACPI tables: arch/machine/acpi.c finds each table, the others
 * take what it says into struct acpi_info.  Nobody else includes this.
 */
#ifndef ARCH_MACHINE_ACPI_TABLES_H
#define ARCH_MACHINE_ACPI_TABLES_H

#include "arch/machine/acpi.h"

struct table {
	char signature[4];
	u32 length; /* with this header */
	u8 revision, checksum, oem[26];
} __packed;
static_assert(sizeof(struct table) == 36, "ACPI 6.4, table 5.4");

/* Tables grow with each version of ACPI: is this field in it? */
#define TABLE_HAS(table, field) \
	((table)->head.length >= offsetof(typeof(*(table)), field) + sizeof((table)->field))

enum { ACPI_KINDS = 3 };

struct reader {
	struct acpi_info *info;
	const void *(*map)(phys_addr_t address, size_t size);
	void (*report)(const char *line);
	phys_addr_t taken[ACPI_KINDS]; /* which table of a kind counts; 0: none yet */
};

/* Reports one line; gives NULL, for callers that have no table then. */
const void *acpi_say(const struct reader *r, const char *fmt, ...) __printf_like(2, 3);

/* Of n bytes, modulo 256: 0 in a table that is whole. */
u8 acpi_sum(const void *bytes, size_t n);

/* The table at `addr`, all of it readable and adding up to 0; else NULL, reported. */
const struct table *acpi_open_table(struct reader *r, phys_addr_t addr, const char *name);

/*
 * Takes what a table says into r->info.  The table is whole; its contents may be
 * wrong, and are then left out and reported.  False: none of it is of use.
 */
bool acpi_take_madt(struct reader *r, const struct table *table);
bool acpi_take_fadt(struct reader *r, const struct table *table);
bool acpi_take_hpet(struct reader *r, const struct table *table);

/* Finds _S5 in the DSDT. */
void acpi_take_dsdt(struct reader *r, const struct table *dsdt);

#endif
