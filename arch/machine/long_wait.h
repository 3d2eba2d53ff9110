/*
 * A wait for another CPU that has no end of its own tells that it is long, and how
 * long: after smp_patience_ns, and whenever it has doubled since.
 */
#ifndef ARCH_MACHINE_LONG_WAIT_H
#define ARCH_MACHINE_LONG_WAIT_H

#include "arch/machine/clock.h"
#include "kernel/base/types.h"

/*
 * Generous, as the watchdog's limit is: a host may leave a virtual CPU alone for
 * seconds.  Tests lower it for a moment.
 */
#define SMP_PATIENCE_NS (10 * NSEC_PER_SEC)
extern u64 smp_patience_ns;

/* Of all CPUs so far, for the tests: lines about long waits. */
extern u32 smp_long_waits;

struct long_wait {
	u64 since, next; /* by clock_ns(); 0: has not begun */
};

/*
 * Each round of the wait calls it; *w is zero at first.  Returns the milliseconds waited
 * if a line about them is due, else 0.  Any context.
 */
u64 long_wait_ms(struct long_wait *w);

#endif
