/*
 * What a thread does on its way to user mode: another task's turn, its end, and the
 * receiving end of signals: take one, let its tracer look, do the default action or set
 * up the handler, and restart the system call that was interrupted.
 *
 * Order, as Linux has it: death, a stop of the process, what the thread's own
 * instruction raised, what is pending for the thread, for the process.
 * Read next: kernel/linux/signal/sigframe64.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/debug/names.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/sigframe.h"
#include "kernel/linux/syscalls.h"
#include "kernel/task/sched.h"
#include "kernel/trace/tracee.h"

/* The last words of a program, unless it is one that tests provoke. */
static void report_death(const struct pt_regs *regs, int signal)
{
	const struct thread *t = current_thread();
	const struct task_signals *s = &t->signals;

	if (t->process->quiet)
		return;
	if (s->why)
		log("%s[%d]: killed by %s: %s, ip %#lx\n", t->name, t->pid, signal_name(signal),
		    s->why, regs->ip);
	else if (s->trapno == VEC_PF)
		log("%s[%d]: killed by %s: %s of %#lx at ip %#lx\n", t->name, t->pid,
		    signal_name(signal), fault_access(s->error), s->cr2, regs->ip);
	else
		log("%s[%d]: killed by %s: %s (error %#lx) at ip %#lx\n", t->name, t->pid,
		    signal_name(signal), trap_name((unsigned)s->trapno), s->error, regs->ip);
}

/* ---- Stops ---------------------------------------------------------------------------- */

/* Until SIGCONT, or death.  process_lock is held, and free in between. */
static void take_part_in_stop(struct thread *t)
{
	struct process *p = t->process;

	t->signals.stopped = true;
	list_append(&p->signals.stopped, &t->in_stop);
	p->signals.stopped_count++;
	signal_complete_stop(p);
	while (p->signals.stop && !t->tracer && !signal_kill_pending(t)) {
		t->work_due = false;
		sched_sleep(&process_lock, ~0ULL);
	}
	t->signals.stopped = false;
	list_remove(&t->in_stop);
	p->signals.stopped_count--;
	if (t == p->leader || !p->leader->tracer) /* else it is of a stop of its own */
		p->leader->stop_signal = 0;
	signal_wake_next_stopped(p);
}

/* process_lock is held, and free now and then: then SIGCONT may end it. */
static void begin_stop(const struct thread *self, int signal)
{
	struct process *p = self->process;
	struct link *at = list_first(&p->threads);
	unsigned done = 0;

	if (p->signals.stop)
		return;
	p->signals.stop = signal;
	p->signals.continued = false;
	while (at && p->signals.stop) {
		struct thread *t = list_entry(at, struct thread, in_process);

		if (t != self && !t->tracer)
			signal_wake(t);
		at = process_walk_next(&p->threads, at, &done);
	}
}

/* ---- Taking one ------------------------------------------------------------------------ */

static int take_any(struct thread *t, struct siginfo *info, bool *forced)
{
	*forced = t->signals.forced;
	if (!*forced)
		return signal_take(t, ~t->choices->blocked, info);
	t->signals.forced = false;
	*info = t->signals.fault;
	return info->signo;
}

static __noreturn void die(const struct pt_regs *regs, int signal, bool forced)
{
	spin_unlock(&process_lock, RFLAGS_IF);
	if (forced)
		report_death(regs, signal);
	process_exit(WAIT_STATUS(0, signal));
}

/*
 * The action for a signal that has been taken: true if it is a handler.  What
 * has a default is done here, under process_lock; some do not come back.
 */
static bool act(struct delivery *d, const struct pt_regs *regs, bool forced)
{
	struct thread *t = current_thread();
	struct process *p = t->process;
	struct signal_action *a = &p->signals.action[d->signal - 1];
	u64 bit = SIGNAL_BIT(d->signal);

	if (a->handler == SIG_IGN)
		return false;
	if (a->handler != SIG_DFL) {
		d->action = *a;
		if (a->flags & SA_RESETHAND)
			a->handler = SIG_DFL;
		return true;
	}
	if (bit & SIGNALS_IGNORED)
		return false;
	if (p->pid == 1 && !p->signals.killable && !(bit & SIGNALS_UNBLOCKABLE))
		return false;
	if (bit & SIGNALS_STOP) {
		if (t->tracer)
			ptrace_group_stop(d->signal);
		else
			begin_stop(t, d->signal);
		return false;
	}
	die(regs, d->signal, forced);
}

/* While its handler runs; d->mask is what sigreturn puts back. */
static void block_for_handler(struct delivery *d, const struct task_signals *s, u64 blocked)
{
	u64 more = d->action.mask;

	if (!(d->action.flags & SA_NODEFER))
		more |= SIGNAL_BIT(d->signal);
	d->blocked = blocked;
	d->mask = s->restore_blocked ? s->saved_blocked : blocked;
	signal_set_blocked_locked(blocked | more);
}

/* Finds the next signal for a handler; false: nothing is left to do. */
static bool next_delivery(struct delivery *d, const struct pt_regs *regs)
{
	struct thread *t = current_thread();
	bool forced, handler = false;
	SPIN_GUARD(&process_lock);

	while (!handler) {
		t->work_due = false;
		if (signal_kill_pending(t))
			die(regs, SIGKILL, false);
		if (t->tracer && ptrace_stop_due())
			continue;
		if (t->process->signals.stop && !t->tracer) {
			take_part_in_stop(t);
			continue;
		}
		d->signal = take_any(t, &d->info, &forced);
		if (!d->signal)
			break;
		if (t->tracer)
			d->signal = ptrace_signal_stop(d->signal, &d->info);
		if (d->signal)
			handler = act(d, regs, forced);
	}
	if (handler)
		block_for_handler(d, &t->signals, t->choices->blocked);
	return handler;
}

/* ---- Restarting system calls ---------------------------------------------------------- */

/* The errno with which a system call ended, or 0. */
static s64 syscall_error(const struct pt_regs *regs)
{
	s64 ax = regs->vector == VEC_SYSCALL ? (s64)regs->ax : (s32)regs->ax;

	return regs_in_syscall(regs) && ax < 0 && ax >= -4095 ? -ax : 0;
}

#define NR_RESTART_SYSCALL 219
#define NR_IA32_RESTART_SYSCALL 0

/* After a call that a signal has ended; a: of the handler that runs, NULL: none does. */
static void end_or_restart(struct pt_regs *regs, const struct signal_action *a)
{
	u64 number = regs->orig_ax;
	bool again = !a;

	switch (syscall_error(regs)) {
	case ERESTARTSYS: again = !a || (a->flags & SA_RESTART); break;
	case ERESTARTNOHAND: break;
	case ERESTARTNOINTR: again = true; break;
	case ERESTART_RESTARTBLOCK:
		number = regs->vector == VEC_SYSCALL ? NR_RESTART_SYSCALL : NR_IA32_RESTART_SYSCALL;
		break;
	default: return;
	}
	regs->ax = again ? number : (u64)-EINTR;
	if (again)
		regs->ip -= 2; /* SYSCALL, SYSENTER and INT 0x80 are two bytes long */
}

/* ---- Delivery ------------------------------------------------------------------------ */

static void to_handler(const struct delivery *d, struct pt_regs *regs)
{
	struct thread *t = current_thread();
	struct signal_stack *s = &t->choices->stack;
	bool stepping = t->user.step.on;
	int err;

	end_or_restart(regs, &d->action);
	step_off(&t->user.step, regs);
	err = d->action.flags & SA_IA32 ? sigframe32_push(d, regs) : sigframe64_push(d, regs);
	if (err) {
		signal_set_blocked(d->blocked);
		signal_force_segv("no room for a signal's frame", d->signal == SIGSEGV);
		return;
	}
	regs->flags &= ~(u64)(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	t->signals.restore_blocked = false;
	if (s->flags & SS_AUTODISARM)
		*s = (struct signal_stack){ .flags = SS_DISABLE };
	if (stepping)
		ptrace_report_step();
}

/* No handler ran in sigsuspend: the mask is as before, which may let one through. */
static void restore_mask(struct task_signals *s)
{
	if (!s->restore_blocked)
		return;
	s->restore_blocked = false;
	signal_set_blocked(s->saved_blocked);
}

/*
 * All that is pending, by changing *regs; or the end of the process.  noinline: its
 * register saves are not for a thread that only gives its CPU away.
 */
static __attribute__((noinline)) void deliver(struct pt_regs *regs)
{
	struct thread *t = current_thread();
	struct delivery d;
	bool handler = false;

	while (t->work_due && next_delivery(&d, regs)) {
		to_handler(&d, regs);
		handler = true;
	}
	step_forget(&t->user.step, regs);
	if (unlikely(debugreg_calls_trap(&t->user.debug)))
		regs->flags |= RFLAGS_RF; /* no SYSRET */
	if (!handler)
		end_or_restart(regs, NULL);
	restore_mask(&t->signals);
}

/* ---- Before user mode ------------------------------------------------------------------ */

/*
 * The flag work_due of this CPU says that there may be something, need_resched and the
 * task's own work_due say what.  Each may be set again, from an interrupt or another CPU,
 * until interrupts are off and the flag is found clear.
 */
void exit_work_do(struct pt_regs *regs)
{
	while (this_cpu_test(work_due)) {
		this_cpu()->work_due = false;
		if (this_cpu_test(need_resched))
			schedule(); /* perhaps on another CPU from here */
		if (current_thread()->work_due) {
			interrupts_on();
			if (process_must_leave())
				process_exit_thread(0);
			deliver(regs);
			interrupts_off();
		}
	}
}

void exit_work_of_step(struct pt_regs *regs)
{
	while (ptrace_step_over_call())
		exit_work_before_user(regs);
}

void exit_to_new_registers(void)
{
	struct pt_regs *regs = thread_regs(current_thread());

	exit_work_before_user(regs);
	if (unlikely(regs->flags & RFLAGS_TF))
		exit_work_of_step(regs);
	entry_return_to_user(regs);
}

long sys_rt_sigreturn(struct pt_regs *unused __unused)
{
	if (likely(sigframe64_return(thread_regs(current_thread()))))
		exit_to_new_registers();
	signal_force_segv("bad frame in rt_sigreturn", false);
	return 0;
}
