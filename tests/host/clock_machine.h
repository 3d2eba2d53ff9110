/*
 * A make-believe machine of clocks for the test of arch/machine/clock.c and what it is made
 * of: ports, HPET, APIC timer and TSC, all by one time, which goes on with each
 * access, and jumps where the host holds the machine up.
 */
#ifndef TESTS_HOST_CLOCK_MACHINE_H
#define TESTS_HOST_CLOCK_MACHINE_H

#include "arch/machine/acpi.h"
#include "kernel/base/insn.h"
#include "kernel/base/io.h"

extern struct clock_machine {
	/* What it is; 0 Hz: not there. */
	u64 tsc_hz, apic_hz, pit_hz, hpet_hz, pm_hz;
	bool rtc;
	bool noise; /* at the PM timer's port, a bit that comes and goes */
	struct cpuid_regs leaf15, leaf16, hypervisor;
	u32 max_leaf, max_hypervisor;
	/* Held up for about stop_ns after each run_ns, more or less; 0: never. */
	u64 run_ns, stop_ns;
	bool steady; /* exactly so long, each time */
	struct acpi_info acpi;
} machine;

/* A good one, that nothing holds up, with all clocks, and acpi that names them. */
void machine_good(void);

/* clock_init() on it.  True: it has not refused; lines are in host_recorded(). */
bool machine_clock_init(void);

/* Nanoseconds that have passed on it. */
u64 machine_now(void);
void machine_pass(u64 ns);

#endif
