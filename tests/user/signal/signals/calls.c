/* calls.c: system calls that a signal interrupts, and what becomes of them. */
#include "../../lib/check.h"
#include "signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000l

static void alarm_in(long ms, long interval_ms)
{
	struct itimerval v = { { 0, interval_ms * 1000 }, { 0, ms * 1000 } };

	syscall(SYS_setitimer, ITIMER_REAL, &v, NULL);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static void test_sleeping(void)
{
	struct timespec want = { 1000, 0 }, left = { 9, 9 };
	int64_t before;

	act(SIGALRM, note, SA_RESTART);
	handled = 0;
	alarm_in(10, 10); /* again, should the first come before the sleep */
	check_equal(syscall(SYS_nanosleep, &want, &left) ? errno : 0, EINTR, "nanosleep ends with EINTR");
	alarm_in(0, 0);
	check_true(handled >= 1, "once the handler has run");
	check_range(left.tv_sec, 900, 999, "and says what is left");
	check_equal(told.code, 0x80, "SIGALRM is the kernel's");
	act_default(SIGCHLD);
	before = now_ns();
	want = (struct timespec){ 0, 5 * MS };
	check_equal(syscall(SYS_nanosleep, &want, NULL), 0, "undisturbed it ends with 0");
	check_true(now_ns() - before >= 5 * MS, "and lasts as long as it was told");
	alarm_in(10, 10); /* again, should the first come before pause() */
	check_equal(syscall(SYS_pause) ? errno : 0, EINTR, "pause ends with EINTR");
	alarm_in(0, 0);
}

static void test_suspending(void)
{
	uint64_t none = 0, alarm_only = 1ul << (SIGALRM - 1), mask;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &alarm_only, NULL, 8);
	handled = 0;
	kill(getpid(), SIGALRM);
	check_equal(handled, 0, "SIGALRM is blocked");
	check_equal(syscall(SYS_rt_sigsuspend, &none, 8) ? errno : 0, EINTR, "sigsuspend ends with EINTR");
	check_equal(handled, 1, "and has let it through");
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
	check_equal((int64_t)mask, (int64_t)alarm_only, "the mask is as before");
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
}

static volatile pid_t waited_for;

static void note_and_end(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	kill(waited_for, SIGKILL);
}

/* A wait that SIGALRM cuts short and that is then made again: the handler ends the child. */
static void test_restarting(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		for (;;)
			pause();
	waited_for = pid;
	act(SIGALRM, note_and_end, SA_RESTART);
	handled = 0;
	alarm_in(10, 0); /* before the wait is as well: then nothing is cut short */
	check_equal(syscall(SYS_wait4, pid, &status, 0, NULL), pid, "SA_RESTART: a wait goes on behind the handler");
	check_equal(handled, 1, "which has run");
	check_equal(status, SIGKILL, "and has ended the child");
	act_default(SIGALRM);
}

static void test_timers(void)
{
	struct itimerval v;

	act(SIGALRM, note, 0);
	handled = 0;
	alarm_in(3, 3);
	while (handled < 3)
		syscall(SYS_pause);
	check_true(true, "an interval timer comes again");
	syscall(SYS_getitimer, ITIMER_REAL, &v);
	check_equal(v.it_interval.tv_usec, 3000, "getitimer tells the interval");
	alarm_in(0, 0);
	check_equal(syscall(SYS_alarm, 100), 0, "no alarm was set");
	check_range(syscall(SYS_alarm, 0), 99, 100, "alarm tells what is left");
	check_equal(syscall(SYS_setitimer, 3, &v, NULL) ? errno : 0, EINVAL, "no such timer");
	v.it_value.tv_usec = 1000000;
	check_equal(syscall(SYS_setitimer, ITIMER_REAL, &v, NULL) ? errno : 0, EINVAL, "too many microseconds");
	act_default(SIGALRM);
}

void test_calls_interrupted(void)
{
	test_sleeping();
	test_suspending();
	test_restarting();
	test_timers();
	check_equal(syscall(SYS_restart_syscall) ? errno : 0, EINTR, "there is nothing to restart");
}
