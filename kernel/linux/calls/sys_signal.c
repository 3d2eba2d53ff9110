/*
 * System calls on signals: what a 64-bit program passes, in the form that
 * kernel/linux/signal/signal.c and kernel/linux/signal/send.c want.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/calls/user_time.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/syscalls.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

/* ---- Actions and masks --------------------------------------------------------------- */

long sys_rt_sigaction(struct pt_regs *regs)
{
	struct signal_action new, old;
	virt_addr_t from = regs->si, to = regs->dx;
	long err;

	if (regs->r10 != sizeof(u64))
		return -EINVAL;
	if (from && copy_from_user(&new, from, sizeof(new)))
		return -EFAULT;
	if (from)
		new.flags &= ~(u64)SA_IA32;
	err = signal_set_action((int)regs->di, from ? &new : NULL, to ? &old : NULL);
	if (err || !to)
		return err;
	old.flags &= ~(u64)SA_IA32;
	return copy_to_user(to, &old, sizeof(old)) ? -EFAULT : 0;
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
	struct { s64 sec, nsec; } ts;
	struct siginfo info;
	u64 set, when = ~0ULL;
	int signal;

	if (regs->r10 != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, regs->di, sizeof(set)) ||
	    (regs->dx && copy_from_user(&ts, regs->dx, sizeof(ts))))
		return -EFAULT;
	if (regs->dx) {
		if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NSEC_PER_SEC)
			return -EINVAL;
		when = clock_deadline((u64)ts.sec, (u64)ts.nsec);
	}
	signal = signal_wait(set, &info, when);
	if (signal > 0 && regs->si && siginfo_to_user(regs->si, &info))
		return -EFAULT;
	return signal;
}

/* ---- The alternate stack --------------------------------------------------------------- */

struct user_stack {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

long sys_sigaltstack(struct pt_regs *regs)
{
	struct user_stack user;
	struct signal_stack new, old;
	long err;

	if (regs->di) {
		if (copy_from_user(&user, regs->di, sizeof(user)))
			return -EFAULT;
		new = (struct signal_stack){ user.sp, user.size, user.flags };
	}
	err = signal_set_stack(regs->di ? &new : NULL, &old,
			       thread_regs(current_thread())->sp, MINSIGSTKSZ);
	if (err || !regs->si)
		return err;
	user = (struct user_stack){ old.sp, old.flags, 0, old.size };
	return copy_to_user(regs->si, &user, sizeof(user)) ? -EFAULT : 0;
}

/* ---- Sending ------------------------------------------------------------------------------ */

static struct siginfo from_current(int signal, int code)
{
	struct siginfo info = { .signo = signal, .code = code };

	info.kill.pid = current_process()->pid;
	info.kill.uid = current_process()->ids.user[REAL_ID];
	return info;
}

long sys_kill(struct pt_regs *regs)
{
	struct siginfo info = from_current((int)regs->si, SI_USER);

	return signal_kill((int)regs->di, &info);
}

long sys_tkill(struct pt_regs *regs)
{
	struct siginfo info = from_current((int)regs->si, SI_TKILL);

	if ((int)regs->di <= 0)
		return -EINVAL;
	return signal_kill_thread(0, (int)regs->di, &info);
}

long sys_tgkill(struct pt_regs *regs)
{
	struct siginfo info = from_current((int)regs->dx, SI_TKILL);

	if ((int)regs->di <= 0 || (int)regs->si <= 0)
		return -EINVAL;
	return signal_kill_thread((int)regs->di, (int)regs->si, &info);
}

/* What is not kept is looked at only with a code we do not know: it may be filled. */
static long get_siginfo(struct siginfo *info, virt_addr_t from, int signal)
{
	u64 rest[sizeof(((struct user_siginfo *)0)->rest) / sizeof(u64)];

	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	info->signo = signal;
	if (siginfo_is_known(info))
		return 0;
	if (copy_from_user(rest, from + sizeof(*info), sizeof(rest)))
		return -EFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		if (rest[i])
			return -E2BIG;
	return 0;
}

long sys_rt_sigqueueinfo(struct pt_regs *regs)
{
	struct siginfo info;
	long err = get_siginfo(&info, regs->dx, (int)regs->si);

	return err ? err : signal_queue_info(0, (int)regs->di, &info);
}

long sys_rt_tgsigqueueinfo(struct pt_regs *regs)
{
	struct siginfo info;
	long err = get_siginfo(&info, regs->r10, (int)regs->dx);

	if (err)
		return err;
	if ((int)regs->di <= 0 || (int)regs->si <= 0)
		return -EINVAL;
	return signal_queue_info((int)regs->di, (int)regs->si, &info);
}

/*
 * ---- i386 --------------------------------------------------------------------------------
 *
 * What its structures hold, in the same form.  An action set by one of these has SA_IA32,
 * and its handler gets i386's frame (kernel/linux/signal/sigframe32.c).
 * Sources: Linux, include/linux/compat.h, kernel/signal.c (the ABI).
 */

/* ---- Actions -------------------------------------------------------------------------- */

struct action32 {
	u32 handler, flags, restorer, mask[2];
};

struct old_action32 {
	u32 handler, mask, flags, restorer;
};

long ia32_sys_rt_sigaction(struct pt_regs *regs)
{
	struct signal_action new, old;
	struct action32 a;
	long err;

	if (regs->r10 != sizeof(u64))
		return -EINVAL;
	if (regs->si) {
		if (copy_from_user(&a, regs->si, sizeof(a)))
			return -EFAULT;
		new = (struct signal_action){
			.handler = a.handler, .flags = a.flags | SA_IA32,
			.restorer = a.restorer, .mask = a.mask[0] | (u64)a.mask[1] << 32,
		};
	}
	err = signal_set_action((int)regs->di, regs->si ? &new : NULL, &old);
	if (err || !regs->dx)
		return err;
	a = (struct action32){
		(u32)old.handler, (u32)old.flags & ~SA_IA32, (u32)old.restorer,
		{ (u32)old.mask, (u32)(old.mask >> 32) },
	};
	return copy_to_user(regs->dx, &a, sizeof(a)) ? -EFAULT : 0;
}

long ia32_sys_sigaction(struct pt_regs *regs)
{
	struct signal_action new, old;
	struct old_action32 a;
	long err;

	if (regs->si) {
		if (copy_from_user(&a, regs->si, sizeof(a)))
			return -EFAULT;
		new = (struct signal_action){
			.handler = a.handler, .flags = a.flags | SA_IA32,
			.restorer = a.restorer, .mask = a.mask,
		};
	}
	err = signal_set_action((int)regs->di, regs->si ? &new : NULL, &old);
	if (err || !regs->dx)
		return err;
	a = (struct old_action32){
		(u32)old.handler, (u32)old.mask, (u32)old.flags & ~SA_IA32,
		(u32)old.restorer,
	};
	return copy_to_user(regs->dx, &a, sizeof(a)) ? -EFAULT : 0;
}

/* ---- Masks of 32 bits ------------------------------------------------------------------ */

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
					 (blocked & ~0xffffffffULL) | set : set);
		if (err)
			return err;
	}
	return regs->dx ? put_user_u32(regs->dx, old) : 0;
}

/* ---- Waiting and sending ------------------------------------------------------------------ */

static long timed_wait(const struct pt_regs *regs, enum time_form form)
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
		err = timespec_read(&ts, regs->dx, form);
		if (err)
			return err;
		when = clock_deadline((u64)ts.sec, (u64)ts.nsec);
	}
	signal = signal_wait(set, &info, when);
	if (signal > 0 && regs->si && siginfo_to_user32(regs->si, &info))
		return -EFAULT;
	return signal;
}

long ia32_sys_rt_sigtimedwait(struct pt_regs *regs)
{
	return timed_wait(regs, TIME_32);
}

long ia32_sys_rt_sigtimedwait64(struct pt_regs *regs)
{
	return timed_wait(regs, TIME_64_IA32);
}

long ia32_sys_rt_sigqueueinfo(struct pt_regs *regs)
{
	struct siginfo info;
	long err = siginfo_from_user32(&info, regs->dx, (int)regs->si);

	return err ? err : signal_queue_info(0, (int)regs->di, &info);
}

/* ---- The alternate stack --------------------------------------------------------------- */

long ia32_sys_sigaltstack(struct pt_regs *regs)
{
	struct { u32 sp, flags, size; } user;
	struct signal_stack new, old;
	long err;

	if (regs->di) {
		if (copy_from_user(&user, regs->di, sizeof(user)))
			return -EFAULT;
		new = (struct signal_stack){ user.sp, user.size, user.flags };
	}
	err = signal_set_stack(regs->di ? &new : NULL, &old,
			       thread_regs(current_thread())->sp, MINSIGSTKSZ);
	if (err || !regs->si)
		return err;
	user.sp = (u32)old.sp;
	user.flags = old.flags;
	user.size = (u32)old.size;
	return copy_to_user(regs->si, &user, sizeof(user)) ? -EFAULT : 0;
}
