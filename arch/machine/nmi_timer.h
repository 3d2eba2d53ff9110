/*
 * An NMI at intervals, on the CPU of one's choice.
 */
#ifndef ARCH_MACHINE_NMI_TIMER_H
#define ARCH_MACHINE_NMI_TIMER_H

#include "kernel/base/types.h"

#define NMI_TIMER_HZ 1193182 /* what the divisor divides */

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
