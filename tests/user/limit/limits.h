/*
 * limits.h: children that lower a limit, for limits.c and limits_memory.c.
 */
#ifndef TESTS_USER_LIMITS_H
#define TESTS_USER_LIMITS_H

#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 12345	/* whom nobody else is */
#define CANNOT 98	/* the child has not the rights that it needs */

static inline int set(int which, uint64_t soft, uint64_t hard)
{
	const struct rlimit l = { soft, hard };

	return (int)sys(SYS_setrlimit, which, &l);
}

static inline int become(unsigned uid)
{
	return sys(SYS_setresgid, uid, uid, uid) || sys(SYS_setresuid, uid, uid, uid) ? -1 : 0;
}

/* The child's exit status, or 256 and the signal. */
static inline int in_child(int (*body)(void))
{
	int status = -1;
	pid_t pid = (pid_t)sys(SYS_fork);

	if (pid == 0)
		_exit(body());
	sys(SYS_wait4, pid, &status, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* Steps of a child that needs root are numbered; 0: all of them were right. */
static inline void check_child(int (*body)(void), int expected, const char *sentence)
{
	int got = in_child(body);

	if (got == CANNOT)
		check_skip("needs root", sentence);
	else
		check_equal(got, expected, "%s", sentence);
}

#endif
