/*
 * Clocks and sleeps: the old calls have times of 32 bits, the new ones of 64, of
 * whose nanoseconds the upper half does not count.
 */
#include "ia32.h"

enum {
	SYS_time = 13, SYS_gettimeofday = 78, SYS_clock_getres = 266,
	SYS_clock_nanosleep = 267, SYS_clock_getres64 = 406, SYS_clock_nanosleep64,
};
enum { REALTIME, MONOTONIC, PROCESS, THREAD, COARSE = 6 };

#define BAD 8u
#define ABSOLUTE 1
#define NSEC_PER_SEC 1000000000

struct time32 {
	int32_t sec, nsec;
};

struct time64 {
	int64_t sec;
	uint32_t nsec, high;
};

static int64_t now(void)
{
	struct time32 t = { 0, 0 };

	sys(SYS_clock_gettime, MONOTONIC, &t);
	return (int64_t)t.sec * NSEC_PER_SEC + t.nsec;
}

static void test_real_time(void)
{
	struct {
		int32_t sec, usec;
		uint32_t behind;
	} day = { -1, -1, 0x12345678 };
	struct time32 real = { 0, 0 };
	int32_t zone[2] = { 77, 77 }, kept = 0, seconds;

	sys(SYS_clock_gettime, REALTIME, &real);
	check_result(sys(SYS_gettimeofday, &day, zone), 0, "gettimeofday");
	check_true(day.sec >= real.sec && day.sec < real.sec + 5, "gives the real clock's seconds");
	check_true(day.usec >= 0 && day.usec < 1000000, "and microseconds");
	check_equal(day.behind, 0x12345678, "in eight bytes");
	check_result(zone[0], 0, "in UTC");
	check_result(sys(SYS_gettimeofday, BAD, 0), -EFAULT, "gettimeofday to address 8 gives EFAULT");
	check_result(sys(SYS_gettimeofday, 0, BAD), -EFAULT, "and of the zone");
	seconds = sys(SYS_time, &kept);
	check_true(seconds >= day.sec && seconds < day.sec + 5 && seconds == kept, "time gives seconds, twice");
	check_result(sys(SYS_time, BAD), -EFAULT, "time to address 8 gives EFAULT");
}

static void test_resolution(void)
{
	struct time32 old = { -1, -1 };
	struct time64 new = { -1, ~0u, ~0u };

	check_result(sys(SYS_clock_getres, MONOTONIC, &old), 0, "clock_getres");
	check_true(old.sec == 0 && old.nsec == 1, "of the monotonic clock: a nanosecond");
	check_result(sys(SYS_clock_getres64, COARSE, &new), 0, "clock_getres of 64 bits");
	check_true(new.sec == 0 && new.nsec >= 1000000 && new.high == 0, "of the coarse clock: more");
	check_result(sys(SYS_clock_getres, 99, BAD), -EINVAL, "of clock 99 gives EINVAL");
	check_result(sys(SYS_clock_getres, MONOTONIC, 0), 0, "to NULL returns 0");
	check_result(sys(SYS_clock_getres, MONOTONIC, BAD), -EFAULT, "to address 8 gives EFAULT");
}

static void test_sleep_until(void)
{
	struct time32 until;
	struct time64 until64;
	int64_t start = now();

	sys(SYS_clock_gettime, MONOTONIC, &until);
	until.nsec += 3000000;
	until.sec += until.nsec / NSEC_PER_SEC;
	until.nsec %= NSEC_PER_SEC;
	check_result(sys(SYS_clock_nanosleep, MONOTONIC, ABSOLUTE, &until, BAD), 0, "a sleep until then");
	check_true(now() - start >= 3000000, "lasts until then");
	until64 = (struct time64){ until.sec, (uint32_t)until.nsec, 0xffffffff };
	check_result(sys(SYS_clock_nanosleep64, MONOTONIC, ABSOLUTE, &until64, 0), 0,
		     "with 64 bits, the upper half of the nanoseconds does not count");
}

static void test_sleep(void)
{
	struct time32 wrong = { 0, NSEC_PER_SEC }, nap = { 0, 3000000 }, rest = { 7, 8 };
	struct time64 nap64 = { 0, 3000000, 0x80000000 }, wrong64 = { -1, 0, 0 };
	int64_t start = now();

	check_result(sys(SYS_clock_nanosleep, MONOTONIC, 0, &nap, &rest), 0, "clock_nanosleep");
	check_true(now() - start >= 3000000, "lasts 3 ms");
	check_true(rest.sec == 7 && rest.nsec == 8, "and leaves the rest alone");
	start = now();
	check_result(sys(SYS_clock_nanosleep64, REALTIME, 0, &nap64, 0), 0, "clock_nanosleep of 64 bits");
	check_true(now() - start >= 3000000, "lasts 3 ms");
	check_result(sys(SYS_clock_nanosleep, 99, 0, BAD, 0), -EINVAL, "with clock 99 gives EINVAL");
	check_result(sys(SYS_clock_nanosleep, THREAD, 0, BAD, 0), -EOPNOTSUPP, "with the thread's EOPNOTSUPP");
	check_result(sys(SYS_clock_nanosleep, MONOTONIC, 0, BAD, 0), -EFAULT, "from address 8 EFAULT");
	check_result(sys(SYS_clock_nanosleep, MONOTONIC, 0, &wrong, 0), -EINVAL, "of 1e9 ns EINVAL");
	check_result(sys(SYS_clock_nanosleep64, MONOTONIC, 0, &wrong64, 0), -EINVAL, "of -1 s EINVAL");
}

void test_times(void)
{
	check_subject("times: ");
	test_real_time();
	test_resolution();
	test_sleep();
	test_sleep_until();
	check_subject("");
}
