/*
 * plain.c: calls without pointers. Those that take no argument at all must not
 * look at the registers of arguments, whatever is there.
 */
#include "../../lib/check.h"
#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>


#define RUBBISH 0xffff888000000000ul

static const struct {
	const char *name;
	long number;
	bool same;	/* no arguments: always the same result */
} rows[] = {
	{ PLAIN(getpid), true },
	{ PLAIN(gettid), true },
	{ PLAIN(getppid), true },
	{ PLAIN(getpgrp), true },
	{ PLAIN(getuid), true },
	{ PLAIN(getgid), true },
	{ PLAIN(geteuid), true },
	{ PLAIN(getegid), true },
	{ PLAIN(sched_yield), true },
	{ PLAIN(restart_syscall), true },
	{ PLAIN(munlockall), true },
	{ PLAIN(sync), true },
	/* With numbers, which are in integers.c, or ends, which are below and in ends.c. */
	{ PLAIN(close), false },
	{ PLAIN(lseek), false },
	{ PLAIN(fcntl), false },
	{ PLAIN(dup), false },
	{ PLAIN(dup2), false },
	{ PLAIN(dup3), false },
	{ PLAIN(close_range), false },
	{ PLAIN(flock), false },
	{ PLAIN(fsync), false },
	{ PLAIN(fdatasync), false },
	{ PLAIN(umask), false },
	{ PLAIN(epoll_create), false },
	{ PLAIN(epoll_create1), false },
	{ PLAIN(eventfd), false },
	{ PLAIN(eventfd2), false },
	{ PLAIN(fchdir), false },
	{ PLAIN(fchmod), false },
	{ PLAIN(fchown), false },
	{ PLAIN(ftruncate), false },
	{ PLAIN(socket), false },
	{ PLAIN(socketpair), false },
	{ PLAIN(getdents64), false },
	{ PLAIN(fchmodat2), false },
	{ PLAIN(pause), false },
	{ PLAIN(alarm), false },
	{ PLAIN(fork), false },
	{ PLAIN(vfork), false },
	{ PLAIN(exit), false },
	{ PLAIN(exit_group), false },
	{ PLAIN(kill), false },
	{ PLAIN(tkill), false },
	{ PLAIN(tgkill), false },
	{ PLAIN(setuid), false },
	{ PLAIN(setgid), false },
	{ PLAIN(personality), false },
	{ PLAIN(mlockall), false },
	{ PLAIN(setreuid), false },
	{ PLAIN(setregid), false },
	{ PLAIN(getpriority), false },
	{ PLAIN(setpriority), false },
	{ PLAIN(fadvise64), false },
	{ PLAIN(fallocate), false },
	{ PLAIN(setresuid), false },
	{ PLAIN(setresgid), false },
	{ PLAIN(setpgid), false },
	{ PLAIN(getpgid), false },
	{ PLAIN(setsid), false },
	{ PLAIN(getsid), false },
	{ PLAIN(sched_getscheduler), false },
	{ PLAIN(sched_get_priority_max), false },
	{ PLAIN(sched_get_priority_min), false },
	{ PLAIN(iopl), false },
	{ PLAIN(ioperm), false },
	{ PLAIN(reboot), false },	/* but RESTART2's, which is not tried */
};

static void nothing(int signal)
{
	(void)signal;
}

static int64_t with_rubbish(long number)
{
	return raw_syscall((uint64_t)number, RUBBISH, RUBBISH + 8, ~0ul, RUBBISH, 1, RUBBISH);
}

static void test_pause(void)
{
	const struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };

	signal(SIGALRM, nothing);
	sys(SYS_setitimer, ITIMER_REAL, &every, 0);
	check_equal(with_rubbish(SYS_pause), -EINTR, "pause with rubbish is interrupted");
	sys(SYS_setitimer, ITIMER_REAL, &never, 0);
}

static void test_fork(void)
{
	int64_t child = with_rubbish(SYS_fork);
	int status = -1;

	if (child == 0)
		sys(SYS_exit_group, 0xffffffff00000507);
	check_equal(sys(SYS_wait4, child, &status, 0, 0), child, "a child of fork with rubbish is waited for");
	check_equal(status, 7 << 8, "of its exit code the low byte counts");
}

static void test_numbers(void)
{
	static const uint64_t none[] = {
		511, 512, 999, 4096, 0x7fffffff, 0x80000000, 0x80000027, 0xffffffff, 0x100000fffu,
		0x7ffffffffffffffful, 0x8000000000000fff, ~0ul,
	};
	int64_t pid = sys(SYS_getpid);

	for (unsigned i = 0; i < COUNT(none); i++)
		check_equal(with_rubbish((long)none[i]), -ENOSYS, "call number 0x%lx", none[i]);
	check_equal(with_rubbish((long)(0x8000000000000000 | SYS_getpid)), pid, "of a call's number 32 bits count");
	check_equal(with_rubbish((long)(0xffffffff00000000 | SYS_getpid)), pid, "whatever lies above");
}

void test_plain(void)
{
	for (unsigned i = 0; i < COUNT(rows); i++) {
		if (rows[i].same)
			check_equal(with_rubbish(rows[i].number), sys(rows[i].number), "%s looks at no argument",
				    rows[i].name);
	}
	test_pause();
	test_fork();
	test_numbers();
}
