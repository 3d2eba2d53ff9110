/*
 * Ending the machine, with a status for whoever started it.
 */
#ifndef ARCH_MACHINE_POWER_H
#define ARCH_MACHINE_POWER_H

#include "arch/machine/acpi.h"
#include "kernel/base/types.h"

/* Remembers how ACPI powers off.  Until then the other ways are all there is. */
void power_init(const struct acpi_info *acpi);

/*
 * QEMU's isa-debug-exit gives status 33 (good) or 35; Bochs closes; else ACPI;
 * else the CPU halts.  Any context, any CPU.
 */
__noreturn void power_off(bool good);

/* Restarts the machine; a triple fault if nothing else works. */
__noreturn void power_restart(void);

#endif
