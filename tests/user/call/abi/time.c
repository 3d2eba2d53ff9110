/*
 * time.c: clocks, sleeps and the interval timer. The clock must run, never
 * backwards, and a sleep must last at least as long as asked for; no upper bound
 * but a sane one, for an emulator may be slow.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#define BAD 0xffffffff80000000
#define SECOND 1000000000l
#define HANG (60 * SECOND) /* a busy host has been seen to hold a machine up for seconds */

static int64_t now(void)
{
	struct timespec time = { 0, 0 };

	sys(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void test_clock(void)
{
	struct timespec time = { -1, -1 };
	int64_t last = now(), next;
	bool forward = true, moved = false;

	check_equal(sys(SYS_clock_gettime, CLOCK_MONOTONIC, &time), 0, "clock_gettime of the monotonic clock returns 0");
	check_true(time.tv_sec >= 0, "its seconds are not negative");
	check_range(time.tv_nsec, 0, 999999999, "its nanoseconds are in range");
	check_equal(sys(SYS_clock_gettime, CLOCK_REALTIME, &time), 0, "clock_gettime of the real clock returns 0");
	check_range(time.tv_nsec, 0, 999999999, "its nanoseconds are in range");
	check_equal(sys(SYS_clock_gettime, 99, &time), -EINVAL, "clock_gettime of clock 99 gives EINVAL");
	for (int i = 0; i < 1000; i++) {
		next = now();
		forward = forward && next >= last;
		moved = moved || next > last;
		last = next;
	}
	check_true(forward, "a thousand readings never go backwards");
	check_true(moved, "the clock moves");
}

static void test_sleep(void)
{
	static const struct timespec wrong[] = {
		{ 0, -1 }, { 0, 1000000000 }, { -1, 0 }, { 1, -0x7fffffffffffffff },
	};
	const struct timespec nothing = { 0, 0 }, short_time = { 0, 10000000 };
	struct timespec rest = { 1234, 5678 };
	int64_t start = now();

	check_equal(sys(SYS_nanosleep, &nothing, 0), 0, "nanosleep of nothing returns 0");
	start = now();
	check_equal(sys(SYS_nanosleep, &short_time, &rest), 0, "nanosleep of 10 ms returns 0");
	check_range(now() - start, 10000000, HANG, "10 ms or more have passed");
	check_true(rest.tv_sec == 1234 && rest.tv_nsec == 5678, "a whole sleep leaves the rest alone");
	check_equal(sys(SYS_nanosleep, &nothing, 0xffffffff80000000), 0, "nor does it look at a bad pointer for it");
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		check_equal(sys(SYS_nanosleep, &wrong[i], 0), -EINVAL, "nanosleep of %lld s %lld ns gives EINVAL",
			    (long long)wrong[i].tv_sec, (long long)wrong[i].tv_nsec);
}

static void test_all_clocks(void)
{
	static const struct {
		int id;
		const char *name;
		bool coarse;
	} clocks[] = {
		{ CLOCK_REALTIME, "realtime", false }, { CLOCK_MONOTONIC, "monotonic", false },
		{ CLOCK_PROCESS_CPUTIME_ID, "process", false }, { CLOCK_THREAD_CPUTIME_ID, "thread", false },
		{ CLOCK_MONOTONIC_RAW, "raw", false }, { CLOCK_REALTIME_COARSE, "coarse realtime", true },
		{ CLOCK_MONOTONIC_COARSE, "coarse monotonic", true }, { CLOCK_BOOTTIME, "boottime", false },
	};
	struct timespec time, step;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		check_equal(sys(SYS_clock_gettime, clocks[i].id, &time), 0, "clock_gettime of the %s clock", clocks[i].name);
		check_true(time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < SECOND, "gives a time");
		check_equal(sys(SYS_clock_getres, clocks[i].id, &step), 0, "clock_getres of the %s clock", clocks[i].name);
		check_true(step.tv_sec == 0 && (step.tv_nsec > 1000) == clocks[i].coarse, "says whether it is coarse");
	}
	check_equal(sys(SYS_clock_getres, 99, BAD), -EINVAL, "clock_getres of clock 99 gives EINVAL");
	check_equal(sys(SYS_clock_getres, CLOCK_MONOTONIC, 0), 0, "clock_getres to NULL returns 0");
	check_equal(sys(SYS_clock_getres, CLOCK_MONOTONIC, BAD), -EFAULT, "clock_getres to kernel memory gives EFAULT");
}

static int64_t cpu_ns(int clock)
{
	struct timespec time = { 0, 0 };

	sys(SYS_clock_gettime, clock, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* What a program has used grows while it works, and not while it sleeps. */
static void test_cpu_time(void)
{
	const struct timespec nap = { 0, 30000000 };
	int64_t before = cpu_ns(CLOCK_THREAD_CPUTIME_ID), after, used = 30000000;

	while (cpu_ns(CLOCK_THREAD_CPUTIME_ID) < before + 1000000)
		;
	after = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	check_true(after >= before + 1000000, "the process's time counts its thread's");
	/* Not each time: the host may hold the machine up while we are on our way. */
	for (int i = 0; i < 20 && used >= 30000000; i++) {
		after = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
		sys(SYS_nanosleep, &nap, 0);
		used = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - after;
	}
	check_range(used, 0, 29999999, "a sleep of 30 ms costs less");
}

static void test_time_of_day(void)
{
	struct timespec time;
	struct timeval day = { -1, -1 };
	struct timezone zone = { 77, 77 };
	int64_t kept = -1, seconds;

	sys(SYS_clock_gettime, CLOCK_REALTIME, &time);
	check_equal(sys(SYS_gettimeofday, &day, &zone), 0, "gettimeofday returns 0");
	check_range(day.tv_sec - time.tv_sec, 0, HANG / SECOND, "the real clock's seconds");
	check_range(day.tv_usec, 0, 999999, "and microseconds");
	check_equal(zone.tz_minuteswest, 0, "in UTC");
	check_equal(sys(SYS_gettimeofday, 0, 0), 0, "gettimeofday of nothing returns 0");
	check_equal(sys(SYS_gettimeofday, BAD, 0), -EFAULT, "gettimeofday to kernel memory gives EFAULT");
	check_equal(sys(SYS_gettimeofday, 0, BAD), -EFAULT, "and of the zone");
	seconds = sys(SYS_time, &kept);
	check_range(seconds - day.tv_sec, 0, HANG / SECOND, "time gives the seconds, too");
	check_equal(kept, seconds, "twice");
	check_equal(sys(SYS_time, BAD), -EFAULT, "time to kernel memory gives EFAULT");
}

static void test_clock_sleep(void)
{
	const struct timespec wrong = { 0, SECOND }, nap = { 0, 5000000 };
	static const int ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct timespec until;
	int64_t start;

	for (unsigned i = 0; i < 3; i++) {
		start = now();
		check_equal(sys(SYS_clock_nanosleep, ids[i], 0, &nap, 0), 0, "clock_nanosleep of 5 ms, clock %d", ids[i]);
		check_range(now() - start, 5000000, HANG, "which have passed");
		start = now();
		sys(SYS_clock_gettime, ids[i], &until);
		until.tv_nsec += 5000000;
		until.tv_sec += until.tv_nsec / SECOND;
		until.tv_nsec %= SECOND;
		check_equal(sys(SYS_clock_nanosleep, ids[i], TIMER_ABSTIME, &until, BAD), 0, "and until then");
		check_range(now() - start, 5000000, HANG, "which has come");
		check_equal(sys(SYS_clock_nanosleep, ids[i], TIMER_ABSTIME, &until, 0), 0, "what has come is not waited for");
	}
	check_equal(sys(SYS_clock_nanosleep, 99, 0, BAD, 0), -EINVAL, "clock_nanosleep with clock 99 gives EINVAL");
	check_equal(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, &nap, 0), -EOPNOTSUPP,
		    "with the coarse clock gives EOPNOTSUPP");
	check_equal(sys(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, BAD, 0), -EOPNOTSUPP,
		    "with the thread's, before it looks at the pointer");
	check_equal(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, 0), -EFAULT, "from kernel memory gives EFAULT");
	check_equal(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, 0), -EINVAL, "of 1e9 ns gives EINVAL");
}

static volatile int alarms;

static void count_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void test_interval_timer(void)
{
	struct itimerval soon = { { 0, 0 }, { 1000, 500000 } }, wrong = { { 0, 0 }, { 0, 1000000 } }, old;

	signal(SIGALRM, count_alarm);
	check_equal(sys(SYS_setitimer, ITIMER_REAL, &soon, 0), 0, "setitimer returns 0");
	check_equal(sys(SYS_getitimer, ITIMER_REAL, &old), 0, "getitimer returns 0");
	check_range(old.it_value.tv_sec, 940, 1000, "and what is left");
	check_range(sys(SYS_alarm, 500), 940, 1001, "alarm gives it in seconds");
	check_equal(sys(SYS_setitimer, ITIMER_REAL, 0, &old), 0, "setitimer from NULL returns 0");
	check_range(old.it_value.tv_sec, 440, 500, "and what was left of the alarm");
	check_equal(sys(SYS_alarm, 0), 0, "which it has stopped");
	sys(SYS_alarm, 1);
	check_true(sys(SYS_alarm, 0) == 1 || alarms == 1, "less than a second left is one");
	check_equal(sys(SYS_setitimer, 3, BAD, 0), -EFAULT, "a bad pointer counts before a bad timer in setitimer");
	check_equal(sys(SYS_setitimer, 3, &soon, 0), -EINVAL, "setitimer of timer 3 gives EINVAL");
	check_equal(sys(SYS_setitimer, ITIMER_REAL, &wrong, 0), -EINVAL, "setitimer with 1000000 microseconds gives EINVAL");
	check_equal(sys(SYS_setitimer, ITIMER_REAL, 0, BAD), -EFAULT, "setitimer to kernel memory gives EFAULT");
	check_equal(sys(SYS_getitimer, 3, BAD), -EINVAL, "getitimer of timer 3 gives EINVAL");
	check_equal(sys(SYS_getitimer, ITIMER_REAL, BAD), -EFAULT, "getitimer to kernel memory gives EFAULT");
}

/* Again and again, should the first come before the sleep. */
static void test_sleep_until_interrupted(void)
{
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct timespec until = { 0, 0 };

	sys(SYS_clock_gettime, CLOCK_MONOTONIC, &until);
	until.tv_sec += 1000;
	alarms = 0;
	sys(SYS_setitimer, ITIMER_REAL, &often, 0);
	check_equal(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, BAD), -EINTR,
		    "a signal ends a sleep until then with EINTR, nothing is left to tell");
	sys(SYS_setitimer, ITIMER_REAL, &never, 0);
	check_true(alarms > 0, "and its handler has run");
	signal(SIGALRM, SIG_DFL);
}

void test_time(void)
{
	test_clock();
	test_all_clocks();
	test_cpu_time();
	test_time_of_day();
	test_sleep();
	test_clock_sleep();
	test_interval_timer();
	test_sleep_until_interrupted();
}
