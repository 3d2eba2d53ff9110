/*
 * System calls on users and groups: real, effective and saved ones, and the other groups of a
 * process.  What users may do to each other: kernel/linux/creds.c.
 * Source: Linux, kernel/sys.c, kernel/groups.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "mm/space/uaccess.h"

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

/* Who is not root makes no saved id his real one. */
static long set_two(bool group, u32 real, u32 effective)
{
	SPIN_GUARD(&process_lock);
	struct ids ids = current_process()->ids;
	u32 *three = group ? ids.group : ids.user;
	const u32 now[3] = { three[0], three[1], three[2] };
	const u32 two[3] = { now[REAL_ID], now[EFFECTIVE_ID], now[EFFECTIVE_ID] };

	if (!may_become(two, real) || !may_become(now, effective))
		return -EPERM;
	if (real != UNCHANGED)
		three[REAL_ID] = real;
	if (effective != UNCHANGED)
		three[EFFECTIVE_ID] = effective;
	if (real != UNCHANGED || (effective != UNCHANGED && effective != now[REAL_ID]))
		three[SAVED_ID] = three[EFFECTIVE_ID];
	return creds_change(&ids);
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

long sys_setreuid(struct pt_regs *regs)
{
	return set_two(false, (u32)regs->di, (u32)regs->si);
}

long sys_setregid(struct pt_regs *regs)
{
	return set_two(true, (u32)regs->di, (u32)regs->si);
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

/* ---- Other groups ---------------------------------------------------------------------- */

long sys_getgroups(struct pt_regs *regs)
{
	u32 groups[OTHER_GROUPS];
	int room = (int)regs->di;
	u32 n = 0;

	SPIN_SCOPE(&process_lock) {
		const struct ids *ids = &current_process()->ids;

		n = ids->others;
		memcpy(groups, ids->other, sizeof(groups));
	}
	if (room < 0 || (room && (u32)room < n))
		return -EINVAL;
	if (room && copy_to_user(regs->si, groups, n * sizeof(u32)))
		return -EFAULT;
	return n;
}

long sys_setgroups(struct pt_regs *regs)
{
	u32 groups[OTHER_GROUPS], n = (u32)regs->di;
	struct ids ids;

	if (!process_is_privileged())
		return -EPERM;
	if (n > OTHER_GROUPS)
		return -EINVAL;
	if (copy_from_user(groups, regs->si, n * sizeof(u32)))
		return -EFAULT;
	SPIN_GUARD(&process_lock);
	ids = current_process()->ids;
	memcpy(ids.other, groups, n * sizeof(u32));
	ids.others = n;
	return creds_change(&ids);
}
