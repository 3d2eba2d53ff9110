/*
 * itimers: the two interval timers that count CPU time, ITIMER_PROF all of it, and
 * ITIMER_VIRTUAL what is spent in user mode.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step,
 * `1..N` at the end, exit status 0. `itimers -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LONG_US 100000000 /* no test waits for it */
#define SHORT_US 30000
#define GIVE_UP_US 5000000 /* of CPU time */

static volatile sig_atomic_t got_virtual, got_prof, code;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	code = info->si_code;
	if (signal == SIGVTALRM)
		got_virtual++;
	else
		got_prof++;
}

static int64_t us(struct timeval t)
{
	return t.tv_sec * 1000000ll + t.tv_usec;
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int set(int which, int64_t value_us, int64_t interval_us)
{
	const struct itimerval v = {
		{ interval_us / 1000000, interval_us % 1000000 },
		{ value_us / 1000000, value_us % 1000000 },
	};

	return setitimer(which, &v, NULL) ? errno : 0;
}

static int64_t left(int which)
{
	struct itimerval v;

	return getitimer(which, &v) ? -1 : us(v.it_value);
}

/* In user mode, but for a look at the time now and then. */
static void compute(volatile sig_atomic_t *until, int count)
{
	int64_t end = cpu_us() + GIVE_UP_US;

	while (*until < count && cpu_us() < end)
		for (volatile int i = 0; i < 1000000; i++)
			;
}

static void values(void)
{
	struct itimerval old = { { 9, 9 }, { 9, 9 } };
	struct itimerval v = { { 3, 500000 }, { 100, 0 } };

	for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++) {
		const char *name = which == ITIMER_PROF ? "PROF" : "VIRTUAL";

		check_equal(setitimer(which, &v, &old), 0, "ITIMER_%s is set", name);
		check_equal(us(old.it_value) + us(old.it_interval), 0, "ITIMER_%s was not set", name);
		check_equal(getitimer(which, &old), 0, "ITIMER_%s is read", name);
		check_range(us(old.it_value), 90000000, 101000000, "ITIMER_%s has time left", name);
		check_equal(us(old.it_interval), 3500000, "ITIMER_%s has its interval", name);
		check_equal(set(which, 0, 1000), 0, "ITIMER_%s is stopped", name);
		check_equal(left(which), 0, "ITIMER_%s has stopped", name);
	}
	check_equal(set(3, 1000, 0), EINVAL, "there is no fourth one");
	check_equal(set(-1, 1000, 0), EINVAL, "nor one before the first");
	check_equal(getitimer(3, &old) ? errno : 0, EINVAL, "nor can it be read");
	v.it_value.tv_usec = 1000000;
	check_equal(setitimer(ITIMER_PROF, &v, NULL) ? errno : 0, EINVAL, "a second of microseconds is too much");
}

static void comes(void)
{
	check_equal(set(ITIMER_VIRTUAL, SHORT_US, 0), 0, "ITIMER_VIRTUAL is set to 30 ms");
	compute(&got_virtual, 1);
	check_equal(got_virtual, 1, "SIGVTALRM comes while the program computes");
	check_equal(code, SI_KERNEL, "from the kernel");
	check_equal(left(ITIMER_VIRTUAL), 0, "and the timer is over");
	check_equal(set(ITIMER_PROF, SHORT_US, SHORT_US), 0, "ITIMER_PROF is set to each 30 ms");
	compute(&got_prof, 3);
	check_true(got_prof >= 3, "SIGPROF comes again and again");
	check_true(left(ITIMER_PROF) > 0, "and the timer goes on");
	set(ITIMER_PROF, 0, 0);
	check_equal(got_virtual, 1, "SIGVTALRM came once");
}

/* Most of the time in the kernel, which makes random numbers. */
static void counts_user_mode(void)
{
	static unsigned char bytes[1 << 20];
	int64_t end = cpu_us() + GIVE_UP_US, in_user, all;

	set(ITIMER_VIRTUAL, LONG_US, 0);
	set(ITIMER_PROF, LONG_US, 0);
	while (LONG_US - left(ITIMER_PROF) < 300000 && cpu_us() < end)
		if (getrandom(bytes, sizeof(bytes), 0) < 0)
			break;
	all = LONG_US - left(ITIMER_PROF);
	in_user = LONG_US - left(ITIMER_VIRTUAL);
	check_range(all, 300000, LONG_US, "ITIMER_PROF counts time in the kernel");
	check_range(in_user, -20000, all / 2, "ITIMER_VIRTUAL does not");
	set(ITIMER_VIRTUAL, 0, 0);
}

/* ITIMER_PROF is set. */
static void inherited(const char *self)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (left(ITIMER_PROF))
			_exit(1);
		set(ITIMER_PROF, LONG_US, 0);
		execl(self, self, "after-exec", (char *)NULL);
		_exit(2);
	}
	waitpid(pid, &status, 0);
	check_true(WIFEXITED(status), "a child of fork ends");
	check_true(WEXITSTATUS(status) != 1, "it has no timer");
	check_equal(WEXITSTATUS(status), 0, "and keeps its own over an exec");
	check_true(left(ITIMER_PROF) > 0, "the parent has its own as before");
}

int main(int argc, char **argv)
{
	struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	if (argc > 1 && strcmp(argv[1], "after-exec") == 0)
		return left(ITIMER_PROF) > 0 ? 0 : 3;
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	sigaction(SIGVTALRM, &a, NULL);
	sigaction(SIGPROF, &a, NULL);
	values();
	comes();
	counts_user_mode();
	inherited("/proc/self/exe");
	return check_end();
}
