/*
 * Counters that run at a known rate, and what the TSC is by them.
 */
#ifndef ARCH_MACHINE_COUNTER_H
#define ARCH_MACHINE_COUNTER_H

#include "arch/machine/acpi.h"
#include "kernel/base/types.h"

struct counter {
	const char *name;      /* for lines at boot */
	u64 hz;                /* 0 if this is what must be found out */
	u64 mask;              /* the bits it has */
	void (*start)(void);   /* begins anew; NULL: it runs for ever */
	bool (*expired)(void); /* start() was too long ago; NULL: never */
	u64 (*read)(void);     /* counts upwards */
};

/* HPET, ACPI PM timer and PIT. */
#define COUNTERS_MAX 3

/* Those that the machine has, the best first. */
extern const struct counter *counters[COUNTERS_MAX];
extern unsigned counter_count;

/* Looks for them, and takes those that do count.  Boot CPU, once. */
void counters_probe(const struct acpi_info *acpi);

/* What CPUID says of the TSC's rate, in Hz; 0 if it says nothing. */
u64 counter_tsc_hz_said(void);

#endif
