/*
 * The PIT's channel 0, whose interrupt an IOAPIC delivers as NMI: a clock that needs
 * neither the local APIC's timer, which is the scheduler's, nor a performance counter,
 * which emulators lack.  Nothing else uses the PIT, or an IOAPIC behind the boot, so they may
 * be programmed in an NMI without a lock.  The PIC's inputs are all masked, so it passes none
 * of it on.  Sources: Intel 8254 data sheet, mode 2.  Linux's `nmi_watchdog=1` was the same.
 * Called by kernel/debug/profile.c.
 */
#include "arch/machine/ioapic.h"
#include "arch/machine/nmi_timer.h"
#include "kernel/base/io.h"
#include "kernel/base/log.h"

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND 0x43
#define PIT_RATE0 0x34 /* channel 0, both bytes, mode 2: a pulse each time it has run out */
#define PIT_STOP0 0x30 /* mode 0: once */

#define PIT_IRQ 0

static struct ioapic_input input;

void nmi_timer_interval(unsigned divisor)
{
	outb(PIT_CHANNEL0, (u8)divisor);
	outb(PIT_CHANNEL0, (u8)(divisor >> 8));
}

bool nmi_timer_start(unsigned divisor, u32 apic_id)
{
	if (!ioapic_find(PIT_IRQ, &input)) {
		log("profile: found no IOAPIC with the PIT's input, expected one in the MADT\n");
		return false;
	}
	ioapic_deliver(&input, IOAPIC_MASKED);
	nmi_timer_aim(apic_id);
	outb(PIT_COMMAND, PIT_RATE0);
	nmi_timer_interval(divisor);
	ioapic_deliver(&input, IOAPIC_NMI);
	return true;
}

void nmi_timer_aim(u32 apic_id)
{
	ioapic_aim(&input, apic_id);
}

void nmi_timer_stop(void)
{
	outb(PIT_COMMAND, PIT_STOP0);
	ioapic_deliver(&input, IOAPIC_MASKED);
}
