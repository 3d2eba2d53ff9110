/*
 * An NMI at intervals, on the CPU of one's choice.
 */
#ifndef ARCH_MACHINE_NMI_TIMER_H
#define ARCH_MACHINE_NMI_TIMER_H

#include "arch/machine/acpi.h"

#define NMI_TIMER_HZ 1193182     /* what the divisor divides */
#define NMI_TIMER_MAX_TARGET 254 /* an IOAPIC has 8 bits for an APIC id; 255 are all */

/* Notes which IOAPIC has the PIT's interrupt, and touches nothing.  Boot CPU, once. */
void nmi_timer_init(const struct acpi_info *acpi);

/*
 * From now on an NMI comes to the CPU of that APIC id each `divisor` (2 to 65535) ticks
 * of NMI_TIMER_HZ.  False, and a line: the machine has no IOAPIC with such an input.
 * Context: a task; the NMI may come before it returns.
 */
bool nmi_timer_start(unsigned divisor, u32 apic_id);

/* The next ones come to this CPU.  It runs.  Any context; one CPU at a time. */
void nmi_timer_aim(u32 apic_id);

/* Another divisor, from now on or from the next NMI on.  Any context; one CPU at a time. */
void nmi_timer_interval(unsigned divisor);

/* None is sent behind it, but one may be under way.  Behind nmi_timer_start(). */
void nmi_timer_stop(void);

#endif
