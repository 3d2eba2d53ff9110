/*
 * Measuring one clock against another, on a machine that may be held up at any
 * instruction, for any time: by its host, by SMM, by a debugger.
 *
 * A reading is believed by how close the readings of the TSC around it are.  A
 * measurement lasts from one such moment to another, so that it does not matter
 * how long it took, nor what happened in between.  And it is taken again until two
 * agree: a counter may have wrapped meanwhile.
 * Called by arch/machine/clock.c; arch/machine/counter.c has the counters.
 */
#include "arch/machine/counter.h"
#include "arch/machine/measure.h"
#include "kernel/base/insn.h"

#define READINGS 8 /* of one moment */
#define MEASUREMENTS 8
#define LOST_MAX 64 /* measurements during which a counter ran out */
#define AGREE_PART 512
/* Readings in one measurement before a counter is said to stand still. */
#define READINGS_MAX 1000000

struct moment counter_moment(const struct counter *c)
{
	struct moment best = { .doubt = ~0ULL };

	for (int i = 0; i < READINGS; i++) {
		u64 before = rdtsc();
		u64 count = c->read();
		u64 width = rdtsc() - before;

		if (width / 2 < best.doubt)
			best = (struct moment){ before + width / 2, count, width / 2 };
	}
	return best;
}

enum outcome { STANDS_STILL, LOST, GOOD };

static enum outcome measure_once(const struct counter *c, u64 min_count, u64 min_tsc,
				 struct rate *rate)
{
	struct moment begin, end;
	u32 left = READINGS_MAX;

	if (c->start)
		c->start();
	begin = counter_moment(c);
	while (((c->read() - begin.count) & c->mask) < min_count || rdtsc() - begin.tsc < min_tsc) {
		if (!left--)
			return STANDS_STILL;
		cpu_relax();
	}
	end = counter_moment(c);
	*rate = (struct rate){
		.tsc = end.tsc - begin.tsc,
		.count = (end.count - begin.count) & c->mask,
		.doubt = begin.doubt + end.doubt,
	};
	/* Less than there was: it has wrapped, or one reading was noise. */
	if (rate->count < min_count || (c->expired && c->expired()))
		return LOST;
	return GOOD;
}

bool rates_agree(const struct rate *a, const struct rate *b, u64 part)
{
	unsigned __int128 x = (unsigned __int128)a->tsc * b->count;
	unsigned __int128 y = (unsigned __int128)b->tsc * a->count;

	return (x > y ? x - y : y - x) <= MAX(x, y) / part;
}

/* Is a's doubt the smaller part of it? */
static bool clearer(const struct rate *a, const struct rate *b)
{
	return (unsigned __int128)a->doubt * b->tsc < (unsigned __int128)b->doubt * a->tsc;
}

enum measured counter_measure(const struct counter *c, u64 min_count, u64 min_tsc,
			      const struct rate *known, struct rate *rate)
{
	struct rate all[MEASUREMENTS];
	unsigned n = 0, lost = 0;

	while (n < MEASUREMENTS && lost < LOST_MAX) {
		enum outcome outcome = measure_once(c, min_count, min_tsc, &all[n]);

		if (outcome == STANDS_STILL)
			return MEASURED_NOTHING;
		if (outcome == LOST) {
			lost++;
			continue;
		}
		*rate = all[n];
		if (known && rates_agree(known, rate, AGREE_PART))
			return MEASURED;
		for (unsigned i = 0; i < n; i++) {
			if (!rates_agree(&all[i], rate, AGREE_PART))
				continue;
			if (clearer(&all[i], rate))
				*rate = all[i];
			return MEASURED;
		}
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		if (clearer(&all[i], rate))
			*rate = all[i];
	return n ? MEASURED_UNCLEAR : MEASURED_NOTHING;
}

u64 rate_tsc_hz(const struct counter *c, const struct rate *rate)
{
	return (u64)((unsigned __int128)rate->tsc * c->hz / rate->count);
}
