/*
 * The IOAPICs.  Sources: Intel 82093AA data sheet, 3.2; ACPI 6.4, 5.2.12.3 and 5.2.12.5.
 */
#include "arch/machine/ioapic.h"
#include "kernel/base/io.h"
#include "mm/space/vmap.h"

/* Registers are reached by number, through two words. */
#define SELECT 0x00
#define WINDOW 0x10
#define REG_VERSION 0x01 /* the last input in bits 16 to 23 */
#define REG_LOW(input) (0x10 + 2 * (input))
#define REG_HIGH(input) (0x11 + 2 * (input))
#define ACTIVE_LOW 0x2000
#define LEVEL 0x8000
#define TARGET_SHIFT 24

static const struct acpi_info *acpi;
static volatile u32 *registers[ACPI_MAX_IOAPICS];

static u32 reg_read(const struct ioapic_input *in, u32 reg)
{
	mmio_write32(in->registers + SELECT / 4, reg);
	return mmio_read32(in->registers + WINDOW / 4);
}

static void reg_write(const struct ioapic_input *in, u32 reg, u32 value)
{
	mmio_write32(in->registers + SELECT / 4, reg);
	mmio_write32(in->registers + WINDOW / 4, value);
}

void ioapic_init(const struct acpi_info *info)
{
	acpi = info;
	for (unsigned i = 0; i < acpi->ioapic_count; i++) {
		phys_addr_t at = acpi->ioapic[i].addr, offset = at & (PAGE_SIZE - 1);

		registers[i] = (volatile u32 *)((u64)vmap_device(at - offset, PAGE_SIZE) + offset);
	}
}

bool ioapic_find(unsigned irq, struct ioapic_input *in)
{
	const struct acpi_isa_irq *isa = &acpi->isa[irq];
	u32 base = 0;

	in->registers = NULL;
	for (unsigned i = 0; i < acpi->ioapic_count; i++) {
		u32 first = acpi->ioapic[i].gsi_base;

		if (first > isa->gsi || (in->registers && first < base))
			continue;
		base = first;
		in->registers = registers[i];
	}
	in->number = isa->gsi - base;
	in->polarity = (isa->active_low ? ACTIVE_LOW : 0) | (isa->level ? LEVEL : 0);
	return in->registers && in->number <= (reg_read(in, REG_VERSION) >> 16 & 0xff);
}

void ioapic_aim(const struct ioapic_input *in, u32 apic_id)
{
	reg_write(in, REG_HIGH(in->number), apic_id << TARGET_SHIFT);
}

void ioapic_deliver(const struct ioapic_input *in, u32 how)
{
	reg_write(in, REG_LOW(in->number), in->polarity | how);
}
