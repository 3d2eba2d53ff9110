/*
 * Time: the TSC as clock, the local APIC timer as alarm, the RTC as calendar.
 */
#ifndef ARCH_MACHINE_CLOCK_H
#define ARCH_MACHINE_CLOCK_H

#include "kernel/base/types.h"

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

struct acpi_info;
struct counter;

/* What clock_init() has found. */
struct clock_rates {
	u64 tsc_hz, apic_hz;             /* the APIC timer divides by 1 */
	const struct counter *tsc_by;    /* what the TSC was measured by; NULL: CPUID alone */
	bool tsc_said;                   /* tsc_hz is CPUID's word */
	const struct counter *tsc_as_by; /* another that said the same later, or NULL */
};
extern struct clock_rates clock_rates;

/*
 * Measures the TSC by the best counter that the machine has, and the APIC timer by
 * the TSC; reads the RTC.  Refuses to go on if there is nothing to measure by, or
 * the APIC timer does not count.  Boot CPU, its APIC on; interrupts off.
 */
void clock_init(const struct acpi_info *acpi);

/*
 * Does another counter, if there is one, say the same of the TSC, within 0.5 %?  It
 * says *found_hz; 0: it counts no longer.  Busy for 2 ms or more.  Any CPU; nobody
 * else asks meanwhile.
 */
bool clock_agrees(u64 tsc_hz, u64 *found_hz);

/*
 * Asks so about what clock_init() has found, some time after it: fills tsc_as_by, or
 * prints one line about the difference.  Boot CPU, once.
 */
void clock_compare(void);

/*
 * Have as many seconds passed by a counter that lasts as by the TSC, within 1 %,
 * since the last call?  If not, one line says so, the first time.  To be called
 * every second or so, with interrupts off, on one CPU at a time.
 */
bool clock_watch(u64 tsc_hz);

/* Nanoseconds since clock_init().  Any CPU, any context. */
u64 clock_ns(void);

/* What clock_ns() will be after that time; ~0, never, if it is longer than it counts. */
u64 clock_deadline(u64 sec, u64 nsec);

/* Nanoseconds since 1970 (what the RTC said, plus clock_ns()). */
u64 clock_realtime_ns(void);

/* clock_ns() is (TSC - *start) * *factor >> 32; behind *realtime it is clock_realtime_ns(). */
void clock_parameters(u64 *start, u64 *factor, u64 *realtime);

/* Busy-waits; for bring-up and tests. */
void clock_delay_ns(u64 ns);

/* A timer interrupt on this CPU at clock_ns() >= when; ~0: none. */
void clock_set_alarm(u64 when);

#endif
