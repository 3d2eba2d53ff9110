/*
 * Power off and restart.  Sources: QEMU, hw/misc/debugexit.c; Bochs,
 * iodev/unmapped.cc; ACPI 6.4, 4.8.3.2 (power off), 4.8.3.6 (reset register).
 */
#include "arch/machine/insn.h"
#include "arch/machine/power.h"
#include "kernel/base/insn.h"
#include "kernel/base/io.h"
#include "kernel/base/ports.h"

#define PORT_KEYBOARD 0x64
#define KEYBOARD_RESET 0xfe
#define ACPI_SPACE_IO 1
#define SLP_EN BIT(13)
#define SLP_TYP_SHIFT 10

static u16 pm1a, pm1b;
static u16 pm1a_value, pm1b_value;
static u16 reset_port; /* 0: ACPI names none */
static u8 reset_value;

void power_init(const struct acpi_info *acpi)
{
	if (acpi->has_reset && acpi->reset.space == ACPI_SPACE_IO) {
		reset_port = (u16)acpi->reset.addr;
		reset_value = acpi->reset_value;
	}
	if (!acpi->has_s5)
		return;
	pm1a = acpi->pm1a_cnt;
	pm1b = acpi->pm1b_cnt;
	pm1a_value = (u16)(acpi->slp_typa << SLP_TYP_SHIFT | SLP_EN);
	pm1b_value = (u16)(acpi->slp_typb << SLP_TYP_SHIFT | SLP_EN);
}

void power_off(bool good)
{
	stretch_report();
	interrupts_off();
	outb(PORT_DEBUG_EXIT, good ? DEBUG_EXIT_GOOD : DEBUG_EXIT_BAD);
	for (const char *s = "Shutdown"; *s; s++)
		outb(PORT_BOCHS, (u8)*s);
	if (pm1a)
		outw(pm1a, pm1a_value);
	if (pm1b)
		outw(pm1b, pm1b_value);
	for (;;)
		halt();
}

void power_restart(void)
{
	struct table_register none = { 0, 0 };

	interrupts_off();
	if (reset_port)
		outb(reset_port, reset_value);
	outb(PORT_KEYBOARD, KEYBOARD_RESET);
	lidt(&none);
	for (;;)
		breakpoint(); /* without an IDT: a triple fault */
}
