/*
 * random: what getrandom() promises, on a machine that could seed its generator,
 * and with the argument `unseeded` on one that could not.
 *
 * Right outcome: every step `ok`, exit status 0.  On Linux, without the argument.
 */
#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <unistd.h>


#define BYTES 65536

static uint8_t a[BYTES], b[BYTES];

static long result(long value)
{
	return value < 0 ? -errno : value;
}

static long get(void *to, size_t n, unsigned flags)
{
	return result(getrandom(to, n, flags));
}

/* Ones among BYTES * 8 bits: 262,144, and 362 is the standard deviation. */
static int64_t ones(const uint8_t *from)
{
	int64_t n = 0;

	for (unsigned i = 0; i < BYTES; i++)
		n += __builtin_popcount(from[i]);
	return n;
}

/* Is a 16-byte block there twice?  As if a counter had come round, or a key. */
static bool repeats(const uint8_t *from)
{
	for (unsigned i = 0; i < BYTES; i += 16)
		for (unsigned k = i + 16; k < i + 1024 && k < BYTES; k += 16)
			if (memcmp(from + i, from + k, 16) == 0)
				return true;
	return false;
}

static void check_numbers(unsigned flags)
{
	check_equal(get(a, BYTES, flags), BYTES, "64 KiB");
	check_equal(get(b, BYTES, flags), BYTES, "and 64 KiB more");
	check_true(memcmp(a, b, BYTES) != 0, "are others");
	check_range(ones(a), 262144 - 2500, 262144 + 2500, "half the bits are ones");
	check_true(!repeats(a) && !repeats(b), "no block is there twice");
	memset(a, 0, 64);
	check_equal(get(a, 13, flags), 13, "13 bytes");
	check_true(a[13] == 0 && a[14] == 0, "are no more");
}

static void wake(int signal)
{
	(void)signal;
}

static void seeded(void)
{
	check_equal(get(a, 16, GRND_NONBLOCK), 16, "the generator is seeded");
	check_numbers(0);
	check_true(memcmp((void *)getauxval(AT_RANDOM), a, 16) != 0, "AT_RANDOM is its own");
}

static void unseeded(void)
{
	struct sigaction sa = { .sa_handler = wake };

	check_equal(get(a, 16, GRND_NONBLOCK), -EAGAIN, "without a seed there are none yet");
	check_equal(get(a, 16, GRND_NONBLOCK | GRND_RANDOM), -EAGAIN, "nor of the better ones");
	check_numbers(GRND_INSECURE);
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	check_equal(get(a, 16, 0), -EINTR, "who waits is woken by a signal");
}

int main(int argc, char **argv)
{
	check_begin(false);
	check_equal(get(a, 16, 8), -EINVAL, "an unknown flag");
	check_equal(get(a, 16, GRND_RANDOM | GRND_INSECURE), -EINVAL, "two that contradict");
	if (argc > 1 && strcmp(argv[1], "unseeded") == 0)
		unseeded();
	else
		seeded();
	check_equal(get((void *)~0xfffUL, 16, GRND_INSECURE), -EFAULT, "kernel memory");
	return check_end();
}
