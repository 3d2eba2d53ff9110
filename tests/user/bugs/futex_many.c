/*
 * Futexes with many waiters.  Linux walks its lists of waiters under a spinlock,
 * and so did Postern, with interrupts off, for as many threads as a program
 * makes; FUTEX_REQUEUE and a wait that ends walked them once for each waiter.
 *
 * In Postern a walk is made in pieces (kernel/linux/process/futex.c).
 *
 * Right: none is woken twice, moved twice or left out, however the pieces fall,
 * while others come and go in the same list.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, WAIT_BITSET = 9, WAKE_BITSET = 10 };
#define PRIVATE 128
#define WAITERS 120
#define COMERS 3
#define STACK 16384

static int word, other;
static volatile int woken, comings;
static volatile bool finished;

static long futex(int *at, int op, long value, long arg, int *to, unsigned bits)
{
	return syscall(SYS_futex, at, op | PRIVATE, value, arg, to, bits);
}

static void *wait_once(void *bits)
{
	while (futex(&word, WAIT_BITSET, 0, 0, NULL, (unsigned)(uintptr_t)bits) < 0 &&
	       errno == EINTR)
		;
	__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* In and out of the same list. */
static void *come_and_go(void *unused)
{
	struct timespec soon = { 0, 200000 };

	(void)unused;
	while (!finished) {
		syscall(SYS_futex, &word, WAIT | PRIVATE, 0, &soon, NULL, 0);
		comings++;
	}
	return NULL;
}

static int start(pthread_t *thread, void *(*fn)(void *), uintptr_t arg)
{
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	return pthread_create(thread, &small, fn, (void *)arg);
}

/* Until `n` wait at the word: requeueing them to itself counts them. */
static void until_waiting(int *at, long n)
{
	while (futex(at, REQUEUE, 0, INT_MAX, at, 0) < n)
		sched_yield();
}

static void until_woken(int n)
{
	while (woken < n)
		sched_yield();
}

/* Without them all there is no test, and the process ends with those there are. */
static bool check_threads(int n)
{
	check_equal(n, WAITERS, "threads are made");
	return n == WAITERS;
}

static void check_counts(void)
{
	pthread_t thread[WAITERS];
	int n = 0;

	woken = 0;
	while (n < WAITERS && start(&thread[n], wait_once, n % 2 ? 1 : 2) == 0)
		n++;
	if (!check_threads(n))
		return;
	until_waiting(&word, WAITERS);
	check_equal(futex(&word, WAKE_BITSET, INT_MAX, 0, NULL, 4), 0, "other bits");
	check_equal(futex(&word, CMP_REQUEUE, 10, 50, &other, 1) < 0 ? errno : 0, EAGAIN,
		    "another value");
	check_equal(futex(&word, CMP_REQUEUE, 10, 50, &other, 0), 60, "10 woken, 50 moved");
	check_equal(futex(&other, WAKE, INT_MAX, 0, NULL, 0), 50, "those that were moved");
	until_woken(60);
	check_equal(futex(&word, WAKE_BITSET, INT_MAX, 0, NULL, 1) +
		    futex(&word, WAKE_BITSET, INT_MAX, 0, NULL, 2), WAITERS - 60,
		    "the others, by their bits");
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	check_equal(woken, WAITERS, "all have been woken");
	check_equal(futex(&word, WAKE, INT_MAX, 0, NULL, 0), 0, "nobody is left");
}

static void check_crowd(void)
{
	pthread_t thread[WAITERS], comer[COMERS];
	int n = 0, comers = 0;
	long counted = 0;

	woken = 0;
	finished = false;
	while (comers < COMERS && start(&comer[comers], come_and_go, 0) == 0)
		comers++;
	while (n < WAITERS && start(&thread[n], wait_once, 1) == 0)
		n++;
	if (check_threads(n)) {
		while (woken < WAITERS)
			counted += futex(&word, WAKE_BITSET, 7, 0, NULL, 1);
		for (int i = 0; i < n; i++)
			pthread_join(thread[i], NULL);
		check_range(counted, WAITERS, INT_MAX, "all are woken while others come and go");
	}
	finished = true;
	for (int i = 0; i < comers; i++)
		pthread_join(comer[i], NULL);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	check_counts();
	check_crowd();
	return check_end();
}
