/*
 * Test of arch/machine/clock.c, measure.c, counter.c and rtc.c on machines of every kind:
 * with some clocks, with none, with clocks that stand still or are wrong, and held
 * up by the host again and again.
 */
#include "arch/machine/clock.h"
#include "arch/machine/counter.h"
#include "tests/host/clock_machine.h"
#include "tests/host/host.h"

#include <string.h>

/* Within 1 / part of what it should be. */
static bool near(u64 found, u64 expected, u64 part)
{
	return (found > expected ? found - expected : expected - found) <= expected / part;
}

static void check_rates(const char *by)
{
	CHECK_STR(host_recorded(), "");
	CHECK(near(clock_rates.tsc_hz, machine.tsc_hz, 500));
	CHECK(near(clock_rates.apic_hz, machine.apic_hz, 250));
	CHECK_STR(clock_rates.tsc_by->name, by);
}

/* By each counter alone, and by the best where there are several. */
static void each_counter(u64 run_ns, u64 stop_ns)
{
	static const struct { bool hpet, pm, pit; const char *by; } kind[] = {
		{ true, true, true, "HPET" }, { true, false, false, "HPET" },
		{ false, true, true, "ACPI PM timer" }, { false, true, false, "ACPI PM timer" },
		{ false, false, true, "PIT" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		for (int round = 0; round < 20; round++) {
			machine_good();
			machine.run_ns = run_ns;
			machine.stop_ns = stop_ns;
			machine.hpet_hz *= kind[i].hpet;
			machine.pm_hz *= kind[i].pm;
			machine.pit_hz *= kind[i].pit;
			CHECK(machine_clock_init());
			check_rates(kind[i].by);
			machine_pass(NSEC_PER_SEC / 50);
			clock_compare();
			CHECK_STR(host_recorded(), "");
		}
	}
}

static void test_counters(void)
{
	each_counter(0, 0);
}

static void test_held_up(void)
{
	each_counter(20 * NSEC_PER_MSEC, 20 * NSEC_PER_MSEC);
	each_counter(NSEC_PER_MSEC, 4 * NSEC_PER_MSEC);
	each_counter(NSEC_PER_MSEC / 250, NSEC_PER_MSEC); /* in most readings */
}

/* A PIT runs out in 55 ms, and a PM timer of 24 bits in 4.7 s. */
static void test_held_up_long(void)
{
	each_counter(5 * NSEC_PER_MSEC, 60 * NSEC_PER_MSEC);
	each_counter(5 * NSEC_PER_MSEC, 150 * NSEC_PER_MSEC);
	each_counter(5 * NSEC_PER_MSEC, 6 * NSEC_PER_SEC);
}

/* Whenever it is measured it has wrapped, and always by as much: two would agree. */
static void test_pit_runs_out(void)
{
	machine_good();
	machine.hpet_hz = machine.pm_hz = 0;
	machine.run_ns = NSEC_PER_MSEC;
	machine.stop_ns = 60 * NSEC_PER_MSEC;
	machine.steady = true;
	CHECK(!machine_clock_init());
	CHECK_HAS(host_recorded(), "clock: found no HPET, ACPI PM timer or PIT that counts");
}

static void test_bits_of_pm_timer(void)
{
	machine_good();
	machine.hpet_hz = 0;
	machine.acpi.pm_tmr_32 = true; /* it has 24 all the same: it wraps at times */
	CHECK(machine_clock_init());
	CHECK(near(clock_rates.tsc_hz, machine.tsc_hz, 500));
}

static void test_none(void)
{
	machine_good();
	machine.hpet_hz = machine.pm_hz = machine.pit_hz = 0;
	CHECK(!machine_clock_init());
	CHECK_STR(host_recorded(), "clock: found no HPET, ACPI PM timer or PIT that counts, and "
		  "no rate in CPUID, expected one of them to measure the TSC by\n");
	machine.noise = true;
	CHECK(!machine_clock_init());
	machine.max_hypervisor = 0x40000010;
	machine.hypervisor.eax = 2800000;
	CHECK(machine_clock_init());
	CHECK_STR(host_recorded(), "clock: found no HPET, ACPI PM timer or PIT that counts, "
		  "expected one; the TSC's rate is CPUID's word, 2800000 kHz\n");
	CHECK_EQ(clock_rates.tsc_hz, 2800000000);
	CHECK(near(clock_rates.apic_hz, machine.apic_hz, 250));
	CHECK(clock_rates.tsc_by == NULL);
	host_record_clear();
	clock_compare();
	CHECK_STR(host_recorded(), "");
}

static void test_dead_apic_timer(void)
{
	machine_good();
	machine.apic_hz = 0;
	CHECK(!machine_clock_init());
	CHECK_STR(host_recorded(), "clock: found a local APIC timer that stays at 0xffffffff, "
		  "expected one that counts down\n");
}

static u64 said(u32 max, struct cpuid_regs leaf15, u32 base_mhz)
{
	machine_good();
	machine.max_leaf = max;
	machine.leaf15 = leaf15;
	machine.leaf16.eax = base_mhz;
	return counter_tsc_hz_said();
}

static void test_cpuid(void)
{
	CHECK_EQ(said(0x14, (struct cpuid_regs){ 2, 200, 24000000, 0 }, 0), 0);
	CHECK_EQ(said(0x16, (struct cpuid_regs){ 2, 200, 24000000, 0 }, 0), 2400000000);
	CHECK_EQ(said(0x16, (struct cpuid_regs){ 2, 200, 0, 0 }, 2300), 2300000000);
	CHECK_EQ(said(0x15, (struct cpuid_regs){ 2, 200, 0, 0 }, 2300), 0);
	CHECK_EQ(said(0x16, (struct cpuid_regs){ 0, 200, 24000000, 0 }, 2300), 0);
	CHECK_EQ(said(0x16, (struct cpuid_regs){ 2, 0, 24000000, 0 }, 2300), 0);
	machine_good();
	machine.max_hypervisor = 0x4000000f;
	machine.hypervisor.eax = 2800000;
	CHECK_EQ(counter_tsc_hz_said(), 0);
	machine.max_hypervisor = 0x40000010;
	CHECK_EQ(counter_tsc_hz_said(), 2800000000);
}

/* CPUID is exact where it is right, and a line where it is not. */
static void test_cpuid_against_measurement(void)
{
	machine_good();
	machine.max_hypervisor = 0x40000010;
	machine.hypervisor.eax = 2800000;
	CHECK(machine_clock_init());
	CHECK_STR(host_recorded(), "");
	CHECK(clock_rates.tsc_said);
	CHECK_EQ(clock_rates.tsc_hz, 2800000000);
	machine.hypervisor.eax = 3500000;
	CHECK(machine_clock_init());
	CHECK_HAS(host_recorded(), " kHz for the TSC by HPET, expected CPUID's 3500000 kHz; "
		  "the first counts\n");
	CHECK(!clock_rates.tsc_said);
	CHECK(near(clock_rates.tsc_hz, machine.tsc_hz, 500));
}

/* The second counter says something else: a line, and nothing more. */
static void test_difference(void)
{
	machine_good();
	CHECK(machine_clock_init());
	clock_compare();
	CHECK_STR(clock_rates.tsc_as_by->name, "PIT");
	machine.pit_hz += machine.pit_hz / 100;
	CHECK(machine_clock_init());
	check_rates("HPET");
	clock_compare();
	CHECK_HAS(host_recorded(), " kHz for the TSC by PIT, expected 2");
	CHECK(clock_rates.tsc_as_by == NULL);
	CHECK(near(clock_rates.tsc_hz, machine.tsc_hz, 500));
	machine.pit_hz = 0;
	host_record_clear();
	clock_compare();
	CHECK_STR(host_recorded(), "clock: found that the PIT counts no longer, expected to "
		  "compare the TSC with it\n");
}

/* From second to second, by the PM timer: the last that lasts. */
static void test_watch(void)
{
	machine_good();
	machine.run_ns = machine.stop_ns = 20 * NSEC_PER_MSEC;
	CHECK(machine_clock_init());
	for (int i = 0; i < 20; i++) {
		machine_pass(NSEC_PER_SEC);
		CHECK(clock_watch(clock_rates.tsc_hz));
	}
	machine_pass(6 * NSEC_PER_SEC); /* longer than it counts: nothing is said */
	CHECK(clock_watch(clock_rates.tsc_hz));
	CHECK_STR(host_recorded(), "");
	for (int i = 0; i < 3; i++) { /* the TSC as from now is another one */
		machine_pass(NSEC_PER_SEC);
		clock_watch(clock_rates.tsc_hz + clock_rates.tsc_hz / 50);
	}
	CHECK_HAS(host_recorded(), " ms by ACPI PM timer, expected the ");
	CHECK(strchr(host_recorded(), '\n')[1] == '\0');
}

static void test_rtc(void)
{
	machine_good();
	CHECK(machine_clock_init());
	CHECK(clock_realtime_ns() > NSEC_PER_SEC * 978307200); /* 2001 */
	machine.rtc = false;
	CHECK(machine_clock_init());
	CHECK(clock_realtime_ns() < NSEC_PER_SEC);
}

/* Three seconds by the clock are three by the machine's time. */
static void test_seconds(void)
{
	u64 start, before;

	machine_good();
	machine.run_ns = machine.stop_ns = 20 * NSEC_PER_MSEC;
	CHECK(machine_clock_init());
	start = clock_ns();
	before = machine_now();
	clock_delay_ns(3 * NSEC_PER_SEC);
	CHECK(near(clock_ns() - start, machine_now() - before, 500));
	CHECK(clock_ns() - start >= 3 * NSEC_PER_SEC);
}

const struct host_case host_cases[] = {
	{ "the TSC is measured by each counter, the best first", test_counters },
	{ "and while the machine is held up again and again", test_held_up },
	{ "and for longer than the PIT counts, and the PM timer", test_held_up_long },
	{ "a PIT that has run out each time is not believed", test_pit_runs_out },
	{ "a PM timer of 24 bits that says it has 32", test_bits_of_pm_timer },
	{ "without a counter CPUID's word counts, without that nothing", test_none },
	{ "an APIC timer that stands still is found", test_dead_apic_timer },
	{ "what CPUID says of the TSC", test_cpuid },
	{ "CPUID is believed where a measurement says the same", test_cpuid_against_measurement },
	{ "a second counter that differs is told of", test_difference },
	{ "a clock that goes wrong later is told of, once", test_watch },
	{ "an RTC is read, and none is noticed", test_rtc },
	{ "three seconds are three seconds", test_seconds },
	{ NULL, NULL }
};
