/*
 * times.c: pointers of the calls on clocks, timers, sleeping and scheduling.
 */
#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define FUTEX_WAIT		0
#define FUTEX_WAIT_BITSET	9
#define FUTEX_PRIVATE		128

static const struct timespec no_time, some_time = { 1000, 0 };
static const struct itimerval never;
static const int priority_0;
static uint64_t own_cpus;
static uint32_t word = 1;

static void nothing(int signal)
{
	(void)signal;
}

static void set_tick(long us)
{
	const struct itimerval every = { { 0, us }, { 0, us } };

	sys(SYS_setitimer, ITIMER_REAL, &every, 0);
}

static void tick(void)
{
	set_tick(1000);
}

static void no_tick(void)
{
	set_tick(0);
}

static const struct pointer_row rows[] = {
	{ POINTER(time), { P }, 8, .unit = 8, .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ POINTER(times), { P }, 32, .unit = 1, .good = NONNEGATIVE, .flags = NULL_GOOD | RANDOM },
	{ POINTER(gettimeofday), { P, 0 }, 16, .unit = 8, .flags = NULL_GOOD | RANDOM },
	{ POINTER(gettimeofday), { 0, P }, 8, .unit = 1, .flags = NULL_GOOD },
	{ POINTER(clock_gettime), { CLOCK_MONOTONIC, P }, 16, .unit = 1, .flags = RANDOM },
	{ POINTER(clock_getres), { CLOCK_MONOTONIC, P }, 16, .unit = 1, .flags = NULL_GOOD },
	{ POINTER(nanosleep), { P, 0 }, 16, .image = &no_time },
	{ POINTER(nanosleep), { TO(some_time), P }, 16, .unit = 1, .good = -EINTR, .flags = NULL_GOOD | RANDOM,
	  .before = tick, .after = no_tick },
	{ POINTER(clock_nanosleep), { CLOCK_MONOTONIC, 0, P, 0 }, 16, .image = &no_time },
	{ POINTER(clock_nanosleep), { CLOCK_REALTIME, 0, TO(some_time), P }, 16, .unit = 1, .good = -EINTR,
	  .flags = NULL_GOOD | RANDOM, .before = tick, .after = no_tick },
	{ POINTER(getitimer), { ITIMER_REAL, P }, 32, .unit = 1 },
	{ POINTER(setitimer), { ITIMER_REAL, P, 0 }, 32, .image = &never, .flags = NULL_GOOD },
	{ POINTER(setitimer), { ITIMER_REAL, TO(never), P }, 32, .unit = 1, .flags = NULL_GOOD },
	{ POINTER(futex), { TO(word), FUTEX_WAIT, 2, P }, 16, .image = &no_time, .good = -EAGAIN, .flags = NULL_GOOD },
	{ POINTER(futex), { TO(word), FUTEX_WAIT_BITSET, 2, P, 0, 1 }, 16, .image = &no_time, .good = -EAGAIN,
	  .flags = NULL_GOOD },
	{ POINTER(sched_getparam), { 0, P }, 4, .unit = 1, .flags = NULL_EINVAL },
	{ POINTER(sched_setscheduler), { 0, 0, P }, 4, .image = &priority_0, .flags = NULL_EINVAL },
	{ POINTER(sched_getaffinity), { 0, 8, P }, 8, .unit = 1, .good = 8 },
	{ POINTER(sched_setaffinity), { 0, 8, P }, 8, .image = &own_cpus },
};

void test_time_pointers(void)
{
	signal(SIGALRM, nothing);
	sys(SYS_sched_getaffinity, 0, 8, &own_cpus);
	try_rows(rows, COUNT(rows));
}
