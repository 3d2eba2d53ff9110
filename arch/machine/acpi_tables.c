/*
 * Opening one ACPI table, and the line about one that is not as it should be.
 * For the files that read them; read next: arch/machine/acpi.c.
 */
#include "arch/machine/acpi_tables.h"
#include "kernel/base/complaint.h"
#include "kernel/base/string.h"

/* No table comes near this; a length above it is noise. */
#define TABLE_MAX (16 * 1024 * 1024)

const void *acpi_say(const struct reader *r, const char *fmt, ...)
{
	struct complaint line;
	va_list ap;

	va_start(ap, fmt);
	complain_va(&line, fmt, ap);
	va_end(ap);
	if (r->report != NULL)
		r->report(line.text);
	return NULL;
}

u8 acpi_sum(const void *bytes, size_t n)
{
	const u8 *p = bytes;
	u8 total = 0;

	while (n-- != 0)
		total = (u8)(total + *p++);
	return total;
}

const struct table *acpi_open_table(struct reader *r, phys_addr_t addr, const char *name)
{
	const struct table *table = r->map(addr, sizeof(*table));
	u32 length;

	if (table == NULL)
		return acpi_say(r,
				"acpi: found unreadable memory at %#lx, "
				"expected the %s; ignored",
				addr, name);
	length = table->length;
	if (memcmp(table->signature, name, 4) != 0)
		return acpi_say(r,
				"acpi: found '%.4s' at %#lx, expected the %s; "
				"ignored",
				table->signature, addr, name);
	if (length < sizeof(*table) || length > TABLE_MAX)
		return acpi_say(r,
				"acpi: found a length of %u in the %s, "
				"expected %zu to %u; ignored",
				length, name, sizeof(*table), TABLE_MAX);
	table = r->map(addr, length);
	if (table == NULL)
		return acpi_say(r,
				"acpi: found unreadable memory in the %u "
				"bytes at %#lx, expected the whole %s; ignored",
				length, addr, name);
	if (acpi_sum(table, length) != 0)
		return acpi_say(r,
				"acpi: found the checksum %#x in the %s, "
				"expected 0; ignored",
				acpi_sum(table, length), name);
	return table;
}
