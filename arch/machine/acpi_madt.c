/*
 * The MADT: which CPUs and IOAPICs there are, and where the local APIC is.  A CPU
 * that is listed twice, and entries of a type that is unknown here, are skipped.
 */
#include "arch/machine/acpi_tables.h"

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
		struct { /* type 2 */
			u8 bus, irq;
			u32 gsi;
			u16 flags;
		} __packed override;
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
#define INTI_POLARITY 0x3 /* all of these: active low */
#define INTI_TRIGGER 0xc  /* all of these: level */

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
		acpi_say(r,
			 "acpi: found more than %d IOAPICs, expected at most "
			 "that; the one at %#x is ignored",
			 ACPI_MAX_IOAPICS, addr);
		return;
	}
	info->ioapic[info->ioapic_count++] = (struct acpi_ioapic){
		.id = id,
		.addr = addr,
		.gsi_base = gsi_base,
	};
}

/* For an address that the table's 32 bits cannot hold; there may be one. */
static void override_lapic_addr(struct reader *r, u64 addr)
{
	struct acpi_info *info = r->info;

	if (info->lapic_overridden && info->lapic_addr != addr) {
		acpi_say(r,
			 "acpi: found another address of the local APIC, %#lx, expected "
			 "%#lx alone; ignored",
			 addr, info->lapic_addr);
		return;
	}
	info->lapic_overridden = true;
	info->lapic_addr = addr;
}

/* One entry, whose length is inside the table; unknown types are skipped. */
static void take_madt_entry(struct reader *r, const struct madt_entry *e)
{
	static const u8 sizes[] = {
		[0] = MADT_ENTRY_MIN + sizeof(e->lapic),
		[1] = MADT_ENTRY_MIN + sizeof(e->ioapic),
		[2] = MADT_ENTRY_MIN + sizeof(e->override),
		[5] = MADT_ENTRY_MIN + sizeof(e->lapic_addr),
		[9] = MADT_ENTRY_MIN + sizeof(e->x2apic),
	};

	if (e->type >= ARRAY_SIZE(sizes))
		return;
	if (e->length < sizes[e->type]) {
		acpi_say(r,
			 "acpi: found an entry of type %u with %u bytes in "
			 "the APIC, expected at least %u; ignored",
			 e->type, e->length, sizes[e->type]);
		return;
	}
	switch (e->type) {
	case 0: /* 0xff is the broadcast id, no CPU's */
		if ((e->lapic.flags & MADT_CPU_ENABLED) && e->lapic.apic_id != 0xff)
			add_cpu(r, e->lapic.apic_id);
		break;
	case 1: add_ioapic(r, e->ioapic.id, e->ioapic.addr, e->ioapic.gsi_base); break;
	case 2: /* of bus 0, which is ISA */
		if (e->override.bus == 0 && e->override.irq < ACPI_ISA_IRQS)
			r->info->isa[e->override.irq] = (struct acpi_isa_irq){
				.gsi = e->override.gsi,
				.active_low = (e->override.flags & INTI_POLARITY) == INTI_POLARITY,
				.level = (e->override.flags & INTI_TRIGGER) == INTI_TRIGGER,
			};
		break;
	case 5: override_lapic_addr(r, e->lapic_addr.addr); break;
	case 9:
		if ((e->x2apic.flags & MADT_CPU_ENABLED) && e->x2apic.apic_id != 0xffffffff)
			add_cpu(r, e->x2apic.apic_id);
		break;
	}
}

bool acpi_take_madt(struct reader *r, const struct table *table)
{
	const struct madt *madt = (const struct madt *)table;
	const struct madt_entry *e;
	size_t at = sizeof(*madt);
	size_t left;

	if (madt->head.length < sizeof(*madt)) {
		acpi_say(r,
			 "acpi: found %u bytes of APIC, expected at least %zu; "
			 "ignored",
			 madt->head.length, sizeof(*madt));
		return false;
	}
	r->info->lapic_addr = madt->lapic_addr;
	for (; at < madt->head.length; at += e->length) {
		e = (const struct madt_entry *)((const u8 *)madt + at);
		left = madt->head.length - at;
		if (left < MADT_ENTRY_MIN || e->length < MADT_ENTRY_MIN || e->length > left) {
			acpi_say(r,
				 "acpi: found an entry that does not fit at "
				 "offset %zu of the APIC, expected %zu to %zu "
				 "bytes; ignored, with all that follow",
				 at, MADT_ENTRY_MIN, left);
			break;
		}
		take_madt_entry(r, e);
	}
	if (r->info->cpus_excess != 0)
		acpi_say(r,
			 "acpi: found %u CPUs more than %d, expected at most "
			 "that; ignored",
			 r->info->cpus_excess, ACPI_MAX_CPUS);
	return true;
}
