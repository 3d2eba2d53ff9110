/*
 * Reader of the ACPI tables: which CPUs and IOAPICs there are (MADT), how to
 * power off and reset (FADT, and the _S5 package in the DSDT), and which clocks
 * there are (FADT, HPET).
 *
 * Read-only and without port I/O: it turns bytes into struct acpi_info, and
 * others act on it.  Called once, by CPU 0 during boot; a host program can
 * call it just as well.
 *
 * Source: Advanced Configuration and Power Interface Specification 6.4,
 * sections 5.2 (tables), 7.4.2 (_Sx) and 20.2 (AML encoding).
 */
#ifndef ARCH_MACHINE_ACPI_H
#define ARCH_MACHINE_ACPI_H

#include "kernel/base/complaint.h"
#include "kernel/base/layout.h"
#include "kernel/base/types.h"

#define ACPI_MAX_CPUS NR_CPUS
#define ACPI_MAX_IOAPICS 16
#define ACPI_ISA_IRQS 16

struct acpi_ioapic {
	u32 id;
	phys_addr_t addr;
	u32 gsi_base; /* the global number of its first interrupt input */
};

/* Where an interrupt of ISA arrives, and when it is one: an edge upwards, unless said. */
struct acpi_isa_irq {
	u32 gsi;
	bool active_low, level;
};

/* Generic Address Structure (5.2.3.2), as the tables hold it. */
struct acpi_register {
	u8 space; /* 0 memory, 1 I/O port, 2 PCI configuration space */
	u8 bits;
	u8 offset;
	u8 access;
	u64 addr;
} __packed;

struct acpi_info {
	/* From the MADT; cpu_count is 0 if there is no usable one. */
	unsigned cpu_count;
	unsigned cpus_excess;           /* enabled, but beyond ACPI_MAX_CPUS */
	u32 cpu_apic_id[ACPI_MAX_CPUS]; /* enabled CPUs, in table order */
	phys_addr_t lapic_addr;         /* every CPU's local APIC; 0 if unknown */
	bool lapic_overridden;          /* by an entry of type 5 */
	unsigned ioapic_count;
	struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
	struct acpi_isa_irq isa[ACPI_ISA_IRQS]; /* input n for IRQ n, if nothing is said */

	/* From the FADT. */
	u16 pm1a_cnt; /* I/O ports; 0 if there is none */
	u16 pm1b_cnt;
	u16 pm_tmr;
	bool pm_tmr_32; /* it has 32 bits, not 24 */
	bool has_reset;
	struct acpi_register reset;
	u8 reset_value; /* written to `reset`, resets the machine */
	phys_addr_t dsdt;

	phys_addr_t hpet; /* registers of the first HPET, below 4 GiB; 0 if unknown */

	/* From the DSDT: what to write to PM1x_CNT's SLP_TYP field. */
	bool has_s5;
	u8 slp_typa; /* 0 to 7 */
	u8 slp_typb;
};

/*
 * Reads the tables that the RSDP names.  `rsdp` has `rsdp_len` readable bytes,
 * at least 20 (36 for ACPI 2).  map(address, size) gives a pointer to physical
 * memory, good until this function returns, or NULL for what cannot be read.
 * Each table that is damaged, each damaged entry in one, and each table of a kind
 * that was there before, is left out, and `report` gets a line "acpi: found X, expected Y; ..." about it; NULL drops
 * those.
 *
 * Returns 0, with what could be found, which may be little (look at cpu_count,
 * pm1a_cnt and has_s5), or -EINVAL with a line in *why if neither the XSDT nor
 * the RSDT can be reached.  *info is always valid afterwards.
 */
int acpi_parse(const void *rsdp, size_t rsdp_len,
	       const void *(*map)(phys_addr_t address, size_t size),
	       void (*report)(const char *line), struct acpi_info *info, struct complaint *why);

/*
 * Looks for an RSDP with a good checksum on the 16-byte steps of an area, as
 * must be done by hand in the BIOS's (0xe0000 to 0xfffff, and the first KiB of
 * the EBDA) where the loader names none.  Returns a pointer into the area, or
 * NULL; all bytes from there to the end of the area may be given to
 * acpi_parse().
 */
const void *acpi_scan_rsdp(const void *area, size_t len);

#endif
