/*
 * System calls on what a process may use, and on what it has used.  Here limits are only
 * read and set; kernel/linux/limits.c says where each is enforced.
 */
#include "kernel/base/errno.h"
#include "kernel/base/nospec.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

/* ---- Limits --------------------------------------------------------------------- */

/* process_lock is held. */
static int exchange_limit(struct process *p, unsigned which, const struct limit *new,
			  struct limit *old)
{
	if (which >= NR_LIMITS)
		return -EINVAL;
	which = (unsigned)array_index_nospec(which, NR_LIMITS);
	*old = p->limits[which];
	if (!new)
		return 0;
	if (new->soft > new->hard)
		return -EINVAL;
	if (which == LIMIT_NOFILE && new->hard > LIMIT_NOFILE_MAX)
		return -EPERM;
	if (new->hard > old->hard && !process_is_privileged())
		return -EPERM;
	p->limits[which] = *new;
	return 0;
}

static struct process *find(int pid)
{
	struct thread *t = pid ? process_find_thread(pid) : current_thread();

	return t ? t->process : NULL;
}

static int limit_of(int pid, unsigned which, const struct limit *new, struct limit *old)
{
	SPIN_GUARD(&process_lock);
	struct process *p = find(pid);

	if (!p)
		return -ESRCH;
	return creds_may_limit(p) ? exchange_limit(p, which, new, old) : -EPERM;
}

long sys_prlimit64(struct pt_regs *regs)
{
	u32 which = (u32)regs->si;
	struct limit new, old;
	int err;

	if (regs->dx && copy_from_user(&new, regs->dx, sizeof(new)))
		return -EFAULT;
	err = limit_of((int)regs->di, which, regs->dx ? &new : NULL, &old);
	if (err)
		return err;
	return regs->r10 && copy_to_user(regs->r10, &old, sizeof(old)) ? -EFAULT : 0;
}

/* i386's have 32 bits, and all of them set for "no limit"; once 31 of them. */
#define NO_LIMIT32 0xffffffff
#define NO_LIMIT31 0x7fffffff

static u64 no_limit(void)
{
	return abi_is_ia32() ? NO_LIMIT32 : UNLIMITED;
}

static long get_limit(const struct pt_regs *regs, u64 none)
{
	struct limit old;
	u64 words[2];

	if (limit_of(0, (u32)regs->di, NULL, &old))
		return -EINVAL;
	words[0] = MIN(old.soft, none);
	words[1] = MIN(old.hard, none);
	return abi_write_words(regs->si, words, ARRAY_SIZE(words), abi_width());
}

long sys_getrlimit(struct pt_regs *regs)
{
	return get_limit(regs, no_limit());
}

long ia32_sys_old_getrlimit(struct pt_regs *regs)
{
	return get_limit(regs, NO_LIMIT31);
}

long sys_setrlimit(struct pt_regs *regs)
{
	struct limit new, old;
	u64 words[2];

	if (abi_read_words(words, regs->si, ARRAY_SIZE(words), abi_width()))
		return -EFAULT;
	new.soft = words[0] == no_limit() ? UNLIMITED : words[0];
	new.hard = words[1] == no_limit() ? UNLIMITED : words[1];
	return limit_of(0, (u32)regs->di, &new, &old);
}

/* ---- Usage ---------------------------------------------------------------------- */

enum { RUSAGE_CHILDREN = -1, RUSAGE_SELF = 0, RUSAGE_THREAD = 1 };

long sys_getrusage(struct pt_regs *regs)
{
	struct process *p = current_process();
	u64 ns = 0;

	SPIN_SCOPE(&process_lock) {
		switch ((int)regs->di) {
		case RUSAGE_SELF: ns = sched_group_run_ns(&p->run_ns); break;
		case RUSAGE_CHILDREN: ns = p->children_run_ns; break;
		case RUSAGE_THREAD: ns = sched_run_ns(task_of(current_thread())); break;
		default: return -EINVAL;
		}
	}
	return usage_write(regs->si, ns);
}
