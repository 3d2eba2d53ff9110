/*
 * time.c: clock_gettime and nanosleep. The clock must run, never backwards, and
 * a sleep must last at least as long as asked for; no upper bound but a sane one,
 * for an emulator may be slow.
 */
#include "../../../user/raw_syscall.h"
#include "abi.h"
#include "check.h"

#include <errno.h>
#include <time.h>

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
	check_range(now() - start, 10000000, 5000000000, "10 ms or more have passed");
	check_true(rest.tv_sec == 1234 && rest.tv_nsec == 5678, "a whole sleep leaves the rest alone");
	check_equal(sys(SYS_nanosleep, &nothing, 0xffffffff80000000), 0, "nor does it look at a bad pointer for it");
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		check_equal(sys(SYS_nanosleep, &wrong[i], 0), -EINVAL, "nanosleep of %lld s %lld ns gives EINVAL",
			    (long long)wrong[i].tv_sec, (long long)wrong[i].tv_nsec);
}

void test_time(void)
{
	test_clock();
	test_sleep();
}
