/*
 * The clock against the machine's counters, each of them: what clock_init() has found
 * is what they say now, a sleep is as long by them, and a rate that is a little wrong
 * is noticed.  Everything is compared with something of the same moment, so that it
 * does not matter how busy the host is.
 */
#include "arch/machine/clock.h"
#include "arch/machine/counter.h"
#include "arch/machine/measure.h"
#include "kernel/base/insn.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"

#define SLEEP_NS (50 * NSEC_PER_MSEC)
#define NEAR_PART 100
/* Nobody else is to start the PIT meanwhile: nobody else does. */
#define WINDOWS_PER_SEC 500

static void each_counter(struct selftest *t)
{
	struct rate known = { .tsc = clock_rates.tsc_hz }, found;

	for (unsigned i = 0; i < counter_count; i++) {
		const struct counter *c = counters[i];

		known.count = c->hz;
		EXPECT(t, counter_measure(c, c->hz / WINDOWS_PER_SEC, 1, NULL, &found) !=
		       MEASURED_NOTHING, c->name);
		EXPECT(t, rates_agree(&found, &known, NEAR_PART), c->name);
	}
	selftest_note("%u counters, TSC %lu kHz", counter_count, clock_rates.tsc_hz / 1000);
}

/* Of the counters that last; the readings are moments by both clocks. */
static void sleep_by_counter(struct selftest *t)
{
	unsigned tried = 0;

	for (unsigned i = 0; i < counter_count; i++) {
		const struct counter *c = counters[i];
		struct moment begin, end;
		struct rate found, known = { clock_rates.tsc_hz, c->hz, 0 };
		u64 start, slept;

		if (c->start)
			continue;
		begin = counter_moment(c);
		start = clock_ns();
		sched_sleep_until(start + SLEEP_NS);
		slept = clock_ns() - start;
		end = counter_moment(c);
		found = (struct rate){ end.tsc - begin.tsc,
				       (end.count - begin.count) & c->mask, 0 };
		EXPECT(t, slept >= SLEEP_NS, "the sleep is not short");
		if (slept / NSEC_PER_SEC < c->mask / c->hz)
			EXPECT(t, rates_agree(&found, &known, NEAR_PART), c->name);
		tried++;
	}
	if (!tried)
		selftest_skip(t, "no counter that lasts");
}

static void wrong_rate(struct selftest *t)
{
	u64 hz = clock_rates.tsc_hz, found;

	if (!counter_count) {
		selftest_skip(t, "no counter");
		return;
	}
	EXPECT(t, clock_agrees(hz, &found), "the right rate");
	EXPECT(t, !clock_agrees(hz + hz / NEAR_PART, &found), "a rate that is 1 % too high");
	EXPECT(t, !clock_agrees(hz - hz / NEAR_PART, &found), "a rate that is 1 % too low");
}

static const struct selftest_case cases[] = {
	{ "every counter of the machine says the same of the TSC", each_counter },
	{ "a sleep is as long by another clock", sleep_by_counter },
	{ "a rate that is wrong by 1 % is noticed", wrong_rate },
};
SELFTEST_SUITE(clock, cases);
