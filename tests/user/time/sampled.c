/*
 * sampled: what a profile is taken of (tests/test_profile.py).
 *
 *   sampled calls N     N system calls of the shortest kind
 *   sampled random N    N times 64 KiB of random bytes: long in one call
 *   sampled user N      N million additions, and no call
 *   sampled sleep N     N milliseconds with nothing to do
 *
 * Right outcome: exit status 0, and nothing printed.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MILLION 1000000L
#define PIECE 65536

/* On the last CPU, whose samples are told from CPU 0's. */
static void pin(void)
{
	cpu_set_t all, last;

	if (sched_getaffinity(0, sizeof(all), &all))
		exit(1);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_ZERO(&last);
			CPU_SET(cpu, &last);
		}
	if (sched_setaffinity(0, sizeof(last), &last))
		exit(1);
}

static void calls(long n)
{
	while (n--)
		getppid();
}

static void random_bytes(long n)
{
	static char buffer[PIECE];

	while (n--)
		if (getrandom(buffer, sizeof(buffer), 0) != PIECE)
			exit(1);
}

static void additions(long n)
{
	volatile long sum = 0;

	for (long i = 0; i < n * MILLION; i++)
		sum += i;
}

static void sleeps(long n)
{
	struct timespec t = { n / 1000, n % 1000 * MILLION };

	if (nanosleep(&t, NULL))
		exit(1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(long n);
	} ways[] = { { "calls", calls }, { "random", random_bytes }, { "user", additions },
		     { "sleep", sleeps } };

	for (unsigned i = 0; argc == 3 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name)) {
			pin();
			ways[i].run(atol(argv[2]));
			return 0;
		}
	return 2;
}
