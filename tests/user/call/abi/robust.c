/*
 * robust.c: what the kernel does to the robust locks of a thread that dies.  C
 * libraries do it themselves if a thread ends as it should; here nobody does.
 */
#define _GNU_SOURCE
#include "../../../../user/raw_syscall.h"
#include "../../lib/check.h"
#include "abi.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WAITERS		0x80000000u
#define OWNER_DIED	0x40000000u
#define FUTEX_WAIT	0
#define BAD		0xffffffff80000000

struct lock {
	uint64_t next;
	uint32_t word, pad;
};

static struct shared {
	uint64_t head[3];	/* next, distance to the word, pending */
	struct lock waited_for, others, inherits, pending;
} *robust;

/* `inherits` is a lock of another kind, which its pointer says. */
static int die_with_locks(void)
{
	const struct timespec nap = { 0, 10000000 };
	uint32_t tid = (uint32_t)sys(SYS_gettid);

	robust->head[0] = (uint64_t)&robust->waited_for;
	robust->head[1] = sizeof(uint64_t);
	robust->head[2] = (uint64_t)&robust->pending;
	robust->others = (struct lock){ (uint64_t)&robust->inherits | 1, 1, 0 };
	robust->inherits = (struct lock){ (uint64_t)robust->head, tid, 0 };
	robust->pending = (struct lock){ 0, tid, 0 };
	robust->waited_for = (struct lock){ (uint64_t)&robust->others, tid | WAITERS, 0 };
	if (sys(SYS_set_robust_list, robust->head, sizeof(robust->head)))
		return 1;
	sys(SYS_nanosleep, &nap, 0);
	return 0;
}

static uint32_t wait_for_the_dead(void)
{
	volatile uint32_t *at = &robust->waited_for.word;
	uint32_t word;

	while ((word = *at) == 0)
		sys(SYS_sched_yield);
	while (!(word & OWNER_DIED)) {
		sys(SYS_futex, at, FUTEX_WAIT, word, 0);
		word = *at;
	}
	return word;
}

static int asks_for_roots_list(void)
{
	uint64_t head, length;

	if (sys(SYS_get_robust_list, getppid(), &head, &length) != -EPERM)
		return 1;
	return sys(SYS_get_robust_list, 0, &head, &length) == 0 ? 0 : 2;
}

void test_robust_list(void)
{
	uint64_t head = 0, length = 0;
	int pid, status = -1;

	robust = (void *)sys(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = (int)sys(SYS_fork);
	if (pid == 0)
		_exit(die_with_locks());
	check_equal(wait_for_the_dead(), WAITERS | OWNER_DIED, "who waits for a dead thread's lock is woken, and sees why");
	sys(SYS_wait4, pid, &status, 0, 0);
	check_equal(status, 0, "it had a robust list");
	check_equal(robust->others.word, 1, "another's lock is left alone");
	check_equal(robust->inherits.word, OWNER_DIED, "one that inherits priority is marked");
	check_equal(robust->pending.word, OWNER_DIED, "the lock that it was about to take is marked, too");
	check_equal(sys(SYS_set_robust_list, robust->head, 12), -EINVAL, "a list of 32 bits gives EINVAL");
	check_equal(sys(SYS_set_robust_list, robust->head, 24), 0, "set_robust_list returns 0");
	check_equal(sys(SYS_get_robust_list, 0, &head, &length), 0, "get_robust_list, too");
	check_true(head == (uint64_t)robust->head && length == 24, "and gives what was set");
	check_equal(sys(SYS_get_robust_list, getpid(), BAD, &length), -EFAULT, "get_robust_list to kernel memory gives EFAULT");
	check_equal(sys(SYS_get_robust_list, 0x7ffffff0, &head, &length), -ESRCH, "of nobody gives ESRCH");
	if (geteuid() == 0)
		check_equal(in_child(asks_for_roots_list, true), 0, "of root's processes gives EPERM to a user");
	sys(SYS_set_robust_list, 0, 24);
}
