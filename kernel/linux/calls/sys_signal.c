/*
 * System calls on signals but those that send them: what a process wants done with each,
 * masks, and waits.
 * Sources: Linux, include/linux/compat.h, kernel/signal.c (the ABI).
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/signal/queue.h"
#include "kernel/linux/signal/siginfo.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

/* ---- Actions ------------------------------------------------------------------------- */

/* What a program may set in sa_flags; other bits are dropped. */
#define SA_ALL                                                                                  \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_IA32 | SA_RESTORER | \
	 SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND)

/*
 * struct sigaction: handler, flags and restorer are words, and 64 bits of mask.  In that of
 * i386's first sigaction, the mask is the second of four words.  An action that is set by
 * i386's calls has SA_IA32: its handler gets i386's frame.
 */
static int read_action(struct signal_action *a, virt_addr_t from, bool first)
{
	unsigned width = abi_width(), n = first ? 4 : 3;
	u64 words[4], mask;

	if (abi_read_words(words, from, n, width) ||
	    (!first && copy_from_user(&mask, from + n * width, sizeof(mask))))
		return -EFAULT;
	*a = first ? (struct signal_action){ words[0], words[2], words[3], words[1] } :
		     (struct signal_action){ words[0], words[1], words[2], mask };
	a->flags &= ~(u64)SA_IA32;
	a->flags |= abi_is_ia32() ? SA_IA32 : 0;
	return 0;
}

static int write_action(virt_addr_t to, const struct signal_action *a, bool first)
{
	unsigned width = abi_width(), n = first ? 4 : 3;
	u64 flags = a->flags & ~(u64)SA_IA32;
	const u64 words[] = { a->handler, flags, a->restorer };
	const u64 old_words[] = { a->handler, a->mask, flags, a->restorer };

	if (abi_write_words(to, first ? old_words : words, n, width))
		return -EFAULT;
	return !first && copy_to_user(to + n * width, &a->mask, sizeof(a->mask)) ? -EFAULT : 0;
}

/* process_lock is held, and free now and then. */
static struct queued_signal *take_out_of_all(struct process *p, u64 signals)
{
	struct link *at = list_first(&p->threads);
	struct queued_signal *ring = NULL;
	unsigned done = 0;

	signal_queue_take_out(&p->signals.pending, signals, &ring);
	while (at) {
		struct thread *t = list_entry(at, struct thread, in_process);

		signal_queue_take_out(&t->signals.pending, signals, &ring);
		at = process_walk_next(&p->threads, at, &done);
	}
	return ring;
}

/*
 * Reads an action into *old and replaces it by *new, unless that is NULL.  -EINVAL: no such
 * signal, or one that cannot be caught.
 */
static int set_action(int signal, const struct signal_action *new, struct signal_action *old)
{
	struct process *p = current_process();
	struct queued_signal *ring = NULL;

	if (signal < 1 || signal > NR_SIGNALS ||
	    (new && (SIGNALS_UNBLOCKABLE & SIGNAL_BIT(signal))))
		return -EINVAL;
	SPIN_SCOPE(&process_lock) {
		struct signal_action *a = signal_action_of(p, signal);

		*old = *a;
		if (new) {
			*a = *new;
			p->signals.set |= SIGNAL_BIT(signal);
			a->flags &= SA_ALL;
			a->mask &= ~SIGNALS_UNBLOCKABLE;
			if (signal_does_nothing(p, signal))
				ring = take_out_of_all(p, SIGNAL_BIT(signal));
		}
	}
	signal_queue_release_all(ring);
	return 0;
}

static long exchange_action(const struct pt_regs *regs, bool first)
{
	struct signal_action new, old;
	long err = regs->si ? read_action(&new, regs->si, first) : 0;

	if (!err)
		err = set_action((int)regs->di, regs->si ? &new : NULL, &old);
	return err || !regs->dx ? err : write_action(regs->dx, &old, first);
}

long sys_rt_sigaction(struct pt_regs *regs)
{
	return regs->r10 == sizeof(u64) ? exchange_action(regs, false) : -EINVAL;
}

long ia32_sys_sigaction(struct pt_regs *regs)
{
	return exchange_action(regs, true);
}

/* ---- Masks -------------------------------------------------------------------------- */

/* Masks of `width` bytes; of one of 32 bits, the upper half of the thread's stays. */
static long exchange_mask(const struct pt_regs *regs, size_t width)
{
	enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
	u64 old = current_thread()->choices->blocked, set = 0;

	if (regs->si) {
		if (copy_from_user(&set, regs->si, width))
			return -EFAULT;
		switch ((int)regs->di) {
		case SIG_BLOCK: set = old | set; break;
		case SIG_UNBLOCK: set = old & ~set; break;
		case SIG_SETMASK: set |= width == sizeof(u32) ? old & ~0xffffffffULL : 0; break;
		default: return -EINVAL;
		}
		signal_set_blocked(set);
	}
	if (!regs->dx)
		return 0;
	if (width == sizeof(u32)) /* one store */
		return put_user_u32(regs->dx, (u32)old);
	return copy_to_user(regs->dx, &old, width) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(struct pt_regs *regs)
{
	return regs->r10 == sizeof(u64) ? exchange_mask(regs, sizeof(u64)) : -EINVAL;
}

long ia32_sys_sigprocmask(struct pt_regs *regs)
{
	return exchange_mask(regs, sizeof(u32));
}

static u64 pending_and_blocked(void)
{
	const struct thread *t = current_thread();

	return (t->signals.pending.set | t->process->signals.pending.set) & t->choices->blocked;
}

long sys_rt_sigpending(struct pt_regs *regs)
{
	u64 set = pending_and_blocked();

	if (regs->si > sizeof(set))
		return -EINVAL;
	return copy_to_user(regs->di, &set, regs->si) ? -EFAULT : 0;
}

long ia32_sys_sigpending(struct pt_regs *regs)
{
	return put_user_u32(regs->di, (u32)pending_and_blocked());
}

/* ---- Waiting ------------------------------------------------------------------------ */

/* Another thread may have taken the signal: then the sleep goes on. */
static void sleep_for_signal(void)
{
	while (!signal_interrupted())
		sched_sleep_until(~0ULL);
}

long sys_rt_sigsuspend(struct pt_regs *regs)
{
	struct task_signals *s = &current_thread()->signals;
	u64 mask;

	if (regs->si != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, regs->di, sizeof(mask)))
		return -EFAULT;
	s->saved_blocked = current_thread()->choices->blocked;
	signal_set_blocked(mask);
	sleep_for_signal();
	s->restore_blocked = true; /* on delivery */
	return -ERESTARTNOHAND;
}

long sys_pause(struct pt_regs *regs __unused)
{
	sleep_for_signal();
	return -ERESTARTNOHAND;
}

/* Signals of the set that are blocked are let through to wake this thread. */
static int wait_for(u64 set, struct siginfo *info, u64 when)
{
	struct thread *t = current_thread();
	u64 blocked = t->choices->blocked;
	int signal, err = -EAGAIN;

	set &= ~SIGNALS_UNBLOCKABLE;
	SPIN_GUARD(&process_lock);
	t->signals.waited = blocked & set;
	t->choices->blocked = blocked & ~set;
	while (!(signal = signal_take(t, set, info)) && clock_ns() < when) {
		if (signal_interrupted()) {
			err = -EINTR;
			break;
		}
		sched_sleep(&process_lock, when);
	}
	t->choices->blocked = blocked;
	t->signals.waited = 0;
	if (signal_pending())
		signal_wake(t);
	return signal ? signal : err;
}

long sys_rt_sigtimedwait(struct pt_regs *regs)
{
	struct timespec ts;
	struct siginfo info;
	u64 set, when = ~0ULL;
	int signal, err;

	if (regs->r10 != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, regs->di, sizeof(set)))
		return -EFAULT;
	if (regs->dx) {
		err = timespec_read(&ts, regs->dx);
		if (err)
			return err;
		when = clock_deadline((u64)ts.sec, (u64)ts.nsec);
	}
	signal = wait_for(set, &info, when);
	if (signal <= 0 || !regs->si)
		return signal;
	err = abi_is_ia32() ? siginfo_to_user32(regs->si, &info) : siginfo_to_user(regs->si, &info);
	return err ? err : signal;
}

/* ---- The alternate stack --------------------------------------------------------------- */

/* stack_t: words, of the flags the lower 32 bits. */
long sys_sigaltstack(struct pt_regs *regs)
{
	struct signal_stack new, old;
	u64 words[3];
	long err;

	if (regs->di) {
		if (abi_read_words(words, regs->di, ARRAY_SIZE(words), abi_width()))
			return -EFAULT;
		new = (struct signal_stack){ words[0], words[2], (u32)words[1] };
	}
	err = signal_set_stack(regs->di ? &new : NULL, &old, thread_regs(current_thread())->sp);
	if (err || !regs->si)
		return err;
	words[0] = old.sp;
	words[1] = old.flags;
	words[2] = old.size;
	return abi_write_words(regs->si, words, ARRAY_SIZE(words), abi_width());
}
