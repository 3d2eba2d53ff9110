/*
 * The timer that sends NMIs (arch/machine/nmi_timer.c), which the profiler uses: they
 * come at intervals to the CPU that it is aimed at and to no other, end when it is
 * stopped, and do not stop a CPU that panics.
 */
#include "arch/machine/clock.h"
#include "arch/machine/ioapic.h"
#include "arch/machine/nmi_timer.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/insn.h"
#include "kernel/base/panic.h"
#include "kernel/base/percpu.h"
#include "kernel/start/selftest.h"

#define DIVISOR 1193 /* a millisecond */
#define ENOUGH 5
#define PATIENCE_NS (20 * NSEC_PER_SEC)
#define AFTERWARDS_NS (20 * NSEC_PER_MSEC)

static u64 nmis_of(unsigned cpu)
{
	return __atomic_load_n(&VAULT_OF(cpu)->nmis, __ATOMIC_RELAXED);
}

static bool comes_to(unsigned cpu)
{
	u64 deadline = clock_ns() + PATIENCE_NS, before = nmis_of(cpu);

	while (nmis_of(cpu) < before + ENOUGH && clock_ns() < deadline)
		cpu_relax();
	return nmis_of(cpu) >= before + ENOUGH;
}

/* The last CPU that an IOAPIC can reach. */
static unsigned last_cpu(void)
{
	unsigned last = 0;

	for_each_cpu(cpu, &cpus_online)
		if (VAULT_OF(cpu)->apic_id <= IOAPIC_MAX_TARGET)
			last = cpu;
	return last;
}

static void at_intervals(struct selftest *t)
{
	unsigned last = last_cpu();
	u64 first_has;

	if (!EXPECT(t, nmi_timer_start(DIVISOR, VAULT_OF(last)->apic_id), "there is one"))
		return;
	EXPECT(t, comes_to(last), "NMIs come to the CPU that it is started for");
	nmi_timer_aim(VAULT_OF(0)->apic_id);
	EXPECT(t, comes_to(0), "and to the one that it is aimed at");
	first_has = nmis_of(last);
	EXPECT(t, comes_to(0), "again and again");
	if (last)
		EXPECT_EQ(t, nmis_of(last), first_has, "but no more to the other");
	nmi_timer_stop();
	clock_delay_ns(AFTERWARDS_NS);
	first_has = nmis_of(0);
	clock_delay_ns(AFTERWARDS_NS);
	EXPECT_EQ(t, nmis_of(0), first_has, "none comes when it is stopped");
}

static const struct selftest_case cases[] = {
	{ "NMIs come at intervals, where they are sent, until they are stopped", at_intervals },
};
SELFTEST_SUITE(nmi_timer, cases);

/* The report takes longer than an interval. */
static void panic_among_nmis(struct selftest *t)
{
	EXPECT(t, nmi_timer_start(DIVISOR, this_cpu()->apic_id), "there is one");
	EXPECT(t, comes_to(this_cpu()->cpu), "NMIs come");
	panic("among NMIs");
}

static const struct selftest_case panic_cases[] = {
	{ "a CPU that panics goes on behind an NMI", panic_among_nmis },
};
SELFTEST_SUITE_THAT_PANICS(panic_nmis, panic_cases);
