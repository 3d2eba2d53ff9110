/*
 * The IOAPICs' inputs, by the number of an interrupt of ISA: to which CPU it goes, and how.
 */
#ifndef ARCH_MACHINE_IOAPIC_H
#define ARCH_MACHINE_IOAPIC_H

#include "arch/machine/acpi.h"

#define IOAPIC_MAX_TARGET 254 /* 8 bits for an APIC id; 255 are all */

/* How an interrupt is delivered: a vector, or one of these. */
#define IOAPIC_NMI 0x400
#define IOAPIC_MASKED 0x10000

struct ioapic_input {
	volatile u32 *registers;
	unsigned number;
	u32 polarity; /* and trigger, as ISA or the MADT says */
};

/* Maps those that the MADT names.  *acpi stays.  Boot CPU, once. */
void ioapic_init(const struct acpi_info *acpi);

/*
 * The input of an interrupt (0 to 15) of ISA; false: no IOAPIC has it.
 *
 * This and what is below: an IOAPIC's registers are reached through two words, without a lock.
 * COM1's is set up before there is a program; behind that the NMI timer alone calls these.
 */
bool ioapic_find(unsigned irq, struct ioapic_input *in);
void ioapic_aim(const struct ioapic_input *in, u32 apic_id);
void ioapic_deliver(const struct ioapic_input *in, u32 how);

#endif
