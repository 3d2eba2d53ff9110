/*
 * The local APIC, as xAPIC (registers in memory) or x2APIC (MSRs).
 */
#ifndef ARCH_MACHINE_APIC_H
#define ARCH_MACHINE_APIC_H

#include "kernel/base/types.h"

/* MSRs (SDM vol. 4, table 2-2) */
#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC_BASE 0x800

/*
 * Boot CPU, once: enables the APIC, whose registers are mapped at `registers`, uncached;
 * NULL: as x2APIC.  `named`: where the MADT says that they are, or 0; a difference is
 * reported.  Refuses to go on if nothing there answers as a local APIC.
 */
void apic_init(volatile u32 *registers, phys_addr_t named);

/* Where IA32_APIC_BASE says that the registers are.  Any context. */
phys_addr_t apic_address(void);

/* Is it the version register of a local APIC, with all that we use? */
bool apic_version_good(u32 version);

/* Enables this CPU's APIC; LINT1 delivers NMI.  Every CPU. */
void apic_init_cpu(void);

u32 apic_id(void);
bool apic_is_x2apic(void);
void apic_eoi(void);

/* Sends to one APIC id; waits until the last command has been accepted. */
void apic_send_ipi(u32 apic_id, u8 vector);
void apic_send_nmi(u32 apic_id);
void apic_send_init(u32 apic_id);
void apic_send_startup(u32 apic_id, phys_addr_t page);

/* One-shot timer: fires after `ticks` (0: stopped) of the APIC's clock. */
void apic_timer_start(u32 ticks);
/* Ticks left of a running timer. */
u32 apic_timer_left(void);

#endif
