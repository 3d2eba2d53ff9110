/*
 * A crowd of threads, and what it costs others.
 *
 * Linux 2.4 looked through all tasks for each new PID, and so did Postern, which
 * looked for sleepers and threads, too, by walking lists as long as a program liked,
 * under process_lock with interrupts off.  exit_group() with 4000 sleeping threads held
 * up everybody for nine seconds.
 *
 * In Postern a number is found in a table (kernel/linux/numbers.c), a sleeper in a heap
 * (kernel/base/timers.c), a thread leaves its lists in one step, and so does a signal
 * (kernel/linux/signal/queue.c).
 *
 * Right: what is done to one thread costs the same in a crowd; the end of a crowd
 * costs in proportion to it.  The least of several times is compared with another
 * least, since other programs of the host take part in each; both are measured again
 * until they are as they should be, or have had tries enough.
 */
#include "../../../user/raw_clone.h"
#include "lib/bugs.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK 256
#define FEW 150
#define MANY (8 * FEW)
#define BYTES_EACH 131072 /* of memory for each task that there may be */
#define TRIES 20
#define TIMES 30
#define CALLS 200
#define MORE_FOR_ONE 3 /* times */
#define MORE_FOR_ALL 30 /* 8 would be in proportion, 64 each by each */
#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static char *stacks;
static int first;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Each at another time, and none so soon. */
static int sleeper(void *arg)
{
	struct timespec t = { .tv_sec = 100000 + (long)arg };

	for (;;)
		syscall(SYS_nanosleep, &t, NULL);
	return 0;
}

static bool make_crowd(long n)
{
	stacks = mmap(NULL, (size_t)n * STACK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (long i = 0; i < n; i++) {
		int64_t tid = raw_clone(sleeper, stacks + (i + 1) * STACK, THREAD_FLAGS,
					(void *)i, NULL);

		if (tid < 0)
			return false;
		if (i == 0)
			first = (int)tid;
	}
	return true;
}

static void keep_least(volatile double *least, double t)
{
	if (t < *least)
		*least = t;
}

/* Of calls that find a thread by its number. */
static double time_to_find(int tid)
{
	double least = 1e9;

	for (int i = 0; i < TIMES; i++) {
		double t = now();

		for (int j = 0; j < CALLS; j++)
			syscall(SYS_tgkill, getpid(), tid, 0);
		keep_least(&least, now() - t);
	}
	return least;
}

/* What a child found or did; shared with it. */
static volatile struct {
	bool made;
	double alone, crowded, began;
} *report;

/* Seconds from exit_group to wait4, of a process of n sleeping threads; -1: too many. */
static double time_to_end(long n)
{
	pid_t child = make_child();

	if (child == 0) {
		keep_least(&report->alone, time_to_find(getpid()));
		report->made = make_crowd(n);
		for (int i = 0; i < 100; i++)
			sched_yield();
		keep_least(&report->crowded, time_to_find(first));
		report->began = now();
		_exit(0);
	}
	check_equal(wait_for(child), EXITED(0), "a crowd of %ld ends", n);
	return report->made ? now() - report->began : -1;
}

/* Of signals to oneself and back. */
static double time_to_signal(void)
{
	static const struct timespec none;
	double least = 1e9;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 0; i < TIMES; i++) {
		double t = now();

		for (int j = 0; j < CALLS; j++) {
			kill(getpid(), SIGUSR1);
			sigtimedwait(&set, NULL, &none);
		}
		keep_least(&least, now() - t);
	}
	return least;
}

/* How many were pending. */
static int time_behind_others(double *crowded)
{
	static const union sigval value;
	int n = 0;

	while (sigqueue(getpid(), SIGRTMIN, value) == 0)
		n++;
	keep_least(crowded, time_to_signal());
	signal(SIGRTMIN, SIG_IGN); /* drops them */
	return n;
}

/* As many others are pending before it as there may be. */
static void check_signals(void)
{
	static const union sigval value;
	double alone = 1e9, crowded = 1e9;
	sigset_t set;
	int n = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < TRIES && (i == 0 || crowded > alone * MORE_FOR_ONE); i++) {
		signal(SIGRTMIN, SIG_DFL);
		keep_least(&alone, time_to_signal());
		n = time_behind_others(&crowded);
	}
	check_range((long)(crowded * 1e9), 0, (long)(alone * 1e9) * MORE_FOR_ONE,
		    "a signal behind %d others is taken as it is alone", n);
	check_equal(kill(getpid(), SIGUSR1), 0, "all others are dropped at once");
	signal(SIGRTMIN, SIG_DFL);
	check_equal(sigqueue(getpid(), SIGRTMIN, value), 0, "there is room again");
}

/* ---- Ends ------------------------------------------------------------------------------ */

static void check_ends(void)
{
	double few = 1e9, many = 1e9;

	report = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	report->alone = report->crowded = 1e9;
	for (int i = 0; i < TRIES && (i == 0 || many > few * MORE_FOR_ALL ||
				      report->crowded > report->alone * MORE_FOR_ONE); i++) {
		keep_least(&few, time_to_end(FEW));
		keep_least(&many, time_to_end(MANY));
	}
	check_true(few > 0 && many > 0, "both crowds are made");
	check_range((long)(report->crowded * 1e9), 0, (long)(report->alone * 1e9) * MORE_FOR_ONE,
		    "a thread is found in a crowd as it is alone");
	check_range((long)(many * 1e9), 0, (long)(few * 1e9) * MORE_FOR_ALL,
		    "the end of a crowd takes time in proportion");
}

static bool has_room(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.totalram / BYTES_EACH > MANY + FEW;
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	if (!has_room()) {
		check_skip("little memory", "a crowd of threads");
		return check_end();
	}
	check_signals();
	check_ends();
	return check_end();
}
