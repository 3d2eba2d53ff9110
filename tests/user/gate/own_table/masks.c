/*
 * Signals that come while a thread changes its mask: two more threads, one that sends and
 * one that lets them through.
 *
 * To the thread: it blocks the signal, asks for it, lets it through at once, and waits in
 * user mode, where nothing but the signal itself can wake it.  To the process: while the
 * thread blocks and lets through in a loop, some thread must take each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "own_table.h"

#define MASK_SIZE 8
#define SECONDS 30
#define LOOKS 4096 /* of those, one that asks for the time */
#define TO_THREAD SIGUSR2
#define TO_PROCESS SIGURG

static volatile unsigned asked, begun, sent; /* of TO_THREAD */
static volatile unsigned taken, taken_of_process;
static volatile bool over;
static pid_t target;

static const unsigned long long both = 1ULL << (TO_THREAD - 1) | 1ULL << (TO_PROCESS - 1);
static const unsigned long long one = 1ULL << (TO_THREAD - 1), other = 1ULL << (TO_PROCESS - 1);

static void take(int signal)
{
	if (signal == TO_THREAD)
		taken++;
	else
		__atomic_fetch_add(&taken_of_process, 1, __ATOMIC_SEQ_CST);
}

static void set(int how, unsigned long long mask)
{
	expect(syscall(SYS_rt_sigprocmask, how, &mask, NULL, MASK_SIZE) == 0, "a mask", errno);
}

static void anywhere(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
}

static void *send(void *unused)
{
	anywhere();
	while (!over) {
		if (asked == begun) {
			sched_yield();
			continue;
		}
		begun++;
		syscall(SYS_tgkill, getpid(), target, TO_THREAD);
		sent++;
	}
	return unused;
}

static void *let_through(void *unused)
{
	anywhere();
	set(SIG_UNBLOCK, other);
	while (!over)
		sched_yield();
	return unused;
}

/* Until *word is n; in user mode, or on the user's table. */
static bool comes(const volatile unsigned *word, unsigned n)
{
	time_t end = time(NULL) + SECONDS;

	for (unsigned i = 1; *word != n; i++)
		if (i % LOOKS == 0 && time(NULL) >= end)
			return false;
	return true;
}

static bool to_thread(unsigned n)
{
	set(SIG_BLOCK, one);
	asked = n;
	if (n % 2) /* else it comes about now */
		expect(comes(&sent, n), "a signal that is pending", sent);
	set(SIG_UNBLOCK, one);
	if (comes(&taken, n))
		return true;
	expect(false, "signals to a thread that were taken", taken);
	return false;
}

static bool to_process(unsigned n)
{
	time_t end = time(NULL) + SECONDS;

	syscall(SYS_kill, getpid(), TO_PROCESS);
	while (taken_of_process < n) {
		set(SIG_UNBLOCK, other);
		set(SIG_BLOCK, other);
		if (time(NULL) >= end) {
			expect(false, "signals to the process that were taken", taken_of_process);
			return false;
		}
	}
	return true;
}

void block_signals_of_masks(void)
{
	set(SIG_BLOCK, both);
}

void signals_and_masks(unsigned rounds)
{
	pthread_t thread[2];
	bool good = true;

	target = (pid_t)syscall(SYS_gettid);
	signal(TO_THREAD, take);
	signal(TO_PROCESS, take);
	if (pthread_create(&thread[0], NULL, send, NULL) ||
	    pthread_create(&thread[1], NULL, let_through, NULL))
		return expect(false, "two threads", errno);
	for (unsigned n = 1; good && n <= rounds; n++)
		good = to_thread(n) && to_process(n);
	over = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}
