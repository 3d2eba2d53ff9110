/*
 * The system calls on futexes: their arguments, checked in Linux's order.  How threads wait
 * and are woken: kernel/linux/process/futex.c.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/calls/user_time.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/futex.h"
#include "kernel/linux/syscalls.h"

enum {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE = 4,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10,
};
#define FUTEX_COMMAND 127

/* When a wait is over, in clock_ns(). */
static int read_timeout(const struct pt_regs *regs, u64 *when)
{
	unsigned op = (u32)regs->si;
	struct timespec ts;
	int err;

	*when = TIME_NEVER;
	if (!regs->r10)
		return 0;
	err = timespec_read(&ts, regs->r10);
	if (err)
		return err;
	*when = timespec_ns(&ts);
	if ((op & FUTEX_COMMAND) == FUTEX_WAIT)
		*when += clock_ns();
	else if (op & FUTEX_REALTIME)
		*when = time_of_realtime(*when);
	return 0;
}

static long wait(const struct pt_regs *regs, u32 bits, unsigned flags)
{
	u64 when;
	long err = read_timeout(regs, &when);

	if (!err && bits == 0)
		err = -EINVAL;
	if (!err)
		err = futex_wait(regs->di, (u32)regs->dx, bits, when, flags);
	/* A time that is counted from the call must not begin again. */
	return err == -ERESTARTSYS && regs->r10 ? -EINTR : err;
}

static long requeue(const struct pt_regs *regs, const u32 *value, unsigned flags)
{
	int wake = (int)regs->dx, move = (int)regs->r10;

	if (wake < 0 || move < 0)
		return -EINVAL;
	return futex_requeue(regs->di, regs->r8, wake, move, value, flags);
}

long sys_futex(struct pt_regs *regs)
{
	unsigned op = (u32)regs->si, command = op & FUTEX_COMMAND;
	unsigned flags = op & (FUTEX_PRIVATE | FUTEX_REALTIME);
	u32 value = (u32)regs->r9;

	if (op & ~(FUTEX_COMMAND | FUTEX_PRIVATE | FUTEX_REALTIME) ||
	    ((op & FUTEX_REALTIME) && command != FUTEX_WAIT_BITSET))
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT: return wait(regs, FUTEX_ANY, flags);
	case FUTEX_WAIT_BITSET: return wait(regs, value, flags);
	case FUTEX_WAKE: return futex_wake(regs->di, (int)regs->dx, FUTEX_ANY, flags);
	case FUTEX_WAKE_BITSET:
		return value ? futex_wake(regs->di, (int)regs->dx, value, flags) : -EINVAL;
	case FUTEX_REQUEUE: return requeue(regs, NULL, flags);
	case FUTEX_CMP_REQUEUE: return requeue(regs, &value, flags);
	default: return -ENOSYS;
	}
}

/* ---- Robust futexes -------------------------------------------------------------- */

#define ROBUST_HEAD_WORDS 3

/* i386's are lists of their own. */
long sys_set_robust_list(struct pt_regs *regs)
{
	struct thread *t = current_thread();

	if (regs->si != ROBUST_HEAD_WORDS * abi_width())
		return -EINVAL;
	if (abi_is_ia32())
		t->robust_list32 = (u32)regs->di;
	else
		t->robust_list = regs->di;
	return 0;
}

/* That of thread `tid`, 0: the caller: 0, -ESRCH, or -EPERM. */
static long get_robust_list(int tid, u64 *list)
{
	SPIN_GUARD(&process_lock);
	struct thread *t = tid ? process_find_thread(tid) : current_thread();

	if (!t)
		return -ESRCH;
	*list = abi_is_ia32() ? t->robust_list32 : t->robust_list;
	return creds_may_trace(t->process) ? 0 : -EPERM;
}

long sys_get_robust_list(struct pt_regs *regs)
{
	u64 list;
	long err = get_robust_list((int)regs->di, &list);

	if (err)
		return err;
	return abi_put_word(regs->dx, ROBUST_HEAD_WORDS * abi_width()) ||
			       abi_put_word(regs->si, list) ?
		       -EFAULT :
		       0;
}
