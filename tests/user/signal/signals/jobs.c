/*
 * jobs.c: children that are stopped and go on: what their parent is told, what
 * becomes of the call that they were in, and what SIGCONT undoes.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTINUED 0xffff

static void nap(long ms)
{
	const struct timespec time = { 0, ms * 1000000 };

	sys(SYS_nanosleep, &time, 0);
}

/* A child says that it can be stopped, and is about to wait. */
static volatile int *ready;

/* In a child: its exit status. */
static int sleeps_on(void)
{
	const struct timespec time = { 1000, 0 };
	struct timespec left = { 0, 0 };

	act(SIGUSR1, note, 0);
	*ready = 1;
	if (sys(SYS_nanosleep, &time, &left) != -EINTR || !handled)
		return 1;
	return left.tv_sec > 500 && left.tv_sec < 1000 ? 0 : 2;
}

/* The mask of rt_sigsuspend is there while it waits, and no longer. */
static int waits_on(void)
{
	uint64_t blocked = 1ul << (SIGUSR1 - 1), none = 0, after = 0;

	act(SIGUSR1, note, 0);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, 0, 8);
	*ready = 1;
	if (sys(SYS_rt_sigsuspend, &none, 8) != -EINTR || !handled)
		return 1;
	sys(SYS_rt_sigprocmask, SIG_BLOCK, 0, &after, 8);
	return after == blocked ? 0 : 2;
}

/* It may come before the pause: then again, from its parent. */
static int pauses_on(void)
{
	act(SIGUSR1, note, SA_RESTART);
	*ready = 1;
	return sys(SYS_pause) == -EINTR && handled ? 0 : 1;
}

static pid_t begin(int (*body)(void))
{
	pid_t pid;

	*ready = 0;
	pid = (pid_t)sys(SYS_fork);

	if (pid == 0) {
		handled = 0;
		_exit(body());
	}
	return pid;
}

static int wait_with(pid_t pid, int options)
{
	int status = -1;
	int64_t got = sys(SYS_wait4, pid, &status, options, 0);

	return got == pid ? status : got == 0 ? -2 : -1;
}

static void stop_and_go_on(pid_t pid, const char *what)
{
	while (!*ready)
		sys(SYS_sched_yield);
	nap(20); /* it is in its call by now, or soon will be */
	kill(pid, SIGSTOP);
	check_equal(wait_with(pid, WUNTRACED), SIGSTOP << 8 | 0x7f, "%s: it stops", what);
	check_equal(wait_with(pid, WUNTRACED | WNOHANG), -2, "%s: which is told once", what);
	kill(pid, SIGCONT);
	check_equal(wait_with(pid, WCONTINUED), CONTINUED, "%s: it goes on", what);
	check_equal(wait_with(pid, WCONTINUED | WNOHANG), -2, "%s: which is told once, too", what);
}

static void test_calls_over_a_stop(void)
{
	static const struct {
		const char *name;
		int (*body)(void);
	} rows[] = {
		{ "nanosleep", sleeps_on }, { "sigsuspend", waits_on }, { "pause", pauses_on },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = begin(rows[i].body);
		int status = -2;

		stop_and_go_on(pid, rows[i].name);
		while (status == -2) {
			nap(20); /* so that it is in its call once more */
			kill(pid, SIGUSR1);
			status = wait_with(pid, WNOHANG);
		}
		check_equal(status, 0, "%s: and ends with a handled signal alone", rows[i].name);
	}
}

static int waits_for_ever(void)
{
	while (sys(SYS_pause))
		;
	return 0;
}

static volatile int child_code, child_status, child_pid;

static void note_child(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	child_code = info->si_code;
	child_status = info->si_status;
	child_pid = info->si_pid;
}

static void check_told(pid_t pid, int code, int status, const char *what)
{
	for (int i = 0; i < 2000 && !handled; i++)
		nap(1);
	check_true(handled == 1 && child_code == code && child_status == status && child_pid == pid,
		   "SIGCHLD tells that it %s", what);
	handled = 0;
}

static void test_parent_is_told(void)
{
	siginfo_t info;
	pid_t pid = begin(waits_for_ever);

	act(SIGCHLD, note_child, SA_RESTART);
	handled = 0;
	kill(pid, SIGSTOP);
	check_told(pid, CLD_STOPPED, SIGSTOP, "has stopped");
	memset(&info, 0, sizeof(info));
	check_equal(sys(SYS_waitid, P_PID, pid, &info, WSTOPPED | WNOWAIT, 0), 0, "waitid, too");
	check_true(info.si_pid == pid && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP, "with the signal");
	check_equal(wait_with(pid, WUNTRACED), SIGSTOP << 8 | 0x7f, "and WNOWAIT has left it for wait4");
	kill(pid, SIGCONT);
	check_told(pid, CLD_CONTINUED, SIGCONT, "goes on");
	check_equal(sys(SYS_waitid, P_PID, pid, &info, WCONTINUED, 0), 0, "waitid, too");
	check_true(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT, "with the signal");
	act(SIGCHLD, note_child, SA_RESTART | SA_NOCLDSTOP);
	kill(pid, SIGSTOP);
	check_equal(wait_with(pid, WUNTRACED), SIGSTOP << 8 | 0x7f, "it stops again");
	check_equal(handled, 0, "SA_NOCLDSTOP keeps that quiet");
	kill(pid, SIGTERM);
	check_equal(wait_with(pid, WNOHANG), -2, "what is stopped does not die of SIGTERM");
	kill(pid, SIGKILL);
	check_equal(wait_with(pid, 0), SIGKILL, "but of SIGKILL");
	handled = 0;
	act_default(SIGCHLD);
}

static uint64_t pending(void)
{
	uint64_t set = 0;

	sys(SYS_rt_sigpending, &set, 8);
	return set & (1ul << (SIGTSTP - 1) | 1ul << (SIGCONT - 1));
}

/* A stop and SIGCONT undo each other, even if both are blocked. */
static void test_opposites(void)
{
	uint64_t both = 1ul << (SIGTSTP - 1) | 1ul << (SIGCONT - 1);

	sys(SYS_rt_sigprocmask, SIG_BLOCK, &both, 0, 8);
	kill(getpid(), SIGTSTP);
	check_equal((int64_t)pending(), 1l << (SIGTSTP - 1), "a blocked SIGTSTP is pending");
	kill(getpid(), SIGCONT);
	check_equal((int64_t)pending(), 1l << (SIGCONT - 1), "until SIGCONT comes");
	kill(getpid(), SIGTSTP);
	check_equal((int64_t)pending(), 1l << (SIGTSTP - 1), "which goes with the next SIGTSTP");
	kill(getpid(), SIGCONT);
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &both, 0, 8);
	check_equal((int64_t)pending(), 0, "nothing of it is left");
}

void test_jobs(void)
{
	ready = mmap(NULL, sizeof(*ready), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test_calls_over_a_stop();
	test_parent_is_told();
	test_opposites();
}
