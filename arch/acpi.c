/*
 * Reader of the ACPI tables, in the order in which they point to each other:
 * RSDP -> XSDT or RSDT -> MADT, FADT -> DSDT.
 *
 * Tables come from firmware and are wrong more often than one would like, so
 * nothing is read before its length has been held against what contains it,
 * and only tables with a good checksum are used.  A damaged table costs what
 * it would have told, never the boot.  The DSDT is bytecode; instead of an
 * interpreter there is a byte scan for the one package that powers off.
 *
 * Called by the boot code through arch/acpi.h; arch/smp.c starts the CPUs
 * found here.  Read next: kernel/base/boot_info.h, where the RSDP comes from.
 */
#include "arch/acpi.h"

#include "kernel/base/string.h"

struct rsdp {
	char signature[8];
	u8 checksum; /* makes the first 20 bytes add up to 0 */
	char oem[6];
	u8 revision; /* 0 for ACPI 1, 2 from ACPI 2 on */
	u32 rsdt;
	u32 length;  /* from here on only if revision >= 2 */
	u64 xsdt;
	u8 checksum_all;
	u8 reserved[3];
} __packed;

#define RSDP_V1_SIZE offsetof(struct rsdp, length)

struct table {
	char signature[4];
	u32 length; /* with this header */
	u8 revision, checksum, oem[26];
} __packed;
static_assert(sizeof(struct table) == 36, "ACPI 6.4, table 5.4");

/* No table comes near this; a length above it is noise. */
#define TABLE_MAX (16 * 1024 * 1024)

enum { SPACE_IO = 1 }; /* acpi_register.space */

/* Tables grow with each version of ACPI: look at table.length first. */
struct fadt {
	struct table head;
	u32 facs, dsdt;
	u8 unused1[20];
	u32 pm1a_cnt, pm1b_cnt;
	u8 unused2[40];
	u32 flags;
	struct acpi_register reset;
	u8 reset_value;
	u8 unused3[11];
	u64 x_dsdt;
	u8 unused4[24];
	struct acpi_register x_pm1a_cnt, x_pm1b_cnt;
} __packed;
static_assert(offsetof(struct fadt, pm1a_cnt) == 64, "ACPI 6.4, table 5.9");
static_assert(offsetof(struct fadt, reset) == 116, "ACPI 6.4, table 5.9");
static_assert(offsetof(struct fadt, x_pm1a_cnt) == 172, "ACPI 6.4, table 5.9");

#define FADT_RESET_SUPPORTED BIT(10)
#define FADT_HAS(fadt, field) \
	((fadt)->head.length >= offsetof(struct fadt, field) + \
	 sizeof((fadt)->field))

struct madt {
	struct table head;
	u32 lapic_addr, flags;
	u8 entries[];
} __packed;

/* An entry is only as long as `length` says, so it may lack the union's end. */
struct madt_entry {
	u8 type, length;
	union {
		struct { /* type 0 */
			u8 uid, apic_id;
			u32 flags;
		} __packed lapic;
		struct { /* type 1 */
			u8 id, reserved;
			u32 addr, gsi_base;
		} __packed ioapic;
		struct { /* type 5 */
			u16 reserved;
			u64 addr;
		} __packed lapic_addr;
		struct { /* type 9 */
			u16 reserved;
			u32 apic_id, flags, uid;
		} __packed x2apic;
	};
} __packed;

#define MADT_ENTRY_MIN offsetof(struct madt_entry, lapic)
#define MADT_CPU_ENABLED BIT(0)

struct reader {
	struct acpi_info *info;
	const void *(*map)(phys_addr_t address, size_t size);
	void (*report)(const char *line);
};

/* Reports one line; gives NULL, for callers that have no table then. */
static const void *__printf_like(2, 3)
say(const struct reader *r, const char *fmt, ...)
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

static u8 sum(const void *bytes, size_t n)
{
	const u8 *p = bytes;
	u8 total = 0;

	while (n-- != 0)
		total = (u8)(total + *p++);
	return total;
}

/* The table at `addr`, all of it readable and adding up to 0; else NULL. */
static const struct table *open_table(struct reader *r, phys_addr_t addr,
				      const char *name)
{
	const struct table *table = r->map(addr, sizeof(*table));
	u32 length;

	if (table == NULL)
		return say(r, "acpi: found unreadable memory at %#lx, "
			   "expected the %s; ignored", addr, name);
	length = table->length;
	if (memcmp(table->signature, name, 4) != 0)
		return say(r, "acpi: found '%.4s' at %#lx, expected the %s; "
			   "ignored", table->signature, addr, name);
	if (length < sizeof(*table) || length > TABLE_MAX)
		return say(r, "acpi: found a length of %u in the %s, "
			   "expected %zu to %u; ignored", length, name,
			   sizeof(*table), TABLE_MAX);
	table = r->map(addr, length);
	if (table == NULL)
		return say(r, "acpi: found unreadable memory in the %u "
			   "bytes at %#lx, expected the whole %s; ignored",
			   length, addr, name);
	if (sum(table, length) != 0)
		return say(r, "acpi: found the checksum %#x in the %s, "
			   "expected 0; ignored", sum(table, length), name);
	return table;
}

/* A CPU may be listed as LAPIC and as x2APIC: the second time is ignored. */
static void add_cpu(struct reader *r, u32 apic_id)
{
	struct acpi_info *info = r->info;
	unsigned i;

	for (i = 0; i < info->cpu_count; i++) {
		if (info->cpu_apic_id[i] == apic_id)
			return;
	}
	if (info->cpu_count < ACPI_MAX_CPUS)
		info->cpu_apic_id[info->cpu_count++] = apic_id;
	else
		info->cpus_excess++;
}

static void add_ioapic(struct reader *r, u32 id, u32 addr, u32 gsi_base)
{
	struct acpi_info *info = r->info;
	unsigned i;

	for (i = 0; i < info->ioapic_count; i++) {
		if (info->ioapic[i].addr == addr)
			return;
	}
	if (info->ioapic_count == ACPI_MAX_IOAPICS) {
		say(r, "acpi: found more than %d IOAPICs, expected at most "
		    "that; the one at %#x is ignored", ACPI_MAX_IOAPICS,
		    addr);
		return;
	}
	info->ioapic[info->ioapic_count++] = (struct acpi_ioapic){
		.id = id, .addr = addr, .gsi_base = gsi_base,
	};
}

/* One entry, whose length is inside the table; unknown types are skipped. */
static void take_madt_entry(struct reader *r, const struct madt_entry *e)
{
	static const u8 sizes[] = {
		[0] = MADT_ENTRY_MIN + sizeof(e->lapic),
		[1] = MADT_ENTRY_MIN + sizeof(e->ioapic),
		[5] = MADT_ENTRY_MIN + sizeof(e->lapic_addr),
		[9] = MADT_ENTRY_MIN + sizeof(e->x2apic),
	};

	if (e->type >= ARRAY_SIZE(sizes))
		return;
	if (e->length < sizes[e->type]) {
		say(r, "acpi: found an entry of type %u with %u bytes in "
		    "the APIC, expected at least %u; ignored", e->type,
		    e->length, sizes[e->type]);
		return;
	}
	switch (e->type) {
	case 0: /* 0xff is the broadcast id, no CPU's */
		if ((e->lapic.flags & MADT_CPU_ENABLED) &&
		    e->lapic.apic_id != 0xff)
			add_cpu(r, e->lapic.apic_id);
		break;
	case 1:
		add_ioapic(r, e->ioapic.id, e->ioapic.addr, e->ioapic.gsi_base);
		break;
	case 5:
		r->info->lapic_addr = e->lapic_addr.addr;
		break;
	case 9:
		if ((e->x2apic.flags & MADT_CPU_ENABLED) &&
		    e->x2apic.apic_id != 0xffffffff)
			add_cpu(r, e->x2apic.apic_id);
		break;
	}
}

static void take_madt(struct reader *r, const struct madt *madt)
{
	const struct madt_entry *e;
	size_t at = sizeof(*madt);
	size_t left;

	if (madt->head.length < sizeof(*madt)) {
		say(r, "acpi: found %u bytes of APIC, expected at least %zu; "
		    "ignored", madt->head.length, sizeof(*madt));
		return;
	}
	r->info->lapic_addr = madt->lapic_addr;
	for (; at < madt->head.length; at += e->length) {
		e = (const struct madt_entry *)((const u8 *)madt + at);
		left = madt->head.length - at;
		if (left < MADT_ENTRY_MIN || e->length < MADT_ENTRY_MIN ||
		    e->length > left) {
			say(r, "acpi: found an entry that does not fit at "
			    "offset %zu of the APIC, expected %zu to %zu "
			    "bytes; ignored, with all that follow", at,
			    MADT_ENTRY_MIN, left);
			break;
		}
		take_madt_entry(r, e);
	}
	if (r->info->cpus_excess != 0)
		say(r, "acpi: found %u CPUs more than %d, expected at most "
		    "that; ignored", r->info->cpus_excess, ACPI_MAX_CPUS);
}

/* A PM1 control port: the newer field if it names a port, else the old one. */
static u16 pm1_port(struct reader *r, u64 port,
		    const struct acpi_register *newer)
{
	if (newer != NULL && newer->addr != 0 && newer->space == SPACE_IO)
		port = newer->addr;
	if (port > 0xffff) {
		say(r, "acpi: found a PM1 control block at %#lx, expected "
		    "an I/O port; ignored", port);
		return 0;
	}
	return (u16)port;
}

static void take_fadt(struct reader *r, const struct fadt *fadt)
{
	struct acpi_info *info = r->info;
	bool has_x = FADT_HAS(fadt, x_pm1b_cnt);

	if (!FADT_HAS(fadt, pm1b_cnt)) {
		say(r, "acpi: found %u bytes of FACP, expected at least "
		    "%zu; ignored", fadt->head.length,
		    offsetof(struct fadt, unused2));
		return;
	}
	info->dsdt = fadt->dsdt;
	if (FADT_HAS(fadt, x_dsdt) && fadt->x_dsdt != 0)
		info->dsdt = fadt->x_dsdt;
	info->pm1a_cnt = pm1_port(r, fadt->pm1a_cnt,
				  has_x ? &fadt->x_pm1a_cnt : NULL);
	info->pm1b_cnt = pm1_port(r, fadt->pm1b_cnt,
				  has_x ? &fadt->x_pm1b_cnt : NULL);
	if (FADT_HAS(fadt, reset_value) &&
	    (fadt->flags & FADT_RESET_SUPPORTED) && fadt->reset.addr != 0) {
		info->has_reset = true;
		info->reset = fadt->reset;
		info->reset_value = fadt->reset_value;
	}
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
static bool take_s5_package(struct acpi_info *info, const u8 *aml, size_t at,
			    size_t end)
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
static void take_dsdt(struct reader *r, const struct table *dsdt)
{
	const u8 *aml = (const u8 *)dsdt;
	size_t end = dsdt->length;
	size_t at;
	bool named;

	for (at = sizeof(*dsdt) + 1; end - at >= 4 && at < end; at++) {
		if (memcmp(aml + at, "_S5_", 4) != 0)
			continue;
		named = aml[at - 1] == 0x08 ||
			(aml[at - 1] == '\\' && aml[at - 2] == 0x08);
		if (named && take_s5_package(r->info, aml, at + 4, end)) {
			r->info->has_s5 = true;
			return;
		}
		if (named)
			say(r, "acpi: found a damaged _S5 at offset %zu, "
			    "expected two numbers from 0 to 7; ignored", at);
	}
	say(r, "acpi: found no usable _S5, expected one; no ACPI power off");
}

/* Takes the table at `addr` if it is one of those that matter here. */
static void take_table(struct reader *r, phys_addr_t addr)
{
	const struct table *table = r->map(addr, sizeof(*table));

	if (table == NULL) {
		say(r, "acpi: found unreadable memory at %#lx, expected a "
		    "table; ignored", addr);
		return;
	}
	if (memcmp(table->signature, "APIC", 4) == 0) {
		table = open_table(r, addr, "APIC");
		if (table != NULL)
			take_madt(r, (const struct madt *)table);
	} else if (memcmp(table->signature, "FACP", 4) == 0) {
		table = open_table(r, addr, "FACP");
		if (table != NULL)
			take_fadt(r, (const struct fadt *)table);
	}
}

/* Walks the XSDT (entries of 8 bytes) or the RSDT (of 4). */
static bool walk_root(struct reader *r, phys_addr_t addr, const char *name,
		      size_t entry_size)
{
	const struct table *root = open_table(r, addr, name);
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
		say(r, "acpi: found %zu bytes after the last entry of the "
		    "%s, expected none; ignored", left, name);
	return true;
}

static int check_rsdp(const struct rsdp *rsdp, size_t len,
		      struct complaint *why)
{
	if (len < RSDP_V1_SIZE)
		return complain(why, "acpi: found an RSDP of %zu bytes, "
				"expected at least %zu", len, RSDP_V1_SIZE);
	if (memcmp(rsdp->signature, "RSD PTR ", 8) != 0)
		return complain(why, "acpi: found the signature '%.8s', "
				"expected 'RSD PTR '", rsdp->signature);
	if (sum(rsdp, RSDP_V1_SIZE) != 0)
		return complain(why, "acpi: found the checksum %#x in the "
				"RSDP, expected 0", sum(rsdp, RSDP_V1_SIZE));
	return 0;
}

/* Does it hold an XSDT address that can be believed? */
static bool rsdp_has_xsdt(struct reader *r, const struct rsdp *rsdp, size_t len)
{
	/* A loader may give an ACPI 1 copy of a newer structure. */
	if (rsdp->revision < 2 || len < sizeof(*rsdp))
		return false;
	if (rsdp->length >= sizeof(*rsdp) && rsdp->length <= len &&
	    sum(rsdp, rsdp->length) == 0)
		return rsdp->xsdt != 0;
	say(r, "acpi: found a damaged second part of the RSDP, expected %zu "
	    "to %zu bytes that add up to 0; no XSDT", sizeof(*rsdp), len);
	return false;
}

int acpi_parse(const void *rsdp_bytes, size_t rsdp_len,
	       const void *(*map)(phys_addr_t address, size_t size),
	       void (*report)(const char *line), struct acpi_info *info,
	       struct complaint *why)
{
	const struct rsdp *rsdp = rsdp_bytes;
	const struct table *dsdt;
	struct reader r = { info, map, report };
	int err;

	memset(info, 0, sizeof(*info));
	err = check_rsdp(rsdp, rsdp_len, why);
	if (err != 0)
		return err;
	if (!(rsdp_has_xsdt(&r, rsdp, rsdp_len) &&
	      walk_root(&r, rsdp->xsdt, "XSDT", 8)) &&
	    !(rsdp->rsdt != 0 && walk_root(&r, rsdp->rsdt, "RSDT", 4)))
		return complain(why, "acpi: found neither a good XSDT nor a "
				"good RSDT, expected one of them");
	if (info->cpu_count == 0)
		say(&r, "acpi: found no enabled CPU, expected a MADT with one");
	if (info->dsdt != 0) {
		dsdt = open_table(&r, info->dsdt, "DSDT");
		if (dsdt != NULL)
			take_dsdt(&r, dsdt);
	}
	return 0;
}

const void *acpi_scan_rsdp(const void *area, size_t len)
{
	const u8 *p = area;

	for (; len >= RSDP_V1_SIZE; p += 16, len -= MIN(len, 16)) {
		if (memcmp(p, "RSD PTR ", 8) == 0 && sum(p, RSDP_V1_SIZE) == 0)
			return p;
	}
	return NULL;
}
