/*
 * Users, found by uid.  A user lives as long as it is held: by a process, for its
 * real uid, or by a queued signal, for the process that it was sent to.
 *
 * A task is counted from clone until it is reaped: a thread when it ends, but a leader
 * when its process is waited for.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/user.h"
#include "mm/space/pieces.h"

static_assert(sizeof(struct user) <= PIECE_SIZE, "a user is a piece");

static struct user root = { .holds = 1 };
static struct user *users = &root;
static u64 all_tasks;

struct user *user_of_uid(u32 uid)
{
	struct user *u = users;

	while (u && u->uid != uid)
		u = u->next;
	if (u)
		return user_hold(u);
	u = piece_alloc();
	if (!u)
		return NULL;
	*u = (struct user){ .next = users, .uid = uid, .holds = 1 };
	users = u;
	return u;
}

void user_free(struct user *u)
{
	struct user **at = &users;

	ASSERT_OP(u->tasks, ==, 0);
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	piece_free(u);
}

void user_count_tasks(struct process *p, int n)
{
	p->counted_tasks += (unsigned)n;
	p->user->tasks += (u64)(s64)n;
	all_tasks += (u64)(s64)n;
}

/* As on Linux, a setuid() above the limit works, and the next execve fails. */
int user_change(struct process *p, u32 uid)
{
	struct user *old = p->user, *new;

	if (old->uid == uid)
		return 0;
	new = user_of_uid(uid);
	if (!new)
		return -EAGAIN;
	p->above_nproc = uid != 0 && new->tasks > p->limits[LIMIT_NPROC].soft;
	old->tasks -= p->counted_tasks;
	new->tasks += p->counted_tasks;
	p->user = new;
	user_put(old);
	return 0;
}

int user_may_fork(void)
{
	struct process *p = current_process();

	if (p->user->tasks >= p->limits[LIMIT_NPROC].soft && p->user->uid != 0 &&
	    !process_is_privileged())
		return -EAGAIN;
	p->above_nproc = false;
	return all_tasks >= limits_max_tasks() ? -EAGAIN : 0;
}

int user_may_exec(void)
{
	struct process *p = current_process();

	if (p->above_nproc && p->user->tasks > p->limits[LIMIT_NPROC].soft)
		return -EAGAIN;
	p->above_nproc = false;
	return 0;
}

u64 user_tasks(void)
{
	return all_tasks;
}
