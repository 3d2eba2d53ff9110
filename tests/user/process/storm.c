/*
 * storm: many at once.
 *
 *	storm processes [ROUNDS]	rounds of 50 children at a time, each of
 *		which checks its copy of the memory and ends with a status of
 *		its own; some leave orphans
 *	storm threads [ROUNDS]		eight threads map, fill, check, change and
 *		unmap memory at the same time, and all touch fresh pages together
 *
 * Right outcome: one line with `0 failures`, exit status 0.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 50
#define THREADS 8
#define PAGE 4096

/* ---- Processes --------------------------------------------------------------------- */

static int storm_child(const unsigned *area, unsigned round, unsigned n)
{
	for (unsigned i = 0; i < 4; i++)
		if (area[i * PAGE / sizeof(*area)] != round + i)
			return 255;
	if (n % 10 == 0 && fork() == 0) /* who becomes an orphan, or is waited for by nobody */
		_exit(0);
	return (int)(n & 0x7f);
}

static int process_storm(unsigned rounds)
{
	unsigned *area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid[CHILDREN];
	int failures = 0;

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 4; i++)
			area[i * PAGE / sizeof(*area)] = round + i;
		for (unsigned n = 0; n < CHILDREN; n++) {
			pid[n] = fork();
			if (pid[n] == 0)
				_exit(storm_child(area, round, n));
			failures += pid[n] < 0;
		}
		for (unsigned n = CHILDREN; n-- > 0;) {
			int status = -1;

			failures += waitpid(pid[n], &status, 0) != pid[n] || status != (int)(n & 0x7f) << 8;
		}
	}
	printf("storm: %u rounds of %d children, %d failures\n", rounds, CHILDREN, failures);
	return failures != 0;
}

/* ---- Threads ----------------------------------------------------------------------- */

static int storm_rounds, storm_failures;

static void storm_fail(void)
{
	__atomic_fetch_add(&storm_failures, 1, __ATOMIC_RELAXED);
}

static void *storm_maps(void *arg)
{
	unsigned long me = (unsigned long)arg;

	for (int round = 0; round < storm_rounds; round++) {
		unsigned pages = 1 + (unsigned)(round + (int)me) % 5;
		unsigned long *area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED) {
			storm_fail();
			continue;
		}
		for (unsigned i = 0; i < pages; i++) {
			if (area[i * PAGE / sizeof(*area)])
				storm_fail();
			area[i * PAGE / sizeof(*area)] = me + i;
		}
		if (round % 3 == 0)
			area = mremap(area, pages * PAGE, (pages + 2) * PAGE, MREMAP_MAYMOVE);
		else
			mprotect(area, pages * PAGE, PROT_READ);
		for (unsigned i = 0; i < pages; i++)
			if (area[i * PAGE / sizeof(*area)] != me + i)
				storm_fail();
		munmap(area, (round % 3 == 0 ? pages + 2 : pages) * PAGE);
	}
	return NULL;
}

/* Threads all touch the same fresh page at once: it must be one page. */
static unsigned *volatile common;
static pthread_barrier_t barrier;

static void *storm_touches(void *arg)
{
	unsigned me = (unsigned)(unsigned long)arg;

	for (int round = 0; round < storm_rounds / 8 + 1; round++) {
		if (me == 0)
			common = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_barrier_wait(&barrier);
		common[me] = me + 1;
		pthread_barrier_wait(&barrier);
		for (unsigned i = 0; i < THREADS; i++)
			if (common[i] != i + 1)
				storm_fail();
		pthread_barrier_wait(&barrier);
		if (me == 0)
			munmap(common, PAGE);
	}
	return NULL;
}

static void storm_with(void *(*fn)(void *))
{
	pthread_t thread[THREADS];

	for (unsigned long i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, fn, (void *)i))
			storm_fail();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static int thread_storm(int rounds)
{
	storm_rounds = rounds;
	pthread_barrier_init(&barrier, NULL, THREADS);
	storm_with(storm_maps);
	storm_with(storm_touches);
	printf("storm: %d rounds of %d threads, %d failures\n", rounds, THREADS, storm_failures);
	return storm_failures != 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 20;

	if (argc > 1 && strcmp(argv[1], "threads") == 0)
		return thread_storm(rounds);
	return process_storm((unsigned)rounds);
}
