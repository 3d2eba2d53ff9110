/*
 * A pool of queued signals for all, which one user could use up.
 *
 * The kernel kept what it knew of pending signals in 1024 entries, of which a
 * process could have so many real-time ones; standard signals were not counted.
 * Forty threads with all signals blocked, sent 29 standard signals each by their
 * own process, took all the entries: another user's kill() then arrived without
 * its sender, and its sigqueue() failed.
 *
 * In Postern the entries are counted by user (RLIMIT_SIGPENDING), and come from
 * memory as they are needed (kernel/linux/signal/queue.c).
 *
 * Right: whatever a user has pending, another's signals arrive whole.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 40
#define USER 1000
#define RT 40

static volatile int *ready;

static void *sleeper(void *arg)
{
	int tid = (int)syscall(SYS_gettid);

	for (int s = 1; s < 32; s++)
		if (s != SIGKILL && s != SIGSTOP)
			syscall(SYS_tgkill, getpid(), tid, s);
	__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return arg;
}

static void hog(void)
{
	const uint64_t all = ~0ul;
	pthread_t t;

	if (setgid(USER) || setuid(USER))
		_exit(1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t, NULL, sleeper, NULL);
	for (;;)
		pause();
}

static void block(int a, int b)
{
	const uint64_t set = 1ul << (a - 1) | 1ul << (b - 1);

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
}

static void check_signal(int signal, int expected_code)
{
	const uint64_t set = 1ul << (signal - 1);
	const struct timespec none = { 0, 0 };
	siginfo_t info;

	memset(&info, 0xee, sizeof(info));
	check_equal(syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8), signal, "signal %d is taken", signal);
	check_equal(info.si_pid, getpid(), "with its sender");
	check_equal(info.si_code, expected_code, "and its code");
}

int main(int argc, char **argv)
{
	union sigval value = { .sival_int = 5 };
	pid_t pid;

	bugs_begin(argc, argv);
	ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (getuid() != 0) {
		check_skip("needs root", "another user's signals");
		return check_end();
	}
	pid = make_child();
	if (pid == 0)
		hog();
	for (int i = 0; i < 1000 && *ready < THREADS; i++)
		usleep(10000);
	check_equal(*ready, THREADS, "threads of another user have all signals pending");
	block(SIGUSR1, RT);
	check_equal(kill(getpid(), SIGUSR1), 0, "kill() works");
	check_signal(SIGUSR1, SI_USER);
	check_equal(sigqueue(getpid(), RT, value), 0, "sigqueue() works");
	check_signal(RT, SI_QUEUE);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return check_end();
}
