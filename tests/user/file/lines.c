/*
 * lines: reads from a terminal what somebody has typed ahead: lines that are
 * edited, ended in each way, read in parts, or not there in time.
 *
 * What is to be typed is in tests/programs.cfg, [init-lines].
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0.  `lines -q` prints failed steps only.
 */
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char text[1024];

/* A line of its own for the step: the echo may stand before it. */
static int64_t read_some(uint64_t to, int64_t n)
{
	int64_t got = sys(SYS_read, 0, to, n);

	sys(SYS_write, 1, "\n", 1);
	return got;
}

static void check_read(const char *expected, int64_t n, const char *sentence)
{
	int64_t got;

	memset(text, 0, sizeof(text));
	got = read_some((uint64_t)text, n);
	check_true(got == (int64_t)strlen(expected) && memcmp(text, expected, strlen(expected)) == 0, "%s: %lld bytes",
		   sentence, (long long)got);
}

static void test_lines(void)
{
	int64_t got;

	check_read("one\n", 1024, "a line is read with its end");
	check_read("two\n", 1024, "a letter is erased before it is read");
	check_read("three\n", 1024, "there is nothing to erase at the beginning, and Return ends a line");
	check_read("part", 1024, "Ctrl-D ends a line without a newline");
	check_read("", 1024, "Ctrl-D alone is the end of a file");
	check_read("abc", 3, "three letters of a line can be read");
	check_read("def\n", 1024, "then the rest");
	check_true(read_some(8, 1024) == -EFAULT, "to address 8 read gives EFAULT");
	memset(text, 0, sizeof(text));
	got = read_some((uint64_t)text, 1024);
	/* Terminals keep 255 letters of a line or more. */
	check_true(got >= 256 && text[0] == 'x' && text[254] == 'x' && text[got - 1] == '\n',
		   "a long line has its end: %lld bytes", (long long)got);
	check_read("end\n", 1024, "and another follows it");
}

static void nothing(int signal)
{
	(void)signal;
}

static volatile int times;

/* The third time is the last that starts the read again. */
static void count(int signal)
{
	const struct sigaction action = { .sa_handler = count };

	if (++times == 3)
		sigaction(signal, &action, NULL);
}

static void test_restart(void)
{
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	const struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	sys(SYS_setitimer, ITIMER_REAL, &often, 0);
	check_true(read_some((uint64_t)text, 1) == -EINTR, "a signal without SA_RESTART ends the wait");
	sys(SYS_setitimer, ITIMER_REAL, &never, 0);
	check_true(times > 3, "those with it have not");
}

/* Nothing more is typed: who waits can only be interrupted, first or second in line. */
static void test_waiting(void)
{
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	const struct sigaction action = { .sa_handler = nothing };
	const struct timespec nap = { 0, 50000000 };
	int pid;

	sigaction(SIGALRM, &action, NULL);
	sys(SYS_setitimer, ITIMER_REAL, &often, 0);
	check_true(read_some((uint64_t)text, 1) == -EINTR, "a signal ends the wait with EINTR");
	sys(SYS_setitimer, ITIMER_REAL, &never, 0);
	pid = (int)sys(SYS_fork);
	if (pid == 0) {
		sys(SYS_read, 0, text, 1);
		_exit(1);
	}
	sys(SYS_nanosleep, &nap, 0);
	sys(SYS_setitimer, ITIMER_REAL, &often, 0);
	check_true(read_some((uint64_t)text, 1) == -EINTR, "while another process waits, too");
	sys(SYS_setitimer, ITIMER_REAL, &never, 0);
	sys(SYS_kill, pid, SIGKILL);
	check_equal(sys(SYS_wait4, pid, 0, 0, 0), pid, "who waits can be killed");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_lines();
	test_restart();
	test_waiting();
	return check_end();
}
