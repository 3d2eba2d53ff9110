/*
 * Calls whose structures are shorter than those of x86-64, and what uname says.
 */
#include "ia32.h"

struct iovec {
	const void *base;
	uint32_t len;
};

struct timespec {
	int32_t sec, nsec;
};

struct timespec64 {
	int64_t sec, nsec;
};

static void test_writev(void)
{
	struct iovec v[3] = { { "# one, ", 7 }, { "", 0 }, { "two\n", 4 } };

	check_equal((uint32_t)sys(SYS_writev, 1, v, 3), 11, "writev of three pieces");
	check_equal((uint32_t)sys(SYS_writev, 1, v, 0), 0, "writev of none");
	check_equal((uint32_t)sys(SYS_writev, 99, v, 3), (uint32_t)-EBADF,
		    "writev to fd 99 gives EBADF");
	check_equal((uint32_t)sys(SYS_writev, 1, v, 1025), (uint32_t)-EINVAL,
		    "writev of 1025 pieces gives EINVAL");
	check_equal((uint32_t)sys(SYS_writev, 1, v, -1), (uint32_t)-EINVAL,
		    "writev of 4294967295 pieces gives EINVAL");
	v[2].len = 0x80000000;
	check_equal((uint32_t)sys(SYS_writev, 1, v, 3), (uint32_t)-EINVAL,
		    "writev of 2 GiB gives EINVAL and writes nothing");
}

static void test_nanosleep(void)
{
	static const struct timespec bad[] = {
		{ 0, -1 }, { 0, 1000000000 }, { -1, 0 }, { INT32_MIN, 0 },
	};
	struct timespec before, after, millisecond = { 0, 1000000 };

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_equal((uint32_t)sys(SYS_nanosleep, &bad[i], 0), (uint32_t)-EINVAL,
			    "nanosleep of a time that is none gives EINVAL");
	sys(SYS_clock_gettime, 1, &before);
	check_equal((uint32_t)sys(SYS_nanosleep, &millisecond, 0), 0, "nanosleep");
	sys(SYS_clock_gettime, 1, &after);
	check_true((after.sec - before.sec) * 1000 + (after.nsec - before.nsec) / 1000000 >= 1,
		   "a millisecond has passed");
}

static void test_clock(void)
{
	struct {
		struct timespec ts;
		uint32_t behind;
	} old = { { -1, -1 }, 0x12345678 };
	struct timespec64 new = { -1, -1 };

	check_equal((uint32_t)sys(SYS_clock_gettime, 1, &old), 0, "clock_gettime");
	check_equal(old.behind, 0x12345678, "clock_gettime writes eight bytes");
	check_equal((uint32_t)sys(SYS_clock_gettime64, 1, &new), 0, "clock_gettime64");
	check_true(new.sec - old.ts.sec == 0 || new.sec - old.ts.sec == 1,
		   "both give the same second, or the next");
	check_true(new.nsec >= 0 && new.nsec < 1000000000, "and fewer than 1e9 nanoseconds");
	check_equal((uint32_t)sys(SYS_clock_gettime, 99, &old), (uint32_t)-EINVAL,
		    "clock_gettime of clock 99 gives EINVAL");
	check_equal((uint32_t)sys(SYS_clock_gettime64, 99, &new), (uint32_t)-EINVAL,
		    "clock_gettime64 of clock 99 gives EINVAL");
}

static void test_uname(void)
{
	static char names[6][65];

	check_equal((uint32_t)sys(SYS_uname, names), 0, "uname");
	check_true(same(names[0], "Linux"), "uname's system is Linux");
	check_true(same(names[4], "x86_64"), "uname's machine is x86_64");
}

void test_calls(void)
{
	uint32_t base = 0;

	test_writev();
	test_nanosleep();
	test_clock();
	test_uname();
	check_equal((uint32_t)sys(SYS_arch_prctl, 0x1002, 0), (uint32_t)-EINVAL,
		    "arch_prctl sets no FS base here");
	check_equal((uint32_t)sys(SYS_arch_prctl, 0x1003, &base), (uint32_t)-EINVAL,
		    "and tells none");
}
