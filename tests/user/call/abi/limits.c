/*
 * limits.c: what a process may use and has used: getrlimit, setrlimit,
 * prlimit64, getrusage, sysinfo, and prctl's settings.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD 0xffffffff80000000
#define NOBODY 0x7ffffff0	/* a pid that no process has */
#define USER 1000
#define CAP_SYS_RESOURCE 24
#define LAST 15			/* the number of the last limit */

/* One that changes nothing in what a program may do here. */
#define LIMIT RLIMIT_MSGQUEUE

int in_child(int (*body)(void), bool as_user)
{
	int status = -1;
	int pid = (int)sys(SYS_fork);

	if (pid == 0) {
		if (as_user && sys(SYS_setresuid, USER, USER, USER))
			_exit(99);
		_exit(body());
	}
	sys(SYS_wait4, pid, &status, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- Limits --------------------------------------------------------------------- */

static void test_limits_refused(void)
{
	struct rlimit l = { 2, 1 };

	check_equal(sys(SYS_getrlimit, LAST + 1, &l), -EINVAL, "getrlimit of limit 16 gives EINVAL");
	check_equal(sys(SYS_getrlimit, -1, BAD), -EINVAL, "a bad limit counts before a bad pointer in getrlimit");
	check_equal(sys(SYS_getrlimit, LIMIT, BAD), -EFAULT, "getrlimit to kernel memory gives EFAULT");
	check_equal(sys(SYS_setrlimit, LIMIT, &l), -EINVAL, "setrlimit with soft above hard gives EINVAL");
	check_equal(sys(SYS_setrlimit, LIMIT, BAD), -EFAULT, "setrlimit from kernel memory gives EFAULT");
	check_equal(sys(SYS_setrlimit, LAST + 1, BAD), -EFAULT, "a bad pointer counts before a bad limit in setrlimit");
	check_equal(sys(SYS_prlimit64, 0, LIMIT, &l, 0), -EINVAL, "prlimit64 with soft above hard gives EINVAL");
	l.rlim_cur = 1;
	check_equal(sys(SYS_setrlimit, LAST + 1, &l), -EINVAL, "setrlimit of limit 16 gives EINVAL");
	check_equal(sys(SYS_prlimit64, 0, LAST + 1, &l, 0), -EINVAL, "prlimit64 of limit 16 gives EINVAL");
	check_equal(sys(SYS_prlimit64, NOBODY, LAST + 1, &l, 0), -ESRCH, "nobody counts before a bad limit");
	check_equal(sys(SYS_prlimit64, NOBODY, LIMIT, BAD, 0), -EFAULT, "a bad pointer counts before nobody");
	check_equal(sys(SYS_prlimit64, -1, LIMIT, 0, 0), -ESRCH, "prlimit64 of pid -1 gives ESRCH");
	check_equal(sys(SYS_prlimit64, 0, LIMIT, 0, BAD), -EFAULT, "prlimit64 to kernel memory gives EFAULT");
	check_equal(sys(SYS_prlimit64, 0, LIMIT, 0, 0), 0, "prlimit64 with nothing to do returns 0");
}

/* In a child: how far it came. */
static int inherits_and_changes(void)
{
	struct rlimit l;

	if (sys(SYS_getrlimit, LIMIT, &l) || l.rlim_cur != 1000 || l.rlim_max != 2000)
		return 1;
	l.rlim_cur = 3;
	return sys(SYS_setrlimit, LIMIT, &l) ? 2 : 0;
}

static void test_limits(void)
{
	struct rlimit first, l = { 1000, 2000 }, old;

	for (int i = 0; i <= LAST; i++)
		check_true(sys(SYS_getrlimit, i, &first) == 0 && first.rlim_cur <= first.rlim_max,
			   "limit %d is there, soft not above hard", i);
	sys(SYS_getrlimit, LIMIT, &first);
	check_equal(sys(SYS_prlimit64, 0, LIMIT, &l, &old), 0, "prlimit64 sets a limit");
	check_true(memcmp(&old, &first, sizeof(old)) == 0, "and gives what it was");
	check_true(sys(SYS_prlimit64, getpid(), LIMIT, 0, &old) == 0 && old.rlim_cur == 1000 && old.rlim_max == 2000,
		   "and can be read by the pid");
	check_equal(in_child(inherits_and_changes, false), 0, "a child inherits it, and changes its own");
	check_true(sys(SYS_getrlimit, LIMIT, &l) == 0 && l.rlim_cur == 1000, "and not its parent's");
	l.rlim_cur = 0;
	check_equal(sys(SYS_setrlimit, LIMIT, &l), 0, "setrlimit takes 0");
	check_true(sys(SYS_getrlimit, LIMIT, &l) == 0 && l.rlim_cur == 0 && l.rlim_max == 2000, "and means it");
	if (geteuid() != 0 || sys(SYS_prctl, PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 0)
		check_skip("needs all of root's rights", "root raises a hard limit");
	else
		check_equal(sys(SYS_setrlimit, LIMIT, &first), 0, "root raises a hard limit");
}

static int lowers_for_good(void)
{
	struct rlimit l = { 10, 20 };

	if (sys(SYS_setrlimit, LIMIT, &l))
		return 1;
	l.rlim_cur = 20;
	if (sys(SYS_setrlimit, LIMIT, &l))
		return 2;
	l.rlim_max = 21;
	if (sys(SYS_setrlimit, LIMIT, &l) != -EPERM)
		return 3;
	if (sys(SYS_prlimit64, 0, LIMIT, 0, &l) || l.rlim_max != 20)
		return 4;
	return sys(SYS_prlimit64, getppid(), LIMIT, 0, &l) == -EPERM ? 0 : 5;
}

static void test_limits_of_others(void)
{
	struct rlimit l = { 5, 6 }, now;
	int pid;

	if (geteuid() != 0) {
		check_skip("needs root", "limits of other users");
		return;
	}
	check_equal(in_child(lowers_for_good, true), 0, "a user lowers its own hard limit for good, and has no say in root's");
	pid = (int)sys(SYS_fork);
	if (pid == 0)
		for (;;)
			pause();
	check_equal(sys(SYS_prlimit64, pid, LIMIT, &l, 0), 0, "prlimit64 sets a child's limit");
	check_true(sys(SYS_prlimit64, pid, LIMIT, 0, &now) == 0 && now.rlim_cur == 5, "which is seen");
	check_true(sys(SYS_getrlimit, LIMIT, &now) == 0 && now.rlim_max != 6, "and not in its parent");
	sys(SYS_kill, pid, 9);
	sys(SYS_wait4, pid, 0, 0, 0);
}

/* ---- Usage ---------------------------------------------------------------------- */

static int64_t usage_us(int who)
{
	struct rusage u;

	if (sys(SYS_getrusage, who, &u))
		return -1;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int works(void)
{
	while (usage_us(RUSAGE_SELF) < 20000)
		;
	return 0;
}

static void test_usage(void)
{
	int64_t children = usage_us(RUSAGE_CHILDREN);
	struct rusage u;
	struct sysinfo info;

	check_equal(sys(SYS_getrusage, 2, BAD), -EINVAL, "getrusage of 2 gives EINVAL");
	check_equal(sys(SYS_getrusage, -2, &u), -EINVAL, "getrusage of -2 gives EINVAL");
	check_equal(sys(SYS_getrusage, RUSAGE_SELF, BAD), -EFAULT, "getrusage to kernel memory gives EFAULT");
	check_equal(in_child(works, false), 0, "a child sees its own time grow");
	check_true(usage_us(RUSAGE_CHILDREN) >= children + 20000, "and its parent that of its children");
	works();
	check_true(usage_us(1) >= 20000 - 1000, "RUSAGE_THREAD of the one thread is the process's");
	check_equal(sys(SYS_sysinfo, &info), 0, "sysinfo returns 0");
	check_true(info.mem_unit >= 1 && info.freeram > 0 && info.freeram < info.totalram, "some of the memory is free");
	check_true(info.procs >= 1, "there is a process");
	check_equal(sys(SYS_sysinfo, BAD), -EFAULT, "sysinfo to kernel memory gives EFAULT");
}

/* ---- prctl ---------------------------------------------------------------------- */

static int no_new_privileges(void)
{
	if (sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		return 1;
	if (sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0) != -EINVAL ||
	    sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) != -EINVAL ||
	    sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0) != -EINVAL)
		return 2;
	if (sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 3;
	if (sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 4;
	return sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 1, 0) == -EINVAL ? 0 : 5;
}

static void test_name(void)
{
	char before[16], name[17] = "................";

	check_equal(sys(SYS_prctl, PR_GET_NAME, before), 0, "PR_GET_NAME returns 0");
	check_equal(sys(SYS_prctl, PR_SET_NAME, "a name of 20 letters"), 0, "PR_SET_NAME takes a long name");
	sys(SYS_prctl, PR_GET_NAME, name);
	check_true(strcmp(name, "a name of 20 le") == 0 && name[16] == 0, "and keeps 15 letters of it");
	check_equal(sys(SYS_prctl, PR_SET_NAME, BAD), -EFAULT, "PR_SET_NAME from kernel memory gives EFAULT");
	check_equal(sys(SYS_prctl, PR_GET_NAME, BAD), -EFAULT, "PR_GET_NAME to kernel memory gives EFAULT");
	sys(SYS_prctl, PR_SET_NAME, before);
}

static void test_settings(void)
{
	int signal = 99;

	check_equal(sys(SYS_prctl, 99999), -EINVAL, "an unknown prctl gives EINVAL");
	check_equal(sys(SYS_prctl, PR_SET_PDEATHSIG, 65), -EINVAL, "PR_SET_PDEATHSIG of 65 gives EINVAL");
	check_equal(sys(SYS_prctl, PR_SET_PDEATHSIG, 12), 0, "of 12 it returns 0");
	check_equal(sys(SYS_prctl, PR_GET_PDEATHSIG, &signal), 0, "PR_GET_PDEATHSIG returns 0");
	check_equal(signal, 12, "and the signal");
	check_equal(sys(SYS_prctl, PR_GET_PDEATHSIG, BAD), -EFAULT, "PR_GET_PDEATHSIG to kernel memory gives EFAULT");
	sys(SYS_prctl, PR_SET_PDEATHSIG, 0);
	check_equal(sys(SYS_prctl, PR_GET_DUMPABLE), 1, "a program is dumpable");
	check_equal(sys(SYS_prctl, PR_SET_DUMPABLE, 2), -EINVAL, "PR_SET_DUMPABLE of 2 gives EINVAL");
	check_equal(sys(SYS_prctl, PR_SET_DUMPABLE, 0), 0, "of 0 it returns 0");
	check_equal(sys(SYS_prctl, PR_GET_DUMPABLE), 0, "and is kept");
	sys(SYS_prctl, PR_SET_DUMPABLE, 1);
	check_equal(in_child(no_new_privileges, false), 0, "PR_SET_NO_NEW_PRIVS takes 1 alone, and is kept");
}

void test_limits_and_usage(void)
{
	test_limits_refused();
	test_limits();
	test_limits_of_others();
	test_usage();
	test_name();
	test_settings();
}
