/*
 * Time: the TSC as clock, the local APIC timer as alarm, the RTC as calendar.
 */
#ifndef ARCH_CLOCK_H
#define ARCH_CLOCK_H

#include "kernel/base/types.h"

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

/* Measures TSC and APIC timer against the PIT; reads the RTC.  Boot CPU. */
void clock_init(void);

/* Nanoseconds since clock_init().  Any CPU, any context. */
u64 clock_ns(void);

/* What clock_ns() will be after that time; ~0, never, if it is longer than it counts. */
u64 clock_deadline(u64 sec, u64 nsec);

/* Nanoseconds since 1970 (what the RTC said, plus clock_ns()). */
u64 clock_realtime_ns(void);

/* Busy-waits; for bring-up and tests. */
void clock_delay_ns(u64 ns);

/* A timer interrupt on this CPU at clock_ns() >= when; ~0: none. */
void clock_set_alarm(u64 when);

#endif
