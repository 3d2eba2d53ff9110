/*
 * The local APIC, as xAPIC (registers in memory) or x2APIC (MSRs).
 */
#ifndef ARCH_APIC_H
#define ARCH_APIC_H

#include "kernel/base/types.h"

/* Boot CPU, once: chooses the mode and maps the registers. */
void apic_init(phys_addr_t base, bool x2apic);

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
