/*
 * Credentials, and every rule on what one process may do to another by them, as
 * Linux has these rules; root stands for all of Linux's capabilities.
 *
 * Memory outlives a change of credentials: what a process read as root is still
 * there after setuid().  So the change takes `dumpable` from the memory, and with
 * it the right of the new user's other processes to look at it.  The flag is the
 * memory's, not the process's: processes can share one memory.
 *
 * All threads of a process have the same credentials, as POSIX wants it; in Linux
 * each has its own, and C libraries make the call in every thread.  Here the first
 * of these calls changes all, and the others ask for what already is.
 *
 * Source: Linux, kernel/cred.c (commit_creds), kernel/ptrace.c, kernel/signal.c.
 */
#include "arch/state/mitigations.h"
#include "kernel/linux/creds.h"

/* ---- Changes ---------------------------------------------------------------------- */

int creds_change(const struct ids *new)
{
	struct process *p = current_process();
	int err = user_change(p, new->user[REAL_ID]);

	if (err)
		return err;
	if (new->user[EFFECTIVE_ID] != p->ids.user[EFFECTIVE_ID] ||
	    new->group[EFFECTIVE_ID] != p->ids.group[EFFECTIVE_ID]) {
		p->mm->dumpable = false;
		p->parent_death_signal = 0; /* the parent could not send it now */
	}
	p->ids = *new;
	process_tell_facts(p);
	return 0;
}

void creds_exec(bool readable)
{
	struct process *p = current_process();

	p->ids.user[SAVED_ID] = p->ids.user[EFFECTIVE_ID];
	p->ids.group[SAVED_ID] = p->ids.group[EFFECTIVE_ID];
	p->mm->dumpable = readable && !process_ids_are_mixed();
	p->limits[LIMIT_STACK].soft = limits_exec_stack();
	if (process_ids_are_mixed())
		p->parent_death_signal = 0;
}

/* ---- Rules ------------------------------------------------------------------------ */

static bool all_are(const u32 *ids, u32 id)
{
	return ids[REAL_ID] == id && ids[EFFECTIVE_ID] == id && ids[SAVED_ID] == id;
}

/* Are all of its ids the real ones of the current process? */
static bool is_all_ours(const struct process *p)
{
	const struct ids *own = &current_process()->ids;

	return all_are(p->ids.user, own->user[REAL_ID]) &&
	       all_are(p->ids.group, own->group[REAL_ID]);
}

bool creds_may_signal(const struct process *p, int signal)
{
	const struct process *self = current_process();
	const u32 *own = self->ids.user, *other = p->ids.user;

	if (p == self || process_is_privileged() || (signal == SIGCONT && p->sid == self->sid))
		return true;
	return own[EFFECTIVE_ID] == other[REAL_ID] || own[EFFECTIVE_ID] == other[SAVED_ID] ||
	       own[REAL_ID] == other[REAL_ID] || own[REAL_ID] == other[SAVED_ID];
}

bool creds_may_trace(const struct process *p)
{
	return p == current_process() || process_is_privileged() ||
	       (is_all_ours(p) && p->mm && p->mm->dumpable);
}

bool creds_may_limit(const struct process *p)
{
	return p == current_process() || process_is_privileged() || is_all_ours(p);
}

bool creds_may_schedule(const struct process *p)
{
	u32 own = current_process()->ids.user[EFFECTIVE_ID];

	return process_is_privileged() || own == p->ids.user[REAL_ID] ||
	       own == p->ids.user[EFFECTIVE_ID];
}

/* Root's rights can come back for as long as one of the three ids is root's. */
static bool could_be_root(const struct process *p)
{
	return p->ids.user[REAL_ID] == 0 || p->ids.user[EFFECTIVE_ID] == 0 ||
	       p->ids.user[SAVED_ID] == 0;
}

bool creds_may_trace_child(const struct process *parent)
{
	return could_be_root(parent) || !could_be_root(current_process());
}

/* ---- Branches --------------------------------------------------------------------- */

u64 seam_branch_owner(const struct task *task)
{
	const struct thread *t = thread_of(task);
	const struct process *p = t ? t->process : NULL;

	if (!p || !t->mm) /* a kernel thread; a process that has given its memory up */
		return 0;
	if (t->mm->dumpable && !mitigations.each_process)
		return 1 + (u64)p->ids.user[EFFECTIVE_ID];
	return BIT(63) | (u64)p->pid;
}
