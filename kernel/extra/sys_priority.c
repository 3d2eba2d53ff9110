/*
 * System calls on priorities: how long a thread's turns are, not who comes next.  A turn has
 * 20 - nice twentieths of SCHED_SLICE_NS, as Linux's slices had before 2.6.
 * Source: Linux, kernel/sys.c.
 */
#include "kernel/base/errno.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/task/sched.h"

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };
#define PART_NS (SCHED_SLICE_NS / 20)
#define WALKS 8 /* processes before others may have process_lock */

/* process_lock is held. */
static bool is_meant(const struct process *p, u32 which, u32 who)
{
	return which == PRIO_PGRP ? (u32)p->pgid == who : p->ids.user[REAL_ID] == who;
}

/* One that was found after `err`: what is to be returned if it is the last. */
static long set(struct thread *t, u64 parts, long err)
{
	u64 allowed = MAX(t->process->limits[LIMIT_NICE].soft, t->slice_ns / PART_NS);

	if (!creds_may_schedule(t->process))
		return -EPERM;
	if (parts > allowed && !process_is_privileged())
		return -EACCES;
	t->slice_ns = parts * PART_NS;
	return err == -ESRCH ? 0 : err;
}

/* `parts` of 0 asks: the most that one of them has. */
static long visit(struct thread *t, u64 parts, long before)
{
	return parts ? set(t, parts, before) : MAX(before, (long)(t->slice_ns / PART_NS));
}

static long visit_all(u32 which, u32 who, u64 parts)
{
	SPIN_GUARD(&process_lock);
	unsigned done = 0;
	long result = -ESRCH;
	struct process *p;
	struct thread *t;
	u64 place = 0;

	if (which == PRIO_PROCESS) {
		t = who ? process_find_thread((int)who) : current_thread();
		return t ? visit(t, parts, result) : result;
	}
	if (!who)
		who = which == PRIO_PGRP ? (u32)current_process()->pgid :
					   current_process()->ids.user[REAL_ID];
	while ((p = process_next(&place))) {
		if (is_meant(p, which, who))
			list_for_each(t, &p->threads, in_process)
				result = visit(t, parts, result);
		if (++done % WALKS == 0)
			process_lock_pause();
	}
	return result;
}

/* 20 - nice, as Linux's call has it. */
long sys_getpriority(struct pt_regs *regs)
{
	return (u32)regs->di > PRIO_USER ? -EINVAL : visit_all((u32)regs->di, (u32)regs->si, 0);
}

long sys_setpriority(struct pt_regs *regs)
{
	int nice = MIN(MAX((int)regs->dx, -20), 19);

	if ((u32)regs->di > PRIO_USER)
		return -EINVAL;
	return visit_all((u32)regs->di, (u32)regs->si, (u64)(20 - nice));
}
