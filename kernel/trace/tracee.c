/*
 * The tracee's side of ptrace: where a traced thread stops, and what it says of it.
 *
 * A tracee stops in stop(), asleep, before it acts on a signal, at an event or at a system
 * call.  While its tracer looks at it, it is `frozen`: it stays asleep, off its CPU, even if
 * it is killed, so that it cannot end under the tracer's hands, and the tracer reads and
 * writes its registers and memory without a lock.
 *
 * System calls are seen without an instruction on their path: while a tracer wants them,
 * SYSCALL is an invalid instruction for the thread (arch/state/debugreg.h), and the handler
 * of #UD makes the call.  So it is with every way in, pti=deferred included.  i386's calls
 * are asked for in kernel/syscall.c.
 * Read next: kernel/trace/calls/ptrace.c, kernel/linux/process/to_user.c.
 */
#include "arch/state/emulate.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "kernel/trace/tracee.h"

/* ---- Stops ------------------------------------------------------------------------- */

/*
 * What was in the user's registers when it stopped stays so if the thread leaves by IRET:
 * where SYSCALL is invalid, SYSRET is, too.  RF says so on the way out (kernel/syscall.c), and
 * is not for the tracer to see.
 */
static void hide_rf(const struct thread *t)
{
	if (debugreg_calls_trap(&t->user.debug))
		thread_regs(t)->flags &= ~(u64)RFLAGS_RF;
}

/*
 * status: as wait4 tells it, above its low byte; info: what PTRACE_GETSIGINFO gives, or
 * NULL; go_on_with: the signal, should the tracer vanish.  Returns the one that the tracer
 * says.  process_lock is held, and free in between.
 */
static int stop(int status, int code, struct siginfo *info, int go_on_with)
{
	struct thread *t = current_thread();

	hide_rf(t);
	t->stop_signal = status;
	t->stop_reported = false;
	t->trace.info = info;
	t->signals.resume_with = go_on_with;
	signal_notify_parent(t->tracer, SIGCHLD, t, code, status & 0x7f);
	while (t->signals.frozen || (t->stop_signal && t->tracer && !signal_kill_pending(t))) {
		t->work_due = false;
		sched_sleep(&process_lock, ~0ULL);
	}
	t->stop_signal = 0;
	t->trace.info = NULL;
	if (debugreg_calls_trap(&t->user.debug))
		signal_wake(t); /* to_user.c sees to the IRET */
	return t->signals.resume_with;
}

/* A stop that is no signal's, with a siginfo of its own. */
static int trap_stop(int status, u64 message)
{
	const struct thread *t = current_thread();
	struct siginfo info = { .signo = status & 0x7f, .code = status };

	info.kill.pid = t->pid;
	info.kill.uid = t->process->ids.user[REAL_ID];
	current_thread()->trace.message = message;
	return stop(status, CLD_TRAPPED, &info, 0);
}

void ptrace_group_stop(int signal)
{
	if (current_thread()->trace.seized)
		trap_stop(signal | PTRACE_EVENT_STOP << 8, 0);
	else
		stop(signal, CLD_STOPPED, NULL, signal);
}

int ptrace_signal_stop(int signal, struct siginfo *info)
{
	struct thread *t = current_thread();
	int tracer = t->tracer->pid;
	int chosen = stop(signal, CLD_TRAPPED, info, signal);

	if (signal_kill_pending(t))
		return 0;
	if (chosen != info->signo) { /* another signal, or the tracer's siginfo is of another */
		*info = (struct siginfo){ .signo = chosen };
		info->kill.pid = tracer;
	}
	if (chosen && (t->choices->blocked & SIGNAL_BIT(chosen))) {
		signal_send_thread(t, info);
		return 0;
	}
	return chosen;
}

void ptrace_report_step(void)
{
	struct siginfo info = { .signo = SIGTRAP, .code = TRAP_TRACE };
	SPIN_GUARD(&process_lock);

	if (current_thread()->tracer)
		stop(SIGTRAP, CLD_TRAPPED, &info, SIGTRAP);
}

bool ptrace_step_over_call(void)
{
	struct user_step *s = &current_thread()->user.step;
	bool stops = s->on && !s->from_call;

	if (stops) {
		interrupts_on();
		ptrace_report_step();
	}
	s->from_call = stops;
	return stops;
}

/* ---- System calls --------------------------------------------------------------------- */

#define NR_RT_SIGRETURN 15 /* i386's come back */

/* message: PTRACE_EVENTMSG_SYSCALL_x.  A signal that the tracer chooses is sent. */
static void call_stop(u64 message)
{
	struct thread *t = current_thread();
	u32 good = t->trace.options & PTRACE_O_TRACESYSGOOD ? TRACE_CALL_GOOD : 0;
	int chosen = trap_stop(TRACE_CALL_CODE | (int)good, message);
	const struct siginfo info = { .signo = chosen, .code = SI_KERNEL };

	if (chosen && !signal_kill_pending(t))
		signal_send_thread(t, &info);
}

bool ptrace_stop_due(void)
{
	struct thread *t = current_thread();

	if (t->trace.call_ends) {
		t->trace.call_ends = false;
		call_stop(PTRACE_EVENTMSG_SYSCALL_EXIT);
		return true;
	}
	if (!t->trace.interrupted)
		return false;
	t->trace.interrupted = false;
	trap_stop(SIGTRAP | PTRACE_EVENT_STOP << 8, 0);
	return true;
}

/* The stop behind the call comes on the way to user mode.  process_lock is held. */
static void end_call(struct thread *t)
{
	if (t->trace.calls != TRACE_CALLS || !t->tracer)
		return;
	t->trace.call_ends = true;
	signal_wake(t);
}

/* The tracer has gone: SYSCALL is one again. */
static void trap_no_calls(struct task_debugregs *d)
{
	u64 flags = interrupts_save();

	debugreg_trap_calls(d, false);
	debugreg_load(d);
	interrupts_restore(flags);
}

bool ptrace_stop_at_call(struct pt_regs *regs)
{
	struct thread *t = current_thread();
	enum trace_calls calls = t->trace.calls;
	bool call;
	SPIN_GUARD(&process_lock);

	if (!t->tracer || calls == TRACE_NO_CALLS) { /* since another came */
		trap_no_calls(&t->user.debug);
		return true;
	}
	regs->ax = (u64)-ENOSYS;
	call_stop(PTRACE_EVENTMSG_SYSCALL_ENTRY);
	call = calls != TRACE_EMULATES && (s32)regs->orig_ax != -1 && !signal_kill_pending(t);
	t->trace.in_call = true;
	if (call && regs->vector == VEC_SYSCALL &&
	    (u32)regs->orig_ax == NR_RT_SIGRETURN) /* which does not come back */
		end_call(t);
	return call;
}

bool ptrace_call_begins(struct pt_regs *regs, bool *call)
{
	if (!syscall_emulate(current_thread()->mm, regs))
		return false;
	*call = ptrace_stop_at_call(regs);
	return true;
}

void ptrace_call_ends(void)
{
	struct thread *t = current_thread();
	SPIN_GUARD(&process_lock);

	if (t->trace.in_call)
		end_call(t);
	t->trace.in_call = false;
}

/* ---- Events --------------------------------------------------------------------------- */

/* process_lock is held. */
static bool wants_event(const struct thread *t, int event)
{
	return t->tracer && (t->trace.options & BIT(event)) && !signal_kill_pending(t);
}

void ptrace_event(int event, u64 message)
{
	const struct thread *t = current_thread();

	if (likely(!t->tracer))
		return;
	SPIN_GUARD(&process_lock);
	if (wants_event(t, event))
		trap_stop(SIGTRAP | event << 8, message);
}

void ptrace_report_exec(void)
{
	struct thread *t = current_thread();
	struct siginfo info = { .signo = SIGTRAP, .kill.pid = t->process->pid };
	SPIN_GUARD(&process_lock);

	if (wants_event(t, PTRACE_EVENT_EXEC))
		trap_stop(SIGTRAP | PTRACE_EVENT_EXEC << 8, (u64)t->pid);
	else if (t->tracer && !t->trace.seized)
		signal_send_thread(t, &info);
	if (t->trace.in_call)
		end_call(t);
	t->trace.in_call = false;
}

int ptrace_event_of_clone(u64 flags)
{
	return flags & CLONE_VFORK          ? PTRACE_EVENT_VFORK :
	       (flags & CSIGNAL) != SIGCHLD ? PTRACE_EVENT_CLONE :
					      PTRACE_EVENT_FORK;
}

void ptrace_new_thread(struct thread *t, u64 flags)
{
	const struct thread *self = current_thread();
	const struct siginfo info = { .signo = SIGSTOP, .code = SI_KERNEL };

	if (!wants_event(self, ptrace_event_of_clone(flags)) || (flags & CLONE_UNTRACED))
		return;
	ptrace_set_tracer(t, self->tracer);
	t->traced_by_root = self->traced_by_root;
	t->trace.options = self->trace.options;
	t->trace.seized = self->trace.seized;
	t->trace.interrupted = t->trace.seized;
	if (t->trace.seized)
		t->work_due = true;
	else
		signal_send_thread(t, &info);
}

/* ---- Beginning and ending ------------------------------------------------------------ */

void ptrace_set_tracer(struct thread *t, struct process *tracer)
{
	if (t->tracer)
		list_remove(&t->of_tracer);
	t->tracer = tracer;
	t->trace = (struct trace){ .info = t->trace.info };
	if (tracer)
		list_append(&tracer->tracees, &t->of_tracer);
}

/* The signal of a stop that its tracer has seen went with the tracer. */
void ptrace_detach(struct thread *t)
{
	if (t->stop_reported)
		t->signals.resume_with = 0;
	t->user.step.on = false; /* then step_forget() */
	ptrace_set_tracer(t, NULL);
	t->stop_signal = 0;
	signal_wake(t);
}

bool ptrace_detach_one(struct process *tracer)
{
	struct thread *t = list_entry(list_first(&tracer->tracees), struct thread, of_tracer);
	const struct siginfo death = { .signo = SIGKILL, .code = SI_KERNEL };
	bool kills = t && (t->trace.options & PTRACE_O_EXITKILL);

	if (t)
		ptrace_detach(t);
	if (kills)
		signal_send_thread(t, &death);
	return t;
}
