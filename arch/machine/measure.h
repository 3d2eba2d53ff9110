/*
 * What the TSC's rate is by a counter whose own rate is known.
 */
#ifndef ARCH_MACHINE_MEASURE_H
#define ARCH_MACHINE_MEASURE_H

#include "arch/machine/counter.h"
#include "kernel/base/types.h"

/* A moment by both: the TSC when the counter had this value. */
struct moment {
	u64 tsc, count;
	u64 doubt; /* the TSC may have been so many ticks off, either way */
};

/*
 * Reads the counter between two readings of the TSC, some times, and takes the time
 * in which they were closest: the host, an NMI or SMM may come in between, but
 * seldom each time.  Any context.
 */
struct moment counter_moment(const struct counter *c);

/* So many TSC ticks were so many of the counter. */
struct rate {
	u64 tsc, count;
	u64 doubt; /* of `tsc` */
};

enum measured {
	MEASURED_NOTHING, /* it does not count */
	MEASURED_UNCLEAR, /* no two measurements agreed: the clearest of them */
	MEASURED,
};

/*
 * Measures the TSC against the counter until two measurements agree, each over at
 * least min_count of its ticks and min_tsc of the TSC's.  `known`: a rate that one
 * measurement may agree with instead; or NULL.  Busy; any context, but nobody else
 * may start the same counter.
 */
enum measured counter_measure(const struct counter *c, u64 min_count, u64 min_tsc,
			      const struct rate *known, struct rate *rate);

/* Do two rates differ by at most 1 / part of them? */
bool rates_agree(const struct rate *a, const struct rate *b, u64 part);

/* Ticks of the TSC in a second, by a counter whose rate is known. */
u64 rate_tsc_hz(const struct counter *c, const struct rate *rate);

#endif
