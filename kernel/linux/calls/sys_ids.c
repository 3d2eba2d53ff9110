/*
 * System calls on a process's identity: its pid, group and session, its users; its name,
 * and the rest of prctl.  What users may do to each other: kernel/linux/creds.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/syscalls.h"
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

/* ---- Users --------------------------------------------------------------------------- */

#define UNCHANGED (~0u)

static bool may_become(const u32 *now, u32 id)
{
	return id == UNCHANGED || process_is_privileged() || id == now[0] || id == now[1] ||
	       id == now[2];
}

static long set_three(bool group, const struct pt_regs *regs)
{
	const u32 wanted[3] = { (u32)regs->di, (u32)regs->si, (u32)regs->dx };
	SPIN_GUARD(&process_lock);
	struct ids ids = current_process()->ids;
	u32 *three = group ? ids.group : ids.user;
	const u32 now[3] = { three[0], three[1], three[2] };

	for (unsigned i = 0; i < 3; i++) {
		if (!may_become(now, wanted[i]))
			return -EPERM;
		if (wanted[i] != UNCHANGED)
			three[i] = wanted[i];
	}
	return creds_change(&ids);
}

static long get_three(const u32 *now, const struct pt_regs *regs)
{
	if (put_user_u32(regs->di, now[0]) || put_user_u32(regs->si, now[1]) ||
	    put_user_u32(regs->dx, now[2]))
		return -EFAULT;
	return 0;
}

/* Root changes all three for good, others choose among two. */
static long set_one(bool group, u32 id)
{
	struct ids ids;
	u32 *now = group ? ids.group : ids.user;

	if (id == UNCHANGED)
		return -EINVAL;
	SPIN_GUARD(&process_lock);
	ids = current_process()->ids;
	if (process_is_privileged())
		now[0] = now[1] = now[2] = id;
	else if (id == now[0] || id == now[2])
		now[1] = id;
	else
		return -EPERM;
	return creds_change(&ids);
}

long sys_setuid(struct pt_regs *regs)
{
	return set_one(false, (u32)regs->di);
}

long sys_setgid(struct pt_regs *regs)
{
	return set_one(true, (u32)regs->di);
}

long sys_setresuid(struct pt_regs *regs)
{
	return set_three(false, regs);
}

long sys_setresgid(struct pt_regs *regs)
{
	return set_three(true, regs);
}

long sys_getresuid(struct pt_regs *regs)
{
	return get_three(current_process()->ids.user, regs);
}

long sys_getresgid(struct pt_regs *regs)
{
	return get_three(current_process()->ids.group, regs);
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
