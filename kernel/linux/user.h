/*
 * Users: what the processes of one real uid have together.  Two limits count by user, so
 * that nobody gets around them with many processes: NPROC and SIGPENDING.
 */
#ifndef KERNEL_LINUX_USER_H
#define KERNEL_LINUX_USER_H

#include "kernel/base/log.h"
#include "kernel/base/types.h"

struct process;

/* process_lock guards all of it. */
struct user {
	struct user *next; /* in the list of all */
	u32 uid;
	u32 holds;   /* processes, and signals that are counted */
	u64 tasks;   /* threads, and leaders that wait to be reaped */
	u64 signals; /* queued */
};

/*
 * The user with this uid and a hold on it; NULL: no memory (never for root).
 * user_put() gives the hold back.  process_lock is held.
 */
struct user *user_of_uid(u32 uid);
void user_free(struct user *u);
static inline void user_put(struct user *u)
{
	ASSERT_OP(u->holds, >, 0);
	if (--u->holds == 0)
		user_free(u);
}

/* One hold more. */
static inline struct user *user_hold(struct user *u)
{
	u->holds++;
	return u;
}

/*
 * Counts n (or -n) tasks of a process, with its user and in all.  process_lock
 * is held.
 */
void user_count_tasks(struct process *p, int n);

/*
 * The real uid of p becomes `uid`: its tasks are that user's from now on.  0, or
 * -EAGAIN: no memory, nothing has changed.  process_lock is held.
 */
int user_change(struct process *p, u32 uid);

/*
 * May the current process have one task more?  0, or -EAGAIN: its user is at
 * RLIMIT_NPROC (root, and a process with root's rights, are exempt), or there are as many
 * tasks as memory allows.  user_may_exec(): -EAGAIN if its user has been above the limit
 * since a setuid(); execve must refuse then.  process_lock is held.
 */
int user_may_fork(void);
int user_may_exec(void);

/* Tasks of all users.  process_lock is held. */
u64 user_tasks(void);

#endif
