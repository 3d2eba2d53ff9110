/*
 * The clock.  The TSC runs at one rate on all CPUs here (QEMU, Bochs and every
 * x86-64 of the last decade), so CPU 0 measures it once, against channel 2 of
 * the PIT, together with the APIC timer.
 * Sources: Intel SDM vol. 3, 18.17 (TSC), 11.5.4 (APIC timer); Intel 8254 data
 * sheet; MC146818 data sheet (RTC).
 */
#include "arch/apic.h"
#include "arch/clock.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"

#define PIT_HZ 1193182
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PORT_B 0x61 /* bit 0: gate of channel 2; bit 1: speaker; bit 5: output */
#define MEASURE_TICKS 2386 /* 2 ms */
/* Reads of port 0x61 before we call the PIT dead; each takes about 1 us. */
#define MEASURE_LIMIT 10000000

/* 32.32 fixed point */
static u64 ns_per_tsc, apic_ticks_per_ns;
static u64 tsc_start, realtime_start;

/* Runs the TSC and the APIC timer through MEASURE_TICKS of the PIT. */
static bool measure(u64 *tsc, u64 *apic)
{
	u64 start;
	u32 limit = MEASURE_LIMIT;

	outb(PORT_B, (inb(PORT_B) & ~2) | 1);
	outb(PIT_COMMAND, 0xb0); /* channel 2, both bytes, mode 0 */
	outb(PIT_CHANNEL2, MEASURE_TICKS & 0xff);
	apic_timer_start(~0u);
	outb(PIT_CHANNEL2, MEASURE_TICKS >> 8);
	start = rdtsc();
	while (!(inb(PORT_B) & 0x20) && --limit)
		;
	*tsc = rdtsc() - start;
	*apic = ~0u - apic_timer_left();
	apic_timer_start(0);
	return limit > 0;
}

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static unsigned bcd(u8 v, bool binary)
{
	return binary ? v : (v >> 4) * 10u + (v & 15);
}

/* Days from 1970-01-01 to a date of the years 2000 to 2099. */
static u64 days_since_1970(unsigned year, unsigned month, unsigned day)
{
	static const u16 before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	u64 days = 10957 + 365ULL * (year - 2000) + (year - 2000 + 3) / 4;

	days += before[(month - 1) % 12] + day - 1;
	return days + (year % 4 == 0 && month > 2);
}

/* Bit 7 says PM in the 12-hour mode, in which noon and midnight are 12. */
static unsigned hour(u8 v, bool binary, bool day_of_24)
{
	unsigned h = bcd(v & 0x7f, binary);

	return day_of_24 ? h : h % 12 + (v & 0x80 ? 12 : 0);
}

static u64 read_rtc(void)
{
	bool binary = cmos(0x0b) & 4;
	unsigned sec, year;
	u64 t;

	if (cmos(0x0a) == 0xff)
		return 0; /* there is no RTC */
	do { /* until no update fell between the first read and the last */
		while (cmos(0x0a) & 0x80)
			cpu_relax();
		sec = cmos(0x00);
		year = 2000 + bcd(cmos(0x09), binary);
		t = days_since_1970(year, bcd(cmos(0x08), binary), bcd(cmos(0x07), binary));
		t = t * 24 + hour(cmos(0x04), binary, cmos(0x0b) & 2);
		t = t * 60 + bcd(cmos(0x02), binary);
	} while (sec != cmos(0x00));
	return (t * 60 + bcd((u8)sec, binary)) * NSEC_PER_SEC;
}

void clock_init(void)
{
	u64 tsc, apic, ns = MEASURE_TICKS * NSEC_PER_SEC / PIT_HZ;

	if (!measure(&tsc, &apic) || tsc == 0 || apic == 0)
		refuse("clock: found no running PIT, expected one to measure the TSC");
	ns_per_tsc = (ns << 32) / tsc;
	apic_ticks_per_ns = (apic << 32) / ns;
	tsc_start = rdtsc();
	realtime_start = read_rtc();
}

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

void clock_delay_ns(u64 ns)
{
	u64 end = clock_ns() + ns;

	while (clock_ns() < end)
		cpu_relax();
}

void clock_set_alarm(u64 when)
{
	u64 now = clock_ns(), ticks;

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
