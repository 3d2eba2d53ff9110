/*
 * sched.c: policies, priorities and affinity, right and wrong.  What is said of
 * policies holds with one policy, SCHED_OTHER, and with all of Linux's.
 */
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BAD 0xffffffff80000000
#define NOBODY 0x7ffffff0
#define MASK 1024		/* bytes: more than any kernel's mask */

enum { OTHER, FIFO, RR, BATCH, IDLE = 5, DEADLINE };

static uint64_t mask[MASK / 8], all[MASK / 8];

static void test_priorities(void)
{
	static const struct {
		int policy;
		int64_t least, most;
	} rows[] = {
		{ OTHER, 0, 0 }, { FIFO, 1, 99 }, { RR, 1, 99 }, { BATCH, 0, 0 }, { IDLE, 0, 0 }, { DEADLINE, 0, 0 },
		{ 4, -EINVAL, -EINVAL }, { 8, -EINVAL, -EINVAL }, { -1, -EINVAL, -EINVAL },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_equal(sys(SYS_sched_get_priority_min, rows[i].policy), rows[i].least, "least priority of policy %d",
			    rows[i].policy);
		check_equal(sys(SYS_sched_get_priority_max, rows[i].policy), rows[i].most, "highest priority of policy %d",
			    rows[i].policy);
	}
}

static void test_policy(void)
{
	int priority = 99;

	check_equal(sys(SYS_sched_getscheduler, 0), OTHER, "the policy is SCHED_OTHER");
	check_equal(sys(SYS_sched_getscheduler, getppid() ? getppid() : getpid()), OTHER, "the parent's, too");
	check_equal(sys(SYS_sched_getscheduler, -1), -EINVAL, "sched_getscheduler of -1 gives EINVAL");
	check_equal(sys(SYS_sched_getscheduler, NOBODY), -ESRCH, "sched_getscheduler of nobody gives ESRCH");
	check_equal(sys(SYS_sched_getparam, 0, &priority), 0, "sched_getparam returns 0");
	check_equal(priority, 0, "and priority 0");
	check_equal(sys(SYS_sched_getparam, 0, 0), -EINVAL, "sched_getparam to NULL gives EINVAL");
	check_equal(sys(SYS_sched_getparam, -1, &priority), -EINVAL, "sched_getparam of -1 gives EINVAL");
	check_equal(sys(SYS_sched_getparam, NOBODY, BAD), -ESRCH, "nobody counts before a bad pointer in sched_getparam");
	check_equal(sys(SYS_sched_getparam, 0, BAD), -EFAULT, "sched_getparam to kernel memory gives EFAULT");
	check_equal(sys(SYS_sched_setscheduler, 0, OTHER, &priority), 0, "sched_setscheduler to SCHED_OTHER returns 0");
	check_equal(sys(SYS_sched_setscheduler, 0, -1, &priority), -EINVAL, "to policy -1 gives EINVAL");
	check_equal(sys(SYS_sched_setscheduler, 0, 4, &priority), -EINVAL, "to policy 4 gives EINVAL");
	check_equal(sys(SYS_sched_setscheduler, 0, OTHER, 0), -EINVAL, "from NULL gives EINVAL");
	check_equal(sys(SYS_sched_setscheduler, -1, OTHER, &priority), -EINVAL, "of -1 gives EINVAL");
	check_equal(sys(SYS_sched_setscheduler, NOBODY, OTHER, BAD), -EFAULT, "a bad pointer counts before nobody");
	check_equal(sys(SYS_sched_setscheduler, NOBODY, 4, &priority), -ESRCH, "nobody counts before a bad policy");
	priority = 1;
	check_equal(sys(SYS_sched_setscheduler, 0, OTHER, &priority), -EINVAL, "SCHED_OTHER has no priority 1");
}

static void test_affinity_refused(void)
{
	memset(mask, 0, sizeof(mask));
	check_equal(sys(SYS_sched_setaffinity, 0, MASK, mask), -EINVAL, "sched_setaffinity to no CPU gives EINVAL");
	check_equal(sys(SYS_sched_setaffinity, 0, 0, mask), -EINVAL, "of no bytes gives EINVAL");
	check_equal(sys(SYS_sched_setaffinity, 0, 8, BAD), -EFAULT, "from kernel memory gives EFAULT");
	check_equal(sys(SYS_sched_setaffinity, NOBODY, 8, mask), -ESRCH, "nobody counts before an empty mask");
	check_equal(sys(SYS_sched_setaffinity, NOBODY, 8, BAD), -EFAULT, "a bad pointer counts before nobody");
	check_equal(sys(SYS_sched_getaffinity, 0, 0, mask), -EINVAL, "sched_getaffinity to no bytes gives EINVAL");
	check_equal(sys(SYS_sched_getaffinity, 0, MASK - 4, mask), -EINVAL, "to half a word gives EINVAL");
	check_equal(sys(SYS_sched_getaffinity, NOBODY, MASK, BAD), -ESRCH, "nobody counts before a bad pointer");
	check_equal(sys(SYS_sched_getaffinity, 0, MASK, BAD), -EFAULT, "to kernel memory gives EFAULT");
}

/* Runs with the first CPU of the mask alone. */
static int stays_where_it_is_told(void)
{
	uint64_t one[MASK / 8] = { 0 };
	unsigned first = 0, cpu = 99, node = 99;

	while (!(all[first / 64] >> first % 64 & 1))
		first++;
	one[first / 64] = 1ul << first % 64;
	if (sys(SYS_sched_setaffinity, 0, MASK, one))
		return 1;
	if (sys(SYS_sched_getaffinity, 0, MASK, mask) <= 0 || memcmp(mask, one, 8))
		return 2;
	for (int i = 0; i < 100; i++)
		if (sys(SYS_getcpu, &cpu, &node) || cpu != first || sys(SYS_sched_yield))
			return 3;
	return node == 0 ? 0 : 4;
}

/* Root's processes are not this user's to move. */
static int may_not_move_root(void)
{
	if (sys(SYS_sched_setaffinity, 0, MASK, all))
		return 1;
	return sys(SYS_sched_setaffinity, getppid(), MASK, all) == -EPERM ? 0 : 2;
}

static void test_affinity(void)
{
	int64_t n = sys(SYS_sched_getaffinity, 0, MASK, all);
	int pid;

	check_true(n > 0 && n % 8 == 0, "sched_getaffinity returns its bytes");
	check_equal(in_child(stays_where_it_is_told, false), 0, "a child stays on the one CPU it is told to");
	if (geteuid() == 0)
		check_equal(in_child(may_not_move_root, true), 0, "a user may move itself, and not root's processes");
	pid = (int)sys(SYS_fork);
	if (pid == 0)
		for (;;)
			pause();
	check_equal(sys(SYS_sched_setaffinity, pid, MASK, all), 0, "a parent may move its child");
	check_equal(sys(SYS_sched_getaffinity, pid, MASK, mask), n, "and ask where it may run");
	check_true(memcmp(mask, all, (size_t)n) == 0, "which is what it said");
	sys(SYS_kill, pid, 9);
	sys(SYS_wait4, pid, 0, 0, 0);
}

static void test_getcpu(void)
{
	check_equal(sys(SYS_getcpu, 0, 0), 0, "getcpu of nothing returns 0");
	check_equal(sys(SYS_getcpu, BAD, 0), -EFAULT, "getcpu's CPU to kernel memory gives EFAULT");
	check_equal(sys(SYS_getcpu, 0, BAD), -EFAULT, "getcpu's node to kernel memory gives EFAULT");
}

void test_sched(void)
{
	test_priorities();
	test_policy();
	test_affinity_refused();
	test_affinity();
	test_getcpu();
}
