/*
 * System calls of i386 on signals: what its structures hold, in the form that
 * kernel/signal.c wants.  An action set by one of these has SA_IA32, and its
 * handler gets i386's frame (kernel/sigframe32.c).
 * Sources: Linux, include/linux/compat.h, kernel/signal.c (the ABI).
 * Called through i386's table of system calls.
 */
#include "arch/clock.h"
#include "kernel/base/errno.h"
#include "kernel/syscalls.h"
#include "kernel/process.h"
#include "kernel/sigframe.h"
#include "kernel/syscall_core.h"
#include "mm/uaccess.h"

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
	u64 blocked = current_task()->signals.blocked;
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
			       task_regs(current_task())->sp, MINSIGSTKSZ);
	if (err || !regs->si)
		return err;
	user.sp = (u32)old.sp;
	user.flags = old.flags;
	user.size = (u32)old.size;
	return copy_to_user(regs->si, &user, sizeof(user)) ? -EFAULT : 0;
}
