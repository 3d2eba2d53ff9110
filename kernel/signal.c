/*
 * Signals: what a process wants done with each, and sending them.
 *
 * A signal is pending for a thread, or for its process: whichever thread takes
 * it first has it.  Whoever makes one pending sets work_due of a thread that
 * can take it and wakes it; the thread finds it on its way to user mode
 * (kernel/signal_deliver.c).  Invariant: a thread that could take a pending
 * signal and has work_due clear is not in user mode nor asleep, or another
 * thread has been told of it.
 *
 * A forced fault is the one signal that a thread makes for itself; it has a
 * place of its own, so that none is lost and none comes between the faulting
 * instruction and its handler.
 *
 * process_lock guards all of this, but `blocked`, which only its thread writes.
 * Called by system calls, kernel/trap.c, and who ends or stops processes.
 */
#include "arch/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/nospec.h"
#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/signal_queue.h"

/* Signals that an instruction raises go first. */
#define SIGNALS_SYNCHRONOUS (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | \
			     SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
			     SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

/* What a program may set in sa_flags; other bits are dropped. */
#define SA_ALL (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | \
		SA_IA32 | SA_RESTORER | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND)

const char *signal_name(int signal)
{
	static const char *const names[] = {
		[SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT",
		[SIGILL] = "SIGILL", [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
		[SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE", [SIGKILL] = "SIGKILL",
		[SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
		[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
		[SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT", [SIGSTOP] = "SIGSTOP",
		[SIGTSTP] = "SIGTSTP", [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",
		[SIGURG] = "SIGURG", [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ", [SIGWINCH] = "SIGWINCH", [SIGSYS] = "SIGSYS",
	};
	size_t i = (size_t)signal;

	return i < ARRAY_SIZE(names) && names[i] ? names[i] : "signal ?";
}

/* ---- What is wanted --------------------------------------------------------------- */

static struct signal_action *action_of(struct process *p, int signal)
{
	u64 index = array_index_nospec((u64)signal - 1, ARRAY_SIZE(p->signals.action));

	return &p->signals.action[index];
}

static bool nothing_is_done(struct process *p, int signal)
{
	u64 handler = action_of(p, signal)->handler;

	return handler == SIG_IGN ||
	       (handler == SIG_DFL && (SIGNALS_IGNORED & SIGNAL_BIT(signal)));
}

/* Not even pending; t stands for its process if it is to have the signal. */
static bool is_dropped(const struct task *t, int signal, bool from_kernel)
{
	struct process *p = t->process;
	bool unblockable = SIGNALS_UNBLOCKABLE & SIGNAL_BIT(signal);
	bool init = p->pid == 1;

	if ((t->signals.blocked | t->signals.waited) & SIGNAL_BIT(signal))
		return false; /* that may change before it is taken */
	if (t->tracer && signal != SIGKILL)
		return false;
	if (init && unblockable)
		return true;
	if (init && !p->signals.killable && action_of(p, signal)->handler == SIG_DFL &&
	    !(from_kernel && unblockable))
		return true;
	return nothing_is_done(p, signal);
}

static void take_out(struct task_signals *s, u64 signals, struct queued_signal **ring)
{
	signal_queue_take_out(&s->pending, &s->queue, signals, ring);
}

/* Standard signals: one of each in a set.  process_lock is held. */
static void flush_standard(struct process *p, u64 signals)
{
	struct queued_signal *ring = NULL;
	struct task *t;

	signal_queue_take_out(&p->signals.pending, &p->signals.queue, signals, &ring);
	list_for_each(t, &p->threads, in_process)
		take_out(&t->signals, signals, &ring);
	while (signal_queue_release(&ring))
		;
}

/* process_lock is held, and free now and then. */
static struct queued_signal *take_out_of_all(struct process *p, u64 signals, u64 flags)
{
	struct link *at = list_first(&p->threads);
	struct queued_signal *ring = NULL;
	unsigned done = 0;

	signal_queue_take_out(&p->signals.pending, &p->signals.queue, signals, &ring);
	while (at) {
		struct task *t = list_entry(at, struct task, in_process);

		take_out(&t->signals, signals, &ring);
		at = process_walk_next(&p->threads, at, &done, flags);
	}
	return ring;
}

int signal_set_action(int signal, const struct signal_action *new,
		      struct signal_action *old)
{
	struct process *p = current_process();
	struct queued_signal *ring = NULL;
	u64 flags;

	if (signal < 1 || signal > NR_SIGNALS ||
	    (new && (SIGNALS_UNBLOCKABLE & SIGNAL_BIT(signal))))
		return -EINVAL;
	flags = spin_lock(&process_lock);
	if (old)
		*old = *action_of(p, signal);
	if (new) {
		*action_of(p, signal) = *new;
		action_of(p, signal)->flags &= SA_ALL;
		action_of(p, signal)->mask &= ~SIGNALS_UNBLOCKABLE;
		if (nothing_is_done(p, signal))
			ring = take_out_of_all(p, SIGNAL_BIT(signal), flags);
	}
	spin_unlock(&process_lock, flags);
	signal_queue_release_all(ring);
	return 0;
}

void signal_copy_actions(struct process *child, const struct process *parent)
{
	memcpy(child->signals.action, parent->signals.action,
	       sizeof(child->signals.action));
}

void signal_copy_mask(struct task *child, const struct task *parent)
{
	struct task_signals *to = &child->signals;
	const struct task_signals *from = &parent->signals;

	to->blocked = from->blocked;
	to->trapno = from->trapno;
	to->error = from->error;
	to->cr2 = from->cr2;
	if (child->process != parent->process) /* it has a copy of that stack */
		to->stack = from->stack;
}

bool signal_ignores_children(const struct process *p)
{
	const struct signal_action *a = &p->signals.action[SIGCHLD - 1];

	return a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT);
}

void signal_reset_at_exec(struct process *p)
{
	struct task *t;

	for (unsigned i = 0; i < NR_SIGNALS; i++) {
		u64 handler = p->signals.action[i].handler;

		p->signals.action[i] = (struct signal_action){
			.handler = handler == SIG_IGN ? SIG_IGN : SIG_DFL,
		};
	}
	list_for_each(t, &p->threads, in_process)
		t->signals.stack = (struct signal_stack){ 0 };
}

/* ---- Waking ----------------------------------------------------------------------- */

static bool takes_part_in_stop(const struct task *t)
{
	return t->process->signals.stop && !t->signals.stopped && !t->tracer;
}

/* Is something left for t to take? */
static bool ready(const struct task *t)
{
	u64 pending = t->signals.pending | t->process->signals.pending;

	return (pending & ~t->signals.blocked) || t->signals.forced;
}

bool signal_pending(void)
{
	const struct task *t = current_task();

	return ready(t) || takes_part_in_stop(t);
}

void signal_wake(struct task *t)
{
	__atomic_store_n(&t->work_due, true, __ATOMIC_RELEASE);
	if (t == current_task())
		this_cpu()->work_due = true; /* interrupts are off */
	else
		sched_notify(t);
}

bool signal_kill_pending(const struct task *t)
{
	return (t->signals.pending | t->process->signals.pending) & SIGNAL_BIT(SIGKILL);
}

/* Could t take the signal, and has nobody told it yet? */
static bool wants(const struct task *t, int signal)
{
	if (t->leaving || (t->signals.blocked & SIGNAL_BIT(signal)))
		return false;
	if (signal == SIGKILL)
		return !t->signals.frozen; /* else its tracer wakes it */
	return !t->stop_signal && !t->signals.stopped;
}

/* For all others it is pending, and they look before they run user code. */
static void wake_for(struct process *p, struct task *only, int signal)
{
	struct task *t = only ? only : p->leader;

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

/* ---- Sending ------------------------------------------------------------------------ */

/* A stop and SIGCONT undo each other when they are sent, whatever is done then. */
static void undo_opposite(struct process *p, int signal)
{
	if (SIGNALS_STOP & SIGNAL_BIT(signal))
		flush_standard(p, SIGNAL_BIT(SIGCONT));
	if (signal != SIGCONT)
		return;
	flush_standard(p, SIGNALS_STOP);
	if (!p->signals.stop)
		return;
	p->signals.stop = 0;
	p->signals.continued = true;
	signal_wake_next_stopped(p);
	if (p->parent)
		signal_notify_parent(p->parent, p->leader, CLD_CONTINUED, SIGCONT);
}

static int send(struct process *p, struct task *only, const struct siginfo *info)
{
	struct process_signals *s = &p->signals;
	struct task *t = only ? only : p->leader;
	int err;

	undo_opposite(p, info->signo);
	if (!t || (only && only->leaving) ||
	    is_dropped(t, info->signo, info->code == SI_KERNEL))
		return 0;
	err = only ? signal_queue_add(&only->signals.pending, &only->signals.queue, p, info)
		   : signal_queue_add(&s->pending, &s->queue, p, info);
	if (!err)
		wake_for(p, only, info->signo);
	return err;
}

int signal_send_thread(struct task *t, const struct siginfo *info)
{
	return send(t->process, t, info);
}

int signal_send_process(struct process *p, const struct siginfo *info)
{
	return send(p, NULL, info);
}

void signal_notify_parent(struct process *parent, const struct task *t, int code,
			  int status)
{
	const struct signal_action *a = action_of(parent, SIGCHLD);
	struct siginfo info = { .signo = SIGCHLD, .code = code };
	bool end = code <= CLD_DUMPED;

	info.child.pid = t->pid;
	info.child.uid = t->process->ids.user[REAL_ID];
	info.child.status = status;
	if (a->handler != SIG_IGN && (end || !(a->flags & SA_NOCLDSTOP)))
		signal_send_process(parent, &info);
	process_wake_waiters(parent);
}

/* ---- Taking ------------------------------------------------------------------------ */

static int first_of(u64 set)
{
	if (set & SIGNALS_SYNCHRONOUS)
		set &= SIGNALS_SYNCHRONOUS;
	return __builtin_ctzll(set) + 1;
}

int signal_take(struct task *t, u64 set, struct siginfo *info)
{
	struct process_signals *s = &t->process->signals;
	int signal;

	if (t->signals.pending & set) {
		signal = first_of(t->signals.pending & set);
		signal_queue_take(&t->signals.pending, &t->signals.queue, signal, info);
		return signal;
	}
	if (!(s->pending & set))
		return 0;
	signal = first_of(s->pending & set);
	signal_queue_take(&s->pending, &s->queue, signal, info);
	return signal;
}

static void forget(u64 *pending, struct signal_queue *queue)
{
	struct queued_signal *ring = NULL;
	u64 flags = spin_lock(&process_lock);

	signal_queue_take_out(pending, queue, ~0ULL, &ring);
	spin_unlock(&process_lock, flags);
	signal_queue_release_all(ring);
}

void signal_forget_task(struct task *t)
{
	forget(&t->signals.pending, &t->signals.queue);
}

void signal_forget_process(struct process *p)
{
	forget(&p->signals.pending, &p->signals.queue);
}

/* ---- Masks -------------------------------------------------------------------------- */

/*
 * Something is pending while the mask changes: what the old one let through may
 * have been left to this thread, and what the new one does is for it to take.
 */
static __attribute__((noinline)) void share_out(struct task *t, u64 newly_blocked)
{
	u64 left = t->process->signals.pending & newly_blocked;
	struct task *o;

	list_for_each(o, &t->process->threads, in_process) {
		if (!left)
			break;
		if (o == t || o->leaving || !(left & ~o->signals.blocked))
			continue;
		signal_wake(o);
		left &= o->signals.blocked;
	}
	if (ready(t))
		signal_wake(t);
}

void signal_leave_to_others(struct task *t)
{
	if (t->process->signals.pending && !t->process->ending)
		share_out(t, ~t->signals.blocked);
}

void signal_set_blocked_locked(u64 blocked)
{
	struct task *t = current_task();
	u64 old = t->signals.blocked;

	blocked &= ~SIGNALS_UNBLOCKABLE;
	t->signals.blocked = blocked;
	if (unlikely(t->signals.pending | t->process->signals.pending))
		share_out(t, blocked & ~old);
}

void signal_set_blocked(u64 blocked)
{
	u64 flags = spin_lock(&process_lock);

	signal_set_blocked_locked(blocked);
	spin_unlock(&process_lock, flags);
}

u64 signal_pending_blocked(void)
{
	const struct task *t = current_task();

	return (t->signals.pending | t->process->signals.pending) & t->signals.blocked;
}

/* Another thread may have taken the signal: then the call is made again. */
void signal_sleep(void)
{
	while (!current_task()->work_due)
		sched_sleep_until(~0ULL);
}

long signal_suspend(u64 mask)
{
	struct task *t = current_task();

	t->signals.saved_blocked = t->signals.blocked;
	signal_set_blocked(mask);
	signal_sleep();
	t->signals.restore_blocked = true;
	return -ERESTARTNOHAND;
}

/* Signals of the set that are blocked are let through to wake this thread. */
int signal_wait(u64 set, struct siginfo *info, u64 when)
{
	struct task *t = current_task();
	u64 blocked = t->signals.blocked, flags;
	int signal, err = -EAGAIN;

	set &= ~SIGNALS_UNBLOCKABLE;
	flags = spin_lock(&process_lock);
	t->signals.waited = blocked & set;
	t->signals.blocked = blocked & ~set;
	while (!(signal = signal_take(t, set, info)) && clock_ns() < when) {
		if (t->work_due) {
			err = -EINTR;
			break;
		}
		sched_sleep_unlock(&process_lock, flags, when);
		flags = spin_lock(&process_lock);
	}
	t->signals.blocked = blocked;
	t->signals.waited = 0;
	if (signal_pending())
		signal_wake(t);
	spin_unlock(&process_lock, flags);
	return signal ? signal : err;
}

/* ---- The alternate stack -------------------------------------------------------------- */

static bool within(const struct signal_stack *s, u64 sp)
{
	return sp > s->sp && sp - s->sp <= s->size;
}

bool signal_on_stack(u64 sp)
{
	const struct signal_stack *s = &current_task()->signals.stack;

	return !(s->flags & SS_AUTODISARM) && within(s, sp);
}

int signal_set_stack(const struct signal_stack *new, struct signal_stack *old, u64 sp,
		     u64 min)
{
	struct signal_stack *s = &current_task()->signals.stack;
	u32 mode;

	if (old) {
		*old = *s;
		old->flags = (s->flags & SS_AUTODISARM) |
			     (!s->size ? SS_DISABLE : signal_on_stack(sp) ? SS_ONSTACK : 0);
	}
	if (!new)
		return 0;
	if (signal_on_stack(sp))
		return -EPERM;
	mode = new->flags & ~SS_AUTODISARM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE)
		*s = (struct signal_stack){ .flags = new->flags };
	else if (new->size < min)
		return -ENOMEM;
	else
		*s = *new;
	return 0;
}
