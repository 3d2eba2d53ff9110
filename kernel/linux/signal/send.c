/*
 * Sending signals: which thread gets one, whether it is kept, and which is woken for it.
 *
 * A signal is sent to a thread, to a process, to a group or to all; and an exception
 * forces one on the thread that raised it.  A signal that would do nothing is dropped
 * here, at once; a stop and SIGCONT undo each other here, too.
 * Read next: kernel/linux/signal/signal.c (masks, taking), kernel/linux/signal/queue.c.
 */
#include "kernel/base/errno.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/signal/queue.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/siginfo.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"

/* ---- To a thread or a process ---------------------------------------------------- */

/*
 * May the signal be dropped at once?  t: the thread that it is for, or the leader if it is
 * for the process.
 */
static bool is_dropped(const struct thread *t, int signal)
{
	struct process *p = t->process;
	u64 handler = signal_action_of(p, signal)->handler;

	if ((t->choices->blocked | t->signals.waited) & SIGNAL_BIT(signal))
		return false; /* that may change before it is taken */
	if ((t->tracer && signal != SIGKILL) || likely(handler > SIG_IGN))
		return false;
	if (p->pid == 1 && (SIGNALS_UNBLOCKABLE & SIGNAL_BIT(signal) || !p->signals.killable))
		return true;
	return signal_does_nothing(p, signal);
}

/* Standard signals: one of each in a set.  process_lock is held. */
static void flush_standard(struct process *p, u64 signals)
{
	struct queued_signal *ring = NULL;
	struct thread *t;

	signal_queue_take_out(&p->signals.pending, signals, &ring);
	list_for_each(t, &p->threads, in_process)
		signal_queue_take_out(&t->signals.pending, signals, &ring);
	while (signal_queue_release(&ring))
		;
}

/* Could t take the signal, and must it be woken for that? */
static bool wants(const struct thread *t, int signal)
{
	if (t->leaving || (t->choices->blocked & SIGNAL_BIT(signal)))
		return false;
	if (signal == SIGKILL)
		return true;
	return !t->stop_signal && !t->signals.stopped;
}

/* One thread is woken; all others look before they run user code. */
static void wake_for(struct process *p, struct thread *only, int signal)
{
	struct thread *t = only ? only : p->leader;

	if (t && wants(t, signal)) {
		signal_wake(t);
		return;
	}
	if (only)
		return;
	list_for_each(t, &p->threads, in_process) {
		if (wants(t, signal)) {
			signal_wake(t);
			return;
		}
	}
}

#define EVENT_STOP 128 /* PTRACE_EVENT_STOP */

void signal_stop_seized(struct thread *t, int status)
{
	if (!t->trace.listening) {
		t->trace.interrupted = true;
		if (!t->stop_signal)
			signal_wake(t);
		return;
	}
	t->trace.listening = false;
	t->stop_signal = status;
	t->stop_reported = false;
	t->trace.info->signo = status & 0x7f;
	t->trace.info->code = status;
	signal_notify_parent(t->tracer, SIGCHLD, t, CLD_TRAPPED, status & 0x7f);
}

/* SIGCONT makes threads that were seized stop, so that their tracers know of it. */
static void tell_seized(struct process *p)
{
	struct thread *t;

	list_for_each(t, &p->threads, in_process)
		if (t->tracer && t->trace.seized)
			signal_stop_seized(t, SIGTRAP | EVENT_STOP << 8);
}

/*
 * A stop and SIGCONT undo each other when they are sent, whatever is done then.  __noinline: its
 * register saves are not for other signals; so below.
 */
static __noinline void undo_opposite(struct process *p, int signal)
{
	if (SIGNALS_STOP & SIGNAL_BIT(signal))
		flush_standard(p, SIGNAL_BIT(SIGCONT));
	if (signal != SIGCONT)
		return;
	flush_standard(p, SIGNALS_STOP);
	tell_seized(p);
	if (!p->signals.stop)
		return;
	p->signals.stop = 0;
	p->signals.continued = true;
	signal_wake_next_stopped(p);
	if (p->parent)
		signal_notify_parent(p->parent, SIGCHLD, p->leader, CLD_CONTINUED, SIGCONT);
}

static int send(struct process *p, struct thread *only, const struct siginfo *info)
{
	struct thread *t = only ? only : p->leader;
	int err;

	if (unlikely((SIGNALS_STOP | SIGNAL_BIT(SIGCONT)) & SIGNAL_BIT(info->signo)))
		undo_opposite(p, info->signo);
	if (!t || (only && only->leaving) || is_dropped(t, info->signo))
		return 0;
	err = signal_queue_add(only ? &only->signals.pending : &p->signals.pending, p, info);
	if (!err)
		wake_for(p, only, info->signo);
	return err;
}

int signal_send_thread(struct thread *t, const struct siginfo *info)
{
	return send(t->process, t, info);
}

int signal_send_process(struct process *p, const struct siginfo *info)
{
	return send(p, NULL, info);
}

static bool wants_no_sigchld(struct process *p, int code)
{
	const struct signal_action *a = signal_action_of(p, SIGCHLD);
	bool end = code <= CLD_DUMPED;

	return a->handler == SIG_IGN || (!end && (a->flags & SA_NOCLDSTOP));
}

void signal_notify_parent(struct process *parent, int signal, const struct thread *t, int code,
			  int status)
{
	struct siginfo info = { .signo = signal, .code = code };

	info.child.pid = t->pid;
	info.child.uid = t->process->ids.user[REAL_ID];
	info.child.status = status;
	if (signal > 0 && signal <= NR_SIGNALS &&
	    !(signal == SIGCHLD && wants_no_sigchld(parent, code)))
		signal_send_process(parent, &info);
	process_wake_waiters(parent);
}

void signal_complete_stop(struct process *p)
{
	if (!p->signals.stop || !p->alive || p->signals.stopped_count < p->alive)
		return;
	p->leader->stop_signal = p->signals.stop;
	p->leader->stop_reported = false;
	if (p->parent)
		signal_notify_parent(p->parent, SIGCHLD, p->leader, CLD_STOPPED, p->signals.stop);
}

/* ---- What an instruction raises ------------------------------------------------- */

static void force(int signal, int code, u64 addr, bool to_default, const char *why)
{
	struct thread *t = current_thread();
	struct process *p = t->process;
	struct signal_action *a = &p->signals.action[signal - 1];
	SPIN_GUARD(&process_lock);

	if ((t->choices->blocked & SIGNAL_BIT(signal)) || a->handler == SIG_IGN || to_default)
		a->handler = SIG_DFL;
	t->choices->blocked &= ~SIGNAL_BIT(signal);
	if (a->handler == SIG_DFL && !t->tracer)
		p->signals.killable = true;
	t->signals.fault = (struct siginfo){ .signo = signal, .code = code, .fault.addr = addr };
	t->signals.forced = true;
	t->signals.why = why;
	signal_wake(t);
}

void signal_force_fault(int signal, int code, u64 addr, unsigned trapno, u64 error)
{
	struct task_signals *s = &current_thread()->signals;

	s->trapno = trapno;
	s->error = error;
	if (trapno == VEC_PF)
		s->cr2 = addr;
	force(signal, code, addr, false, NULL);
}

void signal_force_segv(const char *why, bool to_default)
{
	force(SIGSEGV, SI_KERNEL, 0, to_default, why);
}

/* ---- kill and its kin ------------------------------------------------------------- */

/* Signal 0 only asks whether a signal could be sent.  process_lock is held. */
static long send_to(struct process *p, struct thread *t, const struct siginfo *info)
{
	if (info->signo < 0 || info->signo > NR_SIGNALS)
		return -EINVAL;
	if (!creds_may_signal(p, info->signo))
		return -EPERM;
	if (info->signo == 0)
		return 0;
	return t ? signal_send_thread(t, info) : signal_send_process(p, info);
}

/* A group: 0 if one of them got it. */
static __noinline long send_to_group(int pgid, const struct siginfo *info)
{
	struct process *p = NULL;
	long result = -ESRCH;
	unsigned done = 0;
	bool one = false;

	while ((p = numbers_next_member(pgid, p, &done))) {
		result = send_to(p, NULL, info);
		one |= !result;
	}
	return one ? 0 : result;
}

/* But init and the caller. */
static __noinline long send_to_all(const struct siginfo *info)
{
	long result = -ESRCH, err;
	unsigned done = 0;

	for (struct link *at = list_first(&process_all); at;
	     at = process_walk_next(&process_all, at, &done)) {
		struct process *p = list_entry(at, struct process, in_all);

		if (p->pid <= 1 || p == current_process())
			continue;
		err = send_to(p, NULL, info);
		if (err != -EPERM)
			result = err;
		else if (result == -ESRCH)
			result = 0; /* as on Linux: there was a process */
	}
	return result;
}

/* pid: -1, all; 0, the own group; or less, that group. */
static long kill(int pid, const struct siginfo *info)
{
	SPIN_GUARD(&process_lock);
	struct thread *t = pid > 0 ? process_find_thread(pid) : NULL;

	if (t) /* a thread's number stands for its process, too */
		return send_to(t->process, NULL, info);
	if (pid > 0 || pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1)
		return send_to_all(info);
	return send_to_group(pid ? -pid : current_process()->pgid, info);
}

/* tgid 0: of any process. */
static long kill_thread(int tgid, int tid, const struct siginfo *info)
{
	SPIN_GUARD(&process_lock);
	struct thread *t = process_find_thread(tid);

	if (!t || (tgid > 0 && t->process->pid != tgid))
		return -ESRCH;
	return send_to(t->process, t, info);
}

static struct siginfo from_current(int signal, int code)
{
	const struct process *p = current_process();

	return (struct siginfo){
		.signo = signal,
		.code = code,
		.kill = { .pid = p->pid, .uid = p->ids.user[REAL_ID] },
	};
}

long sys_kill(struct pt_regs *regs)
{
	struct siginfo info = from_current((int)regs->si, SI_USER);

	return kill((int)regs->di, &info);
}

long sys_tkill(struct pt_regs *regs)
{
	struct siginfo info = from_current((int)regs->si, SI_TKILL);

	if ((int)regs->di <= 0)
		return -EINVAL;
	return kill_thread(0, (int)regs->di, &info);
}

long sys_tgkill(struct pt_regs *regs)
{
	struct siginfo info = from_current((int)regs->dx, SI_TKILL);

	if ((int)regs->di <= 0 || (int)regs->si <= 0)
		return -EINVAL;
	return kill_thread((int)regs->di, (int)regs->si, &info);
}

/* A code of the kernel's, kill's or tgkill's is for signals to oneself only. */
static bool may_say(const struct siginfo *info, int tid)
{
	return (info->code < 0 && info->code != SI_TKILL) || current_thread()->pid == tid;
}

long sys_rt_sigqueueinfo(struct pt_regs *regs)
{
	int pid = (int)regs->di;
	struct siginfo info;
	long err = siginfo_from_user(&info, regs->dx, (int)regs->si);

	if (err)
		return err;
	if (!may_say(&info, pid))
		return -EPERM;
	return pid > 0 ? kill(pid, &info) : -ESRCH; /* no groups, no "all" */
}

long sys_rt_tgsigqueueinfo(struct pt_regs *regs)
{
	int tgid = (int)regs->di, tid = (int)regs->si;
	struct siginfo info;
	long err = siginfo_from_user(&info, regs->r10, (int)regs->dx);

	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return may_say(&info, tid) ? kill_thread(tgid, tid, &info) : -EPERM;
}
