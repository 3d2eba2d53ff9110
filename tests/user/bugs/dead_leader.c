/*
 * The leader that was freed too early (Postern's own, uid 1000 read kernel text).
 *
 * A thread that is not the first calls execve and becomes the leader; then it ends
 * alone.  Clean-up freed all ended threads but the first one, so the process went on
 * with a pointer to a freed task: filled anew by the program, it gave kill() and the
 * parent's SIGCHLD any kernel word.  Beside it, a signal for the process was left to
 * a leader about to end, and slept over by all others.
 *
 * In Postern a process has a hold on its leader (kernel/task/task.h), which therefore stays
 * until the process is reaped, and takes no signals from the moment it begins to end.
 *
 * Right: behind such an exec and end the leader's number is the process's still, calls
 * find it, signals reach the other threads, and the parent is told the child's user.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_USER 1000
#define REFILL (4u << 20)
#define ROUNDS 60
#define LIMIT_S 20 /* for hangs */

static const char *self;
static volatile int got;
static volatile pid_t got_by;

static void count(int signal)
{
	(void)signal;
	got_by = (pid_t)syscall(SYS_gettid);
	got = got + 1;
}

static void *nothing(void *arg)
{
	return arg;
}

/* clone() frees what has ended; then pages of ours may be where it was. */
static void make_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL))
		_exit(98);
}

static void refill(void)
{
	char *m = mmap(NULL, REFILL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		_exit(97);
	memset(m, 2, REFILL);
}

static long result(long value)
{
	return value < 0 ? -errno : value;
}

static void wait_until_got(int n)
{
	struct timespec ms = { 0, 1000000 };
	time_t end = time(NULL) + LIMIT_S;

	while (got < n && time(NULL) < end)
		nanosleep(&ms, NULL);
}

/* The leader is told by pthread's list that it has gone: its tid is cleared. */
static volatile int leader_tid;

static void *survivor(void *arg)
{
	pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
	cpu_set_t cpus;

	(void)arg;
	while (leader_tid)
		sched_yield();
	for (int i = 0; i < 3; i++)
		make_thread();
	refill();
	check_equal(pid == tid, 0, "the survivor is not the leader");
	check_equal(result(kill(pid, 0)), 0, "kill(pid, 0) finds the process");
	check_equal(result(syscall(SYS_tgkill, pid, pid, 0)), 0, "tgkill finds its leader");
	check_equal(result(syscall(SYS_sched_getaffinity, pid, sizeof(cpus), &cpus)) > 0, 1,
		    "sched_getaffinity does, too");
	check_equal(result(syscall(SYS_tgkill, pid, pid, SIGUSR2)), 0, "a signal for the leader");
	check_equal(result(kill(pid, SIGUSR1)), 0, "a signal for the process");
	wait_until_got(1);
	check_equal(got, 1, "only the latter is taken");
	check_equal(got_by, tid, "by the survivor");
	kill(pid, SIGSTOP); /* the parent looks */
	refill();
	make_thread();
	kill(pid, SIGUSR1);
	wait_until_got(2);
	check_equal(got, 2, "and one more behind the stop");
	_exit(check_status());
}

static void second(void)
{
	pthread_t t;

	signal(SIGUSR1, count);
	signal(SIGUSR2, count);
	leader_tid = 1;
	if (pthread_create(&t, NULL, survivor, NULL))
		_exit(96);
	syscall(SYS_set_tid_address, &leader_tid);
	syscall(SYS_exit, 7);
}

static void *exec_self(void *arg)
{
	static char quiet[] = "-q", again[] = "-second";
	char *argv[] = { (char *)(uintptr_t)self, quiet, again, NULL }, *envp[] = { NULL };

	(void)arg;
	execve(self, argv, envp);
	_exit(99);
}

static void exec_by_thread(void)
{
	pthread_t t;

	if (getuid() == 0 && (setgid(CHILD_USER) || setuid(CHILD_USER)))
		_exit(95);
	if (pthread_create(&t, NULL, exec_self, NULL))
		_exit(94);
	for (;;)
		pause();
}

static void test_exec(void)
{
	siginfo_t info;
	pid_t pid = make_child();

	if (pid == 0)
		exec_by_thread();
	memset(&info, 0, sizeof(info));
	check_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT), 0,
		    "the parent waits");
	check_equal(info.si_code, CLD_STOPPED, "for its stop");
	check_equal(info.si_pid, pid, "si_pid");
	check_equal(info.si_uid, getuid() == 0 ? CHILD_USER : getuid(), "si_uid");
	kill(pid, SIGCONT);
	check_equal(wait_for(pid), EXITED(0), "all was right in it");
}

/* ---- Signals while the leader ends -------------------------------------------------- */

static volatile int *leader_ends; /* shared: how far it is */

static void *wait_for_signal(void *arg)
{
	(void)arg;
	wait_until_got(1);
	_exit(got == 1 ? 0 : 1);
}

static void end_leader(void)
{
	pthread_t t;

	got = 0;
	signal(SIGUSR1, count);
	if (pthread_create(&t, NULL, wait_for_signal, NULL))
		_exit(96);
	*leader_ends = 1;
	syscall(SYS_exit, 0);
}

/* One signal, at this moment or that. */
static bool signal_at_end(unsigned moment)
{
	pid_t pid;

	*leader_ends = 0;
	pid = make_child();
	if (pid == 0)
		end_leader();
	while (!*leader_ends)
		sched_yield();
	for (volatile unsigned i = 0; i < moment; i = i + 1)
		;
	kill(pid, SIGUSR1);
	return wait_for(pid) == EXITED(0);
}

static void test_signals(void)
{
	bool right = true;

	leader_ends = mmap(NULL, sizeof(*leader_ends), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (leader_ends == MAP_FAILED)
		abort();
	for (unsigned i = 0; right && i < ROUNDS; i++)
		right = signal_at_end(i * 64);
	check_true(right, "a signal comes through while the leader ends");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 2 && strcmp(argv[2], "-second") == 0) {
		check_begin(true);
		second();
	}
	bugs_begin(argc, argv);
	test_exec();
	test_signals();
	return check_end();
}
