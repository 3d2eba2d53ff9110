/*
 * The clock.  The TSC runs at one rate on all CPUs here (QEMU, Bochs and every
 * x86-64 of the last decade), so CPU 0 finds it out once, and the APIC timer's by
 * it: against the best counter that the machine has (arch/machine/counter.c), in moments
 * that do not depend on how long the machine was held up (arch/machine/measure.c).
 *
 * CPUID's word counts where the measurement says the same: it is exact.  Where they
 * differ the measurement counts, for an emulator may quote the processor it plays.
 *
 * Later, another counter is asked, and then once in a second one that lasts; the
 * first difference gets a line, and changes nothing.
 * Sources: Intel SDM vol. 3, 18.17 (TSC), 11.5.4 (APIC timer).
 */
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/counter.h"
#include "arch/machine/measure.h"
#include "arch/machine/rtc.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"

#define WINDOWS_PER_SEC 500       /* the TSC is measured for 2 ms at a time, */
#define APIC_WINDOWS_PER_SEC 1000 /* the APIC timer for 1 ms */
/* How much may differ: 1 % of CPUID's word and of a second, 0.5 of a measurement. */
#define SAID_PART 100
#define DIFFERENT_PART 200

struct clock_rates clock_rates;

/* 32.32 fixed point */
static u64 ns_per_tsc, apic_ticks_per_ns;
static u64 tsc_start, realtime_start;

static u64 khz(u64 hz)
{
	return hz / 1000;
}

/* ---- Rates ---------------------------------------------------------------------- */

static u64 apic_count(void)
{
	return ~0u - apic_timer_left();
}

static void apic_start(void)
{
	apic_timer_start(~0u);
}

static bool apic_expired(void)
{
	return !apic_timer_left();
}

static const struct counter apic_timer = {
	.name = "local APIC timer",
	.mask = 0xffffffff,
	.start = apic_start,
	.expired = apic_expired,
	.read = apic_count,
};

/* The TSC by the first counter of which two measurements agree, else by any; 0: none. */
static u64 measure_tsc(void)
{
	u64 hz = 0;

	clock_rates.tsc_by = NULL;
	for (unsigned i = 0; i < counter_count; i++) {
		const struct counter *c = counters[i];
		struct rate rate;
		enum measured m = counter_measure(c, c->hz / WINDOWS_PER_SEC, 1, NULL, &rate);

		if (m == MEASURED_NOTHING || (m == MEASURED_UNCLEAR && hz))
			continue;
		clock_rates.tsc_by = c;
		hz = rate_tsc_hz(c, &rate);
		if (m == MEASURED)
			return hz;
	}
	if (hz)
		log("clock: found no two measurements of the TSC that agree, expected so; "
		    "the clearest counts, by %s\n",
		    clock_rates.tsc_by->name);
	return hz;
}

/* Hz as numbers of ticks in one second. */
static bool hz_agree(u64 a, u64 b, u64 part)
{
	return rates_agree(&(struct rate){ .tsc = a, .count = 1 },
			   &(struct rate){ .tsc = b, .count = 1 }, part);
}

static u64 find_tsc_hz(void)
{
	u64 said = counter_tsc_hz_said(), measured = measure_tsc();

	if (!measured && !said)
		refuse("clock: found no HPET, ACPI PM timer or PIT that counts, and no rate in "
		       "CPUID, expected one of them to measure the TSC by");
	if (!measured)
		log("clock: found no HPET, ACPI PM timer or PIT that counts, expected one; "
		    "the TSC's rate is CPUID's word, %lu kHz\n",
		    khz(said));
	else if (said && !hz_agree(said, measured, SAID_PART))
		log("clock: found %lu kHz for the TSC by %s, expected CPUID's %lu kHz; "
		    "the first counts\n",
		    khz(measured), clock_rates.tsc_by->name, khz(said));
	clock_rates.tsc_said = said && (!measured || hz_agree(said, measured, SAID_PART));
	return clock_rates.tsc_said ? said : measured;
}

static u64 find_apic_hz(u64 tsc_hz)
{
	struct rate rate;
	enum measured m =
		counter_measure(&apic_timer, 1, tsc_hz / APIC_WINDOWS_PER_SEC, NULL, &rate);

	if (m == MEASURED_NOTHING)
		refuse("clock: found a local APIC timer that stays at %#x, expected one that "
		       "counts down",
		       apic_timer_left());
	apic_timer_start(0);
	if (m == MEASURED_UNCLEAR)
		log("clock: found no two measurements of the local APIC timer that agree, "
		    "expected so; the clearest counts\n");
	return (u64)((unsigned __int128)rate.count * tsc_hz / rate.tsc);
}

void clock_init(const struct acpi_info *acpi)
{
	counters_probe(acpi);
	clock_rates.tsc_as_by = NULL;
	clock_rates.tsc_hz = find_tsc_hz();
	clock_rates.apic_hz = find_apic_hz(clock_rates.tsc_hz);
	ns_per_tsc = (NSEC_PER_SEC << 32) / clock_rates.tsc_hz;
	apic_ticks_per_ns = (clock_rates.apic_hz << 32) / NSEC_PER_SEC;
	tsc_start = rdtsc();
	realtime_start = rtc_read_ns();
}

/* ---- Comparisons ----------------------------------------------------------------- */

/* Another one, if there is; the last is the most unlike. */
static const struct counter *second_counter(void)
{
	return counter_count ? counters[counter_count - 1] : NULL;
}

bool clock_agrees(u64 tsc_hz, u64 *found_hz)
{
	const struct counter *c = second_counter();
	struct rate found, known;

	*found_hz = tsc_hz;
	if (!c)
		return true;
	known = (struct rate){ .tsc = tsc_hz, .count = c->hz };
	if (counter_measure(c, c->hz / WINDOWS_PER_SEC, 1, &known, &found) == MEASURED_NOTHING) {
		*found_hz = 0;
		return false;
	}
	*found_hz = rate_tsc_hz(c, &found);
	return rates_agree(&found, &known, DIFFERENT_PART);
}

void clock_compare(void)
{
	const struct counter *c = second_counter();
	u64 found_hz;

	if (clock_agrees(clock_rates.tsc_hz, &found_hz))
		clock_rates.tsc_as_by = c == clock_rates.tsc_by ? NULL : c;
	else if (!found_hz)
		log("clock: found that the %s counts no longer, expected to compare the TSC "
		    "with it\n",
		    c->name);
	else
		log("clock: found %lu kHz for the TSC by %s, expected %lu kHz as before; "
		    "time may be wrong\n",
		    khz(found_hz), c->name, khz(clock_rates.tsc_hz));
}

/* One that may be read at any time; NULL: there is none. */
static const struct counter *lasting_counter(void)
{
	for (unsigned i = counter_count; i--;)
		if (!counters[i]->start)
			return counters[i];
	return NULL;
}

bool clock_watch(u64 tsc_hz)
{
	static struct moment last;
	static bool told;
	const struct counter *c = lasting_counter();
	struct moment now;
	struct rate found, known = { .tsc = tsc_hz };

	if (!c || told)
		return !told;
	now = counter_moment(c);
	found = (struct rate){ .tsc = now.tsc - last.tsc,
			       .count = (now.count - last.count) & c->mask };
	known.count = c->hz;
	/* Where it may have wrapped since, nothing is said. */
	told = last.tsc && found.tsc / tsc_hz < c->mask / c->hz &&
	       (last.doubt + now.doubt) < found.tsc / DIFFERENT_PART &&
	       !rates_agree(&found, &known, SAID_PART);
	last = now;
	if (told)
		log("clock: found %lu ms by %s, expected the %lu ms that passed by the TSC; "
		    "time may be wrong\n",
		    found.count * 1000 / c->hz, c->name, found.tsc * 1000 / tsc_hz);
	return !told;
}

/* ---- Time ------------------------------------------------------------------------ */

/* v * factor of 32.32 fixed point, without losing the high part. */
static u64 scale(u64 v, u64 factor)
{
	return (u64)((unsigned __int128)v * factor >> 32);
}

u64 clock_ns(void)
{
	return scale(rdtsc() - tsc_start, ns_per_tsc);
}

u64 clock_realtime_ns(void)
{
	return realtime_start + clock_ns();
}

void clock_parameters(u64 *start, u64 *factor, u64 *realtime)
{
	*start = tsc_start;
	*factor = ns_per_tsc;
	*realtime = realtime_start;
}

void clock_delay_ns(u64 ns)
{
	u64 end = clock_ns() + ns;

	while (clock_ns() < end)
		cpu_relax();
}

void clock_set_alarm(u64 when)
{
	u64 now = clock_ns(), ticks;

	this_cpu()->alarm = when == ~0ULL ? 0 : when;
	if (when == ~0ULL) {
		apic_timer_start(0);
		return;
	}
	ticks = when > now ? scale(when - now, apic_ticks_per_ns) : 1;
	apic_timer_start((u32)MAX(1, MIN(ticks, 0xffffffffULL)));
}

u64 clock_deadline(u64 sec, u64 nsec)
{
	if (sec >= ~0ULL / NSEC_PER_SEC / 2)
		return ~0ULL;
	return clock_ns() + sec * NSEC_PER_SEC + nsec;
}
