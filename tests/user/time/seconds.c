/*
 * seconds: three seconds of sleep, by every clock that a program with IOPL can read:
 * the kernel's, the ACPI PM timer (at the port that is the argument) and the RTC.
 * A machine that is slow, or held up, holds up all of them.
 *
 * Right outcome: every step `ok`, exit status 0, on QEMU's machines.
 */
#include "../lib/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <time.h>

#define SECOND 1000000000ll
#define PM_HZ 3579545ll
#define PM_PERIOD (1ll << 24)
#define READINGS 16

static unsigned pm_port;

static int64_t now(clockid_t clock)
{
	struct timespec time = { 0, 0 };

	clock_gettime(clock, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* The PM timer, and the time when it had that value. */
struct moment {
	int64_t ns, ticks;
};

static struct moment moment(void)
{
	struct moment best = { 0, 0 };
	int64_t closest = INT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		int64_t before = now(CLOCK_MONOTONIC);
		int64_t ticks = inl(pm_port) & (PM_PERIOD - 1);
		int64_t width = now(CLOCK_MONOTONIC) - before;

		if (width < closest) {
			closest = width;
			best = (struct moment){ before + width / 2, ticks };
		}
	}
	return best;
}

static int bcd(int reg)
{
	int v;

	outb(reg, 0x70);
	v = inb(0x71);
	return (v >> 4) * 10 + (v & 15);
}

/* Of the hour; read until two readings are the same. */
static int rtc_seconds(void)
{
	int t, last = -1;

	while ((t = bcd(2) * 60 + bcd(0)) != last)
		last = t;
	return t;
}

/* What the PM timer says more than the clock, from -2.3 to 2.3 s. */
static int64_t pm_difference(struct moment a, struct moment b)
{
	int64_t ticks = (int64_t)((__int128)(b.ns - a.ns) * PM_HZ / SECOND);
	int64_t more = (b.ticks - a.ticks - ticks) & (PM_PERIOD - 1);

	return (more < PM_PERIOD / 2 ? more : more - PM_PERIOD) * SECOND / PM_HZ;
}

int main(int argc, char **argv)
{
	const struct timespec three = { 3, 0 };
	struct moment begin, end;
	int64_t slept, real;
	int rtc;

	check_begin(false);
	pm_port = argc > 1 ? strtoul(argv[1], NULL, 0) : 0x608;
	check_equal(iopl(3), 0, "ports are open");
	rtc = rtc_seconds();
	real = now(CLOCK_REALTIME);
	begin = moment();
	puts("sleeps");
	check_equal(nanosleep(&three, NULL), 0, "three seconds of sleep");
	puts("wakes");
	end = moment();
	real = now(CLOCK_REALTIME) - real;
	rtc = (rtc_seconds() - rtc + 3600) % 3600;
	slept = end.ns - begin.ns;
	check_true(slept >= 3 * SECOND, "are not shorter by the kernel's clock");
	check_range(pm_difference(begin, end), -slept / 100, slept / 100,
		    "are as long by the ACPI PM timer");
	check_range(rtc - slept / SECOND, -2, 2, "are as long by the RTC");
	check_range(real - slept, -SECOND / 10, SECOND, "are as long by CLOCK_REALTIME");
	return check_end();
}
