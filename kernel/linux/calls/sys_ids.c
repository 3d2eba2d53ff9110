/*
 * System calls on a process's identity: its pid, group and session; its name, and the rest
 * of prctl.  Its users: kernel/extra/sys_users.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

/* Calls that only tell something of the caller. */
#define TELL(name, value)                              \
	long sys_##name(struct pt_regs *regs __unused) \
	{                                              \
		return value;                          \
	}
TELL(getpid, current_process()->pid)
TELL(gettid, current_thread()->pid)
TELL(getppid, current_process()->parent_pid)
TELL(getpgrp, current_process()->pgid)
TELL(getuid, current_process()->ids.user[REAL_ID])
TELL(geteuid, current_process()->ids.user[EFFECTIVE_ID])
TELL(getgid, current_process()->ids.group[REAL_ID])
TELL(getegid, current_process()->ids.group[EFFECTIVE_ID])

/* ---- Groups and sessions ----------------------------------------------------------- */

static bool group_exists(int pgid, int sid)
{
	const struct process *p = numbers_find_group(pgid);

	return p && p->sid == sid;
}

/* process_lock is held. */
static int set_group(int pid, int pgid)
{
	struct process *self = current_process();
	struct process *p = pid ? process_find(pid) : self;

	if (!p || (p != self && p->parent != self))
		return -ESRCH;
	if (p != self && p->sid != self->sid)
		return -EPERM;
	if (p != self && p->has_execed)
		return -EACCES;
	if (p->sid == p->pid)
		return -EPERM;
	if (pgid == 0)
		pgid = p->pid;
	if (pgid != p->pid && !group_exists(pgid, self->sid))
		return -EPERM;
	numbers_set_group(p, pgid);
	return 0;
}

long sys_setpgid(struct pt_regs *regs)
{
	int pid = (int)regs->di, pgid = (int)regs->si;

	if (pgid == 0)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	SPIN_GUARD(&process_lock);
	return set_group(pid, pgid);
}

static long get_of(int pid, bool session)
{
	SPIN_GUARD(&process_lock);
	const struct process *p = pid ? process_find(pid) : current_process();

	return !p ? -ESRCH : session ? p->sid : p->pgid;
}

long sys_getpgid(struct pt_regs *regs)
{
	return get_of((int)regs->di, false);
}

long sys_getsid(struct pt_regs *regs)
{
	return get_of((int)regs->di, true);
}

long sys_setsid(struct pt_regs *regs __unused)
{
	struct process *p = current_process();
	SPIN_GUARD(&process_lock);

	if (p->sid == p->pid || numbers_find_group(p->pid))
		return -EPERM;
	numbers_set_session(p, p->pid);
	numbers_set_group(p, p->pid);
	return p->pid;
}

/* ---- prctl ---------------------------------------------------------------------- */

#define COMM_SIZE 16

static long set_name(virt_addr_t from)
{
	char name[COMM_SIZE];
	long n = copy_string_from_user(name, from, COMM_SIZE - 1);

	if (n < 0)
		return n;
	name[n] = 0;
	strscpy(current_thread()->name, name, sizeof(current_thread()->name));
	return 0;
}

static long get_name(virt_addr_t to)
{
	char name[COMM_SIZE] = { 0 };

	strscpy(name, current_thread()->name, sizeof(name));
	return copy_to_user(to, name, sizeof(name)) ? -EFAULT : 0;
}

long sys_prctl(struct pt_regs *regs)
{
	struct process *p = current_process();
	u64 arg = regs->si, rest = regs->dx | regs->r10 | regs->r8;

	switch ((int)regs->di) {
	case PR_SET_PDEATHSIG:
		if (arg > NR_SIGNALS)
			return -EINVAL;
		p->parent_death_signal = (int)arg;
		return 0;
	case PR_GET_PDEATHSIG: return put_user_u32(arg, (u32)p->parent_death_signal);
	case PR_GET_DUMPABLE: return p->mm->dumpable;
	case PR_SET_DUMPABLE:
		if (arg > 1)
			return -EINVAL;
		p->mm->dumpable = arg;
		return 0;
	case PR_SET_NAME: return set_name(arg);
	case PR_GET_NAME: return get_name(arg);
	case PR_SET_NO_NEW_PRIVS:
		if (arg != 1 || rest)
			return -EINVAL;
		p->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS: return arg || rest ? -EINVAL : p->no_new_privs;
	default: return -EINVAL;
	}
}
