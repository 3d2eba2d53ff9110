/*
 * The PIT's channel 0, whose interrupt an IOAPIC delivers as NMI: a clock that needs
 * neither the local APIC's timer, which is the scheduler's, nor a performance counter,
 * which emulators lack.  Nothing else here uses either device, so they may be programmed
 * in an NMI without a lock.  The PIC's inputs are all masked, so it passes none of it on.
 * Sources: Intel 82093AA data sheet, 3.2; Intel 8254 data sheet, mode 2; ACPI 6.4,
 * 5.2.12.5.  Linux's `nmi_watchdog=1` was the same.
 * Called by kernel/debug/profile.c.
 */
#include "arch/machine/nmi_timer.h"
#include "kernel/base/io.h"
#include "kernel/base/log.h"
#include "mm/space/vmap.h"

/* An IOAPIC's registers are reached by number, through two words. */
#define SELECT 0x00
#define WINDOW 0x10
#define REG_VERSION 0x01 /* the last input in bits 16 to 23 */
#define REG_LOW(input) (0x10 + 2 * (input))
#define REG_HIGH(input) (0x11 + 2 * (input))
#define DELIVER_NMI 0x400 /* edge, physical destination; the vector does not matter */
#define MASKED 0x10000
#define TARGET_SHIFT 24

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND 0x43
#define PIT_RATE0 0x34 /* channel 0, both bytes, mode 2: a pulse each time it has run out */
#define PIT_STOP0 0x30 /* mode 0: once */

static phys_addr_t ioapic;
static unsigned input;
static volatile u32 *registers;

static u32 reg_read(u32 reg)
{
	mmio_write32(registers + SELECT / 4, reg);
	return mmio_read32(registers + WINDOW / 4);
}

static void reg_write(u32 reg, u32 value)
{
	mmio_write32(registers + SELECT / 4, reg);
	mmio_write32(registers + WINDOW / 4, value);
}

void nmi_timer_init(const struct acpi_info *acpi)
{
	u32 base = 0;

	for (unsigned i = 0; i < acpi->ioapic_count; i++) {
		const struct acpi_ioapic *a = &acpi->ioapic[i];

		if (a->gsi_base > acpi->pit_gsi || (ioapic && a->gsi_base < base))
			continue;
		base = a->gsi_base;
		ioapic = a->addr;
	}
	input = acpi->pit_gsi - base;
}

void nmi_timer_interval(unsigned divisor)
{
	outb(PIT_CHANNEL0, (u8)divisor);
	outb(PIT_CHANNEL0, (u8)(divisor >> 8));
}

bool nmi_timer_start(unsigned divisor, u32 apic_id)
{
	u32 last = 0;

	if (ioapic && !registers)
		registers =
			(volatile u32 *)((u64)vmap_device(ioapic & ~(PAGE_SIZE - 1), PAGE_SIZE) +
					 (ioapic & (PAGE_SIZE - 1)));
	if (ioapic)
		last = reg_read(REG_VERSION) >> 16 & 0xff;
	if (!ioapic || input > last) {
		log("profile: found no IOAPIC with input %u, the PIT's, expected one in the MADT\n",
		    input);
		return false;
	}
	reg_write(REG_LOW(input), MASKED);
	nmi_timer_aim(apic_id);
	outb(PIT_COMMAND, PIT_RATE0);
	nmi_timer_interval(divisor);
	reg_write(REG_LOW(input), DELIVER_NMI);
	return true;
}

void nmi_timer_aim(u32 apic_id)
{
	reg_write(REG_HIGH(input), apic_id << TARGET_SHIFT);
}

void nmi_timer_stop(void)
{
	outb(PIT_COMMAND, PIT_STOP0);
	reg_write(REG_LOW(input), MASKED);
}
