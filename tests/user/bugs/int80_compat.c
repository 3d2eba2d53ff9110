/*
 * CVE-2015-2830 (Linux before 3.19.2, March 2015), and what else came of one flag that says
 * "this system call is i386's".
 *
 * INT 0x80 from 64-bit code set TS_COMPAT and a path out of fork (and of close)
 * left it set: the child's 64-bit calls were then judged by i386's numbers, past
 * seccomp and audit.  Its kin: a restart after INT 0x80 that runs as SYSCALL, or
 * the other way, with another call's number; and results or arguments whose high
 * halves are taken for good (the error is negative in 32 bits; CVE-2007-4573).
 *
 * In Postern no task carries such a flag: the way in is the frame's own vector
 * (is_ia32_syscall() in kernel/trap.c, regs_in_syscall() in kernel/linux/signal/signal.c),
 * made anew at each entry; a restart steps back over the instruction, two bytes
 * either way, with the number that this entry has saved.
 *
 * Right: each call is what its instruction says, in parent, child and handler,
 * before and after a restart.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH 0xdeadbeef00000000ul

enum { FORK32 = 2, GETPID32 = 20, PAUSE32 = 29, WAITPID32 = 7, NANOSLEEP32 = 162, WAIT4_32 = 114 };

static long syscall64(long nr)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "0"(nr), "D"(~0ul), "S"(~0ul)
			 : "rcx", "r11", "memory");
	return result;
}

/* 39 is getpid here and mkdir there; 20 is writev here, getpid there. */
static bool numbers_are_right(void)
{
	return syscall64(SYS_getpid) == getpid() && syscall64(20) < 0 &&
	       int80(GETPID32, 0, 0, 0) == getpid() && int80(SYS_getpid, ~0ul, 0, 0) < 0;
}

static void test_fork(void)
{
	int64_t pid = int80(HIGH | FORK32, HIGH, HIGH, HIGH);

	if (pid == 0)
		_exit(numbers_are_right() ? 3 : 4);
	check_true(pid > 0, "fork by INT 0x80");
	check_equal(wait_for((pid_t)pid), EXITED(3), "its child's calls are what they say");
	check_true(numbers_are_right(), "its parent's are");
	pid = syscall64(SYS_fork);
	if (pid == 0)
		_exit(numbers_are_right() ? 3 : 4);
	check_equal(wait_for((pid_t)pid), EXITED(3), "and those of SYSCALL's child");
}

static volatile bool right_in_handler;
static volatile int alarms;
static volatile pid_t to_end;

static void on_alarm(int signal)
{
	alarms++;
	right_in_handler = numbers_are_right();
	if (to_end)
		kill(to_end, SIGKILL);
	(void)signal;
}

static void set_alarm(int flags)
{
	/* And again, should the first come before the call that it is to interrupt. */
	struct itimerval soon = { .it_value = { 0, 5000 }, .it_interval = { 0, 5000 } };
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_alarm;
	sa.sa_flags = flags;
	sigaction(SIGALRM, &sa, NULL);
	right_in_handler = false;
	setitimer(ITIMER_REAL, &soon, NULL);
}

static void stop_alarm(void)
{
	struct itimerval none = { .it_value = { 0, 0 } };

	setitimer(ITIMER_REAL, &none, NULL);
}

/*
 * A wait that SIGALRM cuts short and that then starts again: the child ends when
 * the handler has run.
 */
static void test_restart(void)
{
	pid_t pid = make_child();
	int64_t got;

	if (pid == 0)
		for (;;)
			pause();
	alarms = 0;
	to_end = pid;
	set_alarm(SA_RESTART);
	got = int80(HIGH | WAITPID32, HIGH | (uint64_t)pid, HIGH, HIGH);
	check_equal(got, pid, "a waitpid of INT 0x80 goes on behind a handler");
	stop_alarm();
	to_end = 0;
	check_true(alarms >= 1, "which ran");
	check_true(right_in_handler, "and whose calls are what they say");
	check_true(numbers_are_right(), "as are those behind it");
}

static void test_interrupted(void)
{
	set_alarm(0);
	check_equal(int80(HIGH | PAUSE32, HIGH, HIGH, HIGH), -EINTR, "pause by INT 0x80: EINTR in 64 bits");
	stop_alarm();
	check_true(right_in_handler && numbers_are_right(), "calls are what they say, then");
	set_alarm(SA_RESTART);
	check_equal(int80(PAUSE32, 0, 0, 0), -EINTR, "a pause that asks for a restart all the same");
	stop_alarm();
}

/* Restarted through restart_syscall, whose number is another in each table. */
static void naps(void)
{
	static const uint32_t nap[2] = { 0, 20000000 };

	_exit(int80(NANOSLEEP32, (uintptr_t)nap, 0, 0) == 0 && numbers_are_right() ? 7 : 8);
}

static void test_stopped_nap(void)
{
	pid_t pid = make_child();

	if (pid == 0)
		naps();
	usleep(3000);
	kill(pid, SIGSTOP);
	kill(pid, SIGCONT);
	check_equal(wait_for(pid), EXITED(7), "a nap of INT 0x80 outlives a stop");
}

/* A tracer's rax is cut to 32 bits with its sign: it must not turn into a restart. */
static void test_traced(void)
{
	pid_t pid = trace_start(naps);

	trace(POKEUSER, pid, USER_WORD(orig_rax), HIGH | GETPID32);
	check_equal(trace(POKEUSER, pid, USER_WORD(orig_rax), ~0ul), 0, "a tracer's -1 for the number");
	trace(CONT, pid, 0, 0);
	check_equal(wait_for(pid), EXITED(7), "restarts nothing");
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	check_true(numbers_are_right(), "calls are what their instruction says");
	test_fork();
	test_restart();
	test_interrupted();
	test_stopped_nap();
	test_traced();
	return check_end();
}
