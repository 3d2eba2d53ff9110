/*
 * threads: pthreads over a shared memory: create, join, mutex, condition; the
 * end of threads and of all of them at once; futexes by hand; affinity.
 *
 * `threads group|exec|sleepers`: what ends a process, as said below;
 * used by the steps, which run this program again.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `threads -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define TURNS 2000
#define PAGE 4096
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE 128
#define FUTEX_REALTIME 256

static void nap(int milliseconds)
{
	const struct timespec time = { 0, milliseconds * 1000000L };

	nanosleep(&time, NULL);
}

/* Runs the program again, in a child, with one argument; its wait status. */
static int status_of(const char *argument)
{
	char *const argv[] = { (char *)"threads", (char *)argument, NULL };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execve("/proc/self/exe", argv, environ);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* ---- Mutexes, conditions, thread-local memory ------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static __thread unsigned long own;
static unsigned long counter, turn;

static void *count(void *arg)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		if (i % 64 == 0)
			sched_yield(); /* so that others have to wait */
		pthread_mutex_unlock(&mutex);
		own++;
	}
	return (void *)(own + (unsigned long)arg);
}

static void test_mutex(void)
{
	pthread_t thread[THREADS];
	bool good = true;

	for (unsigned long i = 0; i < THREADS; i++)
		good = good && pthread_create(&thread[i], NULL, count, (void *)i) == 0;
	check_true(good, "four threads are made");
	for (unsigned long i = 0; i < THREADS; i++) {
		void *result = NULL;

		good = good && pthread_join(thread[i], &result) == 0 && result == (void *)(TURNS + i);
	}
	check_true(good, "each has memory of its own, and is joined with its result");
	check_equal((int64_t)counter, THREADS * TURNS, "none of their turns with the mutex is lost");
	check_equal((int64_t)own, 0, "what is this thread's own did not change");
}

/* In turn, one after the other, by condition. */
static void *take_turns(void *arg)
{
	unsigned long me = (unsigned long)arg;

	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % THREADS != me)
			pthread_cond_wait(&condition, &mutex);
		turn++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void test_condition(void)
{
	pthread_t thread[THREADS];

	for (unsigned long i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, take_turns, (void *)i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	check_equal((int64_t)turn, THREADS * 200, "four threads take turns by a condition");
}

static void *tell_ids(void *arg)
{
	int64_t *ids = arg;

	ids[0] = sys(SYS_getpid);
	ids[1] = sys(SYS_gettid);
	return NULL;
}

static void test_ids(void)
{
	int64_t ids[2] = { 0, 0 };
	pthread_t thread;

	pthread_create(&thread, NULL, tell_ids, ids);
	pthread_join(thread, NULL);
	check_equal(ids[0], getpid(), "a thread's pid is the process's");
	check_true(ids[1] != ids[0] && ids[1] > 0, "its tid is not");
}

static void *die_with_lock(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

/* Past the C library, which releases the mutexes of threads that end by it. */
static volatile bool locked;

static void *vanish_with_lock(void *arg)
{
	pthread_mutex_lock(arg);
	locked = true;
	sys(SYS_exit, 0);
	return NULL;
}

static void test_robust(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t robust;
	struct timespec late;
	pthread_t thread;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attributes);
	pthread_create(&thread, NULL, die_with_lock, &robust);
	pthread_join(thread, NULL);
	check_equal(pthread_mutex_lock(&robust), EOWNERDEAD, "a robust mutex tells that its owner died");
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED); /* the kernel's task */
	pthread_mutex_init(&robust, &attributes);
	pthread_create(&thread, NULL, vanish_with_lock, &robust);
	while (!locked)
		nap(1);
	clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 60;
	check_equal(pthread_mutex_timedlock(&robust, &late), EOWNERDEAD, "and so does the kernel");
	check_equal(sys(SYS_set_robust_list, 0, 23), -EINVAL, "set_robust_list of another size gives EINVAL");
}

/* ---- Futexes ----------------------------------------------------------------------- */

static volatile int word, other_word, woken;

static void *wait_on_word(void *arg)
{
	int64_t result = sys(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE, 0, 0, 0, arg);

	__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return (void *)result;
}

static void test_futex_errors(void)
{
	const struct timespec short_time = { 0, 10000000 }, wrong = { 0, 1000000000 };
	struct timespec start, end;
	int64_t ms;

	check_equal(sys(SYS_futex, &word, FUTEX_WAIT, 1, 0), -EAGAIN, "waiting for another value gives EAGAIN");
	check_equal(sys(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 0, 0), -EINVAL, "an odd address gives EINVAL");
	check_equal(sys(SYS_futex, 8, FUTEX_WAIT, 0, 0), -EFAULT, "an unmapped one gives EFAULT");
	check_equal(sys(SYS_futex, 0xffffffff80000000, FUTEX_WAKE, 1), -EFAULT, "the kernel's gives EFAULT");
	check_equal(sys(SYS_futex, &word, FUTEX_WAIT, 0, 8), -EFAULT, "a bad pointer to the time gives EFAULT");
	check_equal(sys(SYS_futex, &word, FUTEX_WAIT, 0, &wrong), -EINVAL, "a wrong time gives EINVAL");
	check_equal(sys(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, 0, 0, 0), -EINVAL, "waiting for no bit gives EINVAL");
	check_equal(sys(SYS_futex, &word, 77, 0, 0), -ENOSYS, "operation 77 gives ENOSYS");
	check_equal(sys(SYS_futex, &word, FUTEX_WAKE, 1), 0, "waking nobody returns 0");
	clock_gettime(CLOCK_MONOTONIC, &start);
	check_equal(sys(SYS_futex, &word, FUTEX_WAIT, 0, &short_time), -ETIMEDOUT, "a wait of 10 ms gives ETIMEDOUT");
	clock_gettime(CLOCK_MONOTONIC, &end);
	ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	check_range(ms, 9, 60000, "after 10 ms");
	clock_gettime(CLOCK_REALTIME, &start);
	check_equal(sys(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_REALTIME, 0, &start, 0, 1), -ETIMEDOUT,
		    "a time of day that is past gives ETIMEDOUT");
}

/* Until n threads sleep: no call tells, so it is asked by moving them. */
static int64_t move_all(int n)
{
	int64_t moved = 0;

	for (int i = 0; i < 2000 && moved < n; i++) {
		int64_t result = sys(SYS_futex, &word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 0, 100, &other_word, 0);

		moved += result > 0 ? result : 0;
		if (moved < n)
			nap(1);
	}
	return moved;
}

static void test_futex_wake(void)
{
	pthread_t thread[THREADS];

	for (unsigned long i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, wait_on_word, (void *)(1ul << i));
	check_equal(move_all(THREADS), THREADS, "four waiters are moved to another word");
	check_equal(sys(SYS_futex, &word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 0, 1, &other_word, 1), -EAGAIN,
		    "with another value it gives EAGAIN");
	check_equal(sys(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE, 9), 0, "nobody is left at the first");
	check_equal(sys(SYS_futex, &other_word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 9, 0, 0, 4), 1, "one waits for bit 2");
	check_equal(sys(SYS_futex, &other_word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 9, 0, 0, 4), 0, "and no other");
	pthread_join(thread[2], NULL);
	check_equal(woken, 1, "that one goes on");
	check_equal(sys(SYS_futex, &other_word, FUTEX_REQUEUE | FUTEX_PRIVATE, 1, 1, &word, 0), 2,
		    "one is woken, one moved back");
	check_equal(sys(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE, 9) + sys(SYS_futex, &other_word, FUTEX_WAKE | FUTEX_PRIVATE, 9),
		    2, "the last two are woken");
	for (unsigned i = 0; i < THREADS; i++)
		if (i != 2)
			pthread_join(thread[i], NULL);
	check_equal(woken, THREADS, "all went on");
}

/* Two processes pass a ball in shared memory: a lost wake-up is a hang. */
static void test_futex_shared(void)
{
	volatile int *ball = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const int passes = 500;
	pid_t pid = fork();
	int side = pid == 0, status = -1;

	for (int i = 0; i < passes; i++) {
		for (int seen = *ball; seen % 2 != side; seen = *ball)
			sys(SYS_futex, ball, FUTEX_WAIT, seen, 0);
		*ball += 1;
		sys(SYS_futex, ball, FUTEX_WAKE, 1);
	}
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	check_true(status == 0 && *ball == 2 * passes, "two processes pass a ball by a shared futex");
	munmap((void *)ball, PAGE);
}

/* The same address in another process is another futex. */
static void test_futex_private(void)
{
	volatile int *ready = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t others = 0;
	pid_t pid = fork();

	if (pid == 0) {
		*ready = 1;
		sys(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE, 0, 0);
		_exit(0);
	}
	while (!*ready)
		sched_yield();
	for (int i = 0; i < 30; i++) {
		nap(1);
		others += sys(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE, 9);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check_equal(others, 0, "a private futex is not woken from another process");
	munmap((void *)ready, PAGE);
}

/* ---- Affinity ------------------------------------------------------------------------ */

static void *stay_on(void *arg)
{
	unsigned cpu = (unsigned)(unsigned long)arg, now;
	uint64_t mask = 1ul << cpu, found = 0;
	bool good = sys(SYS_sched_setaffinity, 0, sizeof(mask), &mask) == 0;

	for (int i = 0; i < 100; i++) {
		good = good && sys(SYS_getcpu, &now, 0, 0) == 0 && now == cpu;
		sched_yield();
	}
	good = good && sys(SYS_sched_getaffinity, 0, sizeof(found), &found) > 0 && found == mask;
	return (void *)(unsigned long)good;
}

static volatile int spinner;

/* Makes itself known, and ends when it finds itself on a CPU. */
static void *spin_until_on(void *arg)
{
	unsigned now;

	spinner = (int)sys(SYS_gettid);
	do
		sys(SYS_getcpu, &now, 0, 0);
	while (now != (unsigned)(unsigned long)arg);
	return NULL;
}

static void test_affinity(void)
{
	uint64_t mask[16] = { 0 }, none = 0, one;
	int64_t size = sys(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	bool good = true;
	int last = 0;
	pthread_t thread;

	check_true(size >= 8 && mask[0], "sched_getaffinity tells the CPUs");
	check_equal(sys(SYS_sched_setaffinity, 0, sizeof(none), &none), -EINVAL, "no CPU gives EINVAL");
	check_equal(sys(SYS_sched_setaffinity, 0, 8, 8), -EFAULT, "a bad pointer gives EFAULT");
	check_equal(sys(SYS_sched_setaffinity, 0x7ffffff0, sizeof(mask), mask), -ESRCH, "nobody gives ESRCH");
	check_equal(sys(SYS_sched_getaffinity, 0, 0, mask), -EINVAL, "no room gives EINVAL");
	check_equal(sys(SYS_sched_getaffinity, 0, 9, mask), -EINVAL, "9 bytes give EINVAL");
	for (int cpu = 0; cpu < 64; cpu++) {
		void *result;

		if (!(mask[0] & 1ul << cpu))
			continue;
		pthread_create(&thread, NULL, stay_on, (void *)(unsigned long)cpu);
		pthread_join(thread, &result);
		good = good && result;
		last = cpu;
	}
	check_true(good, "a thread goes to the CPU that it asks for, and stays there");
	for (int i = 0; i < 10; i++) {
		spinner = 0;
		pthread_create(&thread, NULL, spin_until_on, (void *)(unsigned long)last);
		while (!spinner)
			sched_yield();
		one = 1ul << last;
		sys(SYS_sched_setaffinity, spinner, sizeof(one), &one);
		pthread_join(thread, NULL);
	}
	check_true(true, "a thread that runs is moved by another");
}

/* ---- Ends: each in a process of its own --------------------------------------------------- */

static void *sleep_for_ever(void *arg)
{
	for (;;)
		sys(SYS_futex, arg, FUTEX_WAIT | FUTEX_PRIVATE, 0, 0);
	return NULL;
}

static void *spin_for_ever(void *arg)
{
	for (;;)
		__atomic_fetch_add((int *)arg, 2, __ATOMIC_RELAXED);
	return NULL;
}

static void *exit_all(void *arg)
{
	nap(5);
	(void)arg;
	exit(42);
}

static void *exec_hello(void *arg)
{
	char *const argv[] = { (char *)"threads", (char *)"pid", arg, NULL };

	nap(5);
	execve("/proc/self/exe", argv, environ);
	_exit(98);
}

static void *exit_soon(void *arg)
{
	nap(3);
	return arg;
}

static int run_end(const char *what)
{
	static int zero, some = 2;
	static char pid[24];
	pthread_t thread;

	pthread_create(&thread, NULL, sleep_for_ever, &zero);
	if (strcmp(what, "group") == 0) { /* another ends all */
		pthread_create(&thread, NULL, spin_for_ever, &some);
		pthread_create(&thread, NULL, exit_all, NULL);
	} else if (strcmp(what, "exec") == 0) { /* another becomes another program */
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		pthread_create(&thread, NULL, spin_for_ever, &some);
		pthread_create(&thread, NULL, exec_hello, pid);
	} else if (strcmp(what, "sleepers") == 0) { /* the first ends all while they sleep */
		for (int i = 0; i < 5; i++)
			pthread_create(&thread, NULL, sleep_for_ever, &zero);
		nap(5);
		exit(43);
	}
	return (int)(long)sleep_for_ever(&zero);
}

static volatile int *may_end; /* shared with the parent */

/* Behind the other, and not before the parent has looked. */
static void *thread_exits(void *other)
{
	pthread_join(*(pthread_t *)other, NULL);
	while (!*may_end)
		nap(1);
	sys(SYS_exit, 5);
	return NULL;
}

static void test_ends(void)
{
	int status;
	pid_t pid;

	check_equal(status_of("group"), 42 << 8, "exit in a thread ends all of them");
	check_equal(status_of("sleepers"), 43 << 8, "exit in the first ends those that sleep");
	check_equal(status_of("exec"), 44 << 8, "execve in a thread ends the others and keeps the pid");
	may_end = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0) {
		static pthread_t thread, other;

		pthread_create(&other, NULL, exit_soon, NULL);
		pthread_create(&thread, NULL, thread_exits, &other);
		sys(SYS_exit, 17);
	}
	check_equal(sys(SYS_wait4, pid, &status, WNOHANG, 0), 0, "a process goes on without its first thread");
	*may_end = 1;
	check_equal(waitpid(pid, &status, 0), pid, "and ends with the last");
	check_equal(status, 5 << 8, "with that one's status");
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "pid") == 0)
		return atoi(argv[2]) == getpid() && sys(SYS_gettid) == getpid() ? 44 : 97;
	if (argc > 1 && strcmp(argv[1], "-q") != 0)
		return run_end(argv[1]);
	check_begin(argc > 1);
	test_mutex();
	test_condition();
	test_ids();
	test_robust();
	test_futex_errors();
	test_futex_wake();
	test_futex_shared();
	test_futex_private();
	test_affinity();
	test_ends();
	return check_end();
}
