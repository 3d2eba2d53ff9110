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
 * costs in proportion to it.  With `-counted` time is a count of instructions (the boot
 * init-crowd, under QEMU's icount), and costs are compared; without, they are not: a busy
 * host would decide.
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
#define CALLS 200
#define MORE_FOR_ONE 1.5 /* times */
#define MORE_FOR_ALL 12  /* 8 would be in proportion, 64 each by each */
#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static char *stacks;
static int first;
static bool counted;

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

/* Of calls that find a thread by its number. */
static double time_to_find(int tid)
{
	double t = now();

	for (int j = 0; j < CALLS; j++)
		syscall(SYS_tgkill, getpid(), tid, 0);
	return now() - t;
}

/* At most so much more; both in seconds. */
#define CHECK_COST(crowded, alone, more, ...)                                              \
	do {                                                                               \
		if (counted)                                                               \
			check_range((long)((crowded) * 1e9), 0,                            \
				    (long)((alone) * 1e9 * (more)), __VA_ARGS__);          \
	} while (0)

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
		report->alone = time_to_find(getpid());
		report->made = make_crowd(n);
		for (int i = 0; i < 100; i++)
			sched_yield();
		report->crowded = time_to_find(first);
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
	double t;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	t = now();
	for (int j = 0; j < CALLS; j++) {
		kill(getpid(), SIGUSR1);
		sigtimedwait(&set, NULL, &none);
	}
	return now() - t;
}

/* As many others are pending before it as there may be. */
static void check_signals(void)
{
	static const union sigval value;
	double alone, crowded;
	sigset_t set;
	long n = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	alone = time_to_signal();
	while (sigqueue(getpid(), SIGRTMIN, value) == 0)
		n++;
	crowded = time_to_signal();
	CHECK_COST(crowded, alone, MORE_FOR_ONE,
		   "a signal behind %ld others is taken as it is alone", n);
	signal(SIGRTMIN, SIG_IGN); /* drops them */
	check_equal(kill(getpid(), SIGUSR1), 0, "all others are dropped at once");
	signal(SIGRTMIN, SIG_DFL);
	check_equal(sigqueue(getpid(), SIGRTMIN, value), 0, "there is room again");
}

/* ---- Ends ------------------------------------------------------------------------------ */

static void check_ends(void)
{
	double few, many;

	report = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	few = time_to_end(FEW);
	many = time_to_end(MANY);
	check_true(few > 0 && many > 0, "both crowds are made");
	CHECK_COST(report->crowded, report->alone, MORE_FOR_ONE,
		   "a thread is found in a crowd of %d as it is alone", MANY);
	CHECK_COST(many, few, MORE_FOR_ALL, "the end of a crowd of %d takes time in proportion",
		   MANY);
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
	counted = argc > 1 && strcmp(argv[1], "-counted") == 0;
	if (!has_room()) {
		check_skip("little memory", "a crowd of threads");
		return check_end();
	}
	check_signals();
	check_ends();
	return check_end();
}
