/*
 * System calls on signals but those that send them: what a program passes, in either form,
 * made into what kernel/linux/signal/signal.c wants.
 * Sources: Linux, include/linux/compat.h, kernel/signal.c (the ABI).
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/signal/siginfo.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/user_time.h"
#include "mm/space/uaccess.h"

/* ---- Actions and masks --------------------------------------------------------------- */

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

static long exchange_action(const struct pt_regs *regs, bool first)
{
	struct signal_action new, old;
	long err = regs->si ? read_action(&new, regs->si, first) : 0;

	if (!err)
		err = signal_set_action((int)regs->di, regs->si ? &new : NULL, &old);
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

long sys_rt_sigprocmask(struct pt_regs *regs)
{
	u64 old = current_thread()->signals.blocked, set;
	long err;

	if (regs->r10 != sizeof(set))
		return -EINVAL;
	if (regs->si) {
		if (copy_from_user(&set, regs->si, sizeof(set)))
			return -EFAULT;
		err = signal_change_mask((int)regs->di, set);
		if (err)
			return err;
	}
	return regs->dx && copy_to_user(regs->dx, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_rt_sigpending(struct pt_regs *regs)
{
	u64 set = signal_pending_blocked();

	if (regs->si > sizeof(set))
		return -EINVAL;
	return copy_to_user(regs->di, &set, regs->si) ? -EFAULT : 0;
}

long sys_rt_sigsuspend(struct pt_regs *regs)
{
	u64 mask;

	if (regs->si != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, regs->di, sizeof(mask)))
		return -EFAULT;
	return signal_suspend(mask);
}

long sys_pause(struct pt_regs *regs __unused)
{
	signal_sleep();
	return -ERESTARTNOHAND;
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
	signal = signal_wait(set, &info, when);
	if (signal <= 0 || !regs->si)
		return signal;
	err = abi_is_ia32() ? siginfo_to_user32(regs->si, &info) : siginfo_to_user(regs->si, &info);
	return err ? err : signal;
}

/* ---- Masks of 32 bits, i386's ---------------------------------------------------------- */

long ia32_sys_sigpending(struct pt_regs *regs)
{
	return put_user_u32(regs->di, (u32)signal_pending_blocked());
}

/* The upper half of the mask stays. */
long ia32_sys_sigprocmask(struct pt_regs *regs)
{
	enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
	u64 blocked = current_thread()->signals.blocked;
	u32 old = (u32)blocked, set;
	long err;

	if (regs->si) {
		if (copy_from_user(&set, regs->si, sizeof(set)))
			return -EFAULT;
		err = signal_change_mask((int)regs->di, (int)regs->di == SIG_SETMASK ?
								(blocked & ~0xffffffffULL) | set :
								set);
		if (err)
			return err;
	}
	return regs->dx ? put_user_u32(regs->dx, old) : 0;
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
	err = signal_set_stack(regs->di ? &new : NULL, &old, thread_regs(current_thread())->sp,
			       MINSIGSTKSZ);
	if (err || !regs->si)
		return err;
	words[0] = old.sp;
	words[1] = old.flags;
	words[2] = old.size;
	return abi_write_words(regs->si, words, ARRAY_SIZE(words), abi_width());
}
