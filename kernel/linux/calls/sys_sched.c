/*
 * System calls on scheduling: which CPUs a thread may run on, and by which policy.  There
 * is one policy, SCHED_NORMAL; the others have priorities to be asked for, and are refused.
 */
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

#define REALTIME_MAX 99

long sys_sched_yield(struct pt_regs *regs __unused)
{
	sched_yield();
	return 0;
}

long sys_getcpu(struct pt_regs *regs)
{
	const u32 node = 0;

	if (regs->di && put_user_u32(regs->di, this_cpu()->cpu))
		return -EFAULT;
	return regs->si ? put_user_u32(regs->si, node) : 0;
}

/* 0: the caller.  process_lock is held. */
static struct thread *find_thread(int tid)
{
	return tid ? process_find_thread(tid) : current_thread();
}

/* ---- Affinity ---------------------------------------------------------------------- */

long sys_sched_setaffinity(struct pt_regs *regs)
{
	u64 n = MIN((u32)regs->si, sizeof(struct cpumask));
	struct cpumask cpus = { 0 };
	bool any = false;
	struct thread *t;

	if (copy_from_user(&cpus, regs->dx, n))
		return -EFAULT;
	for_each_cpu(cpu, &cpus)
		any |= cpumask_test(&cpus_online, cpu);
	SPIN_SCOPE(&process_lock) {
		t = find_thread((int)regs->di);
		if (!t)
			return -ESRCH;
		if (!creds_may_schedule(t->process))
			return -EPERM;
		if (!any)
			return -EINVAL;
		if (t != current_thread())
			sched_set_affinity(task_of(t), &cpus);
		facts_tell_affinity(task_of(t));
	}
	if (t == current_thread()) {
		sched_set_affinity(task_of(t), &cpus); /* which may move us */
		facts_tell_affinity(task_of(t));
	}
	return 0;
}

long sys_sched_getaffinity(struct pt_regs *regs)
{
	u32 len = (u32)regs->si, n = MIN(len, (u32)sizeof(struct cpumask));
	unsigned last = 0;
	struct cpumask cpus;
	struct thread *t;

	for_each_cpu(cpu, &cpus_online)
		last = cpu;
	if (len * 8 <= last || len % abi_width()) /* in 32 bits, as Linux */
		return -EINVAL;
	SPIN_SCOPE(&process_lock) {
		t = find_thread((int)regs->di);
		if (!t)
			return -ESRCH;
		sched_get_affinity(task_of(t), &cpus);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(cpus.bits); i++)
		cpus.bits[i] &= cpus_online.bits[i];
	return copy_to_user(regs->dx, &cpus, n) ? -EFAULT : (long)n;
}

/* ---- Policies ---------------------------------------------------------------------- */

static int check_thread(int tid, bool change)
{
	const struct thread *t;

	if (tid < 0)
		return -EINVAL;
	SPIN_GUARD(&process_lock);
	t = find_thread(tid);
	if (!t)
		return -ESRCH;
	return !change || creds_may_schedule(t->process) ? 0 : -EPERM;
}

long sys_sched_getscheduler(struct pt_regs *regs)
{
	int err = check_thread((int)regs->di, false);

	return err ? err : SCHED_NORMAL;
}

long sys_sched_getparam(struct pt_regs *regs)
{
	const s32 priority = 0;
	int err;

	if (!regs->si)
		return -EINVAL;
	err = check_thread((int)regs->di, false);
	if (err)
		return err;
	return copy_to_user(regs->si, &priority, sizeof(priority)) ? -EFAULT : 0;
}

long sys_sched_setscheduler(struct pt_regs *regs)
{
	s32 priority;
	int err;

	if ((int)regs->si < 0 || !regs->dx || (int)regs->di < 0)
		return -EINVAL;
	if (copy_from_user(&priority, regs->dx, sizeof(priority)))
		return -EFAULT;
	err = check_thread((int)regs->di, true);
	if (err == -ESRCH)
		return err;
	return (int)regs->si == SCHED_NORMAL && priority == 0 ? err : -EINVAL;
}

static long priority_of(int policy, int realtime)
{
	switch (policy) {
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE: return 0;
	case SCHED_FIFO:
	case SCHED_RR: return realtime;
	default: return -EINVAL;
	}
}

long sys_sched_get_priority_max(struct pt_regs *regs)
{
	return priority_of((int)regs->di, REALTIME_MAX);
}

long sys_sched_get_priority_min(struct pt_regs *regs)
{
	return priority_of((int)regs->di, 1);
}
