/*
 * Signals: masks, and taking what is pending.
 *
 * A signal is pending for a thread, or for its process: then the first thread that takes
 * it has it.  The sender sets work_due of a thread that can take the signal, and wakes
 * it; the thread finds the signal on its way to user mode (kernel/linux/process/to_user.c).
 * Invariant: a thread that could take a pending signal and has work_due clear is neither
 * in user mode nor asleep, or another thread has been told of the signal.
 *
 * A forced fault, which a thread's own instruction raised, has a place of its own: so
 * none is lost, and no other signal comes between the instruction and the handler.
 *
 * process_lock guards all of this; only the thread itself writes its `blocked`, and without
 * the lock; with pti=deferred on the user's table, too (entry/deferred/calls.c).
 * Read next: kernel/linux/signal/send.c, kernel/linux/process/to_user.c.
 */
#include "kernel/base/errno.h"
#include "kernel/linux/signal/queue.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/tree.h"
#include "kernel/task/sched.h"

const char *signal_name(int signal)
{
#define SIGNAL_NAME(number, name) [number] = "SIG" #name,
	static const char *const names[] = { SIGNALS(SIGNAL_NAME) };
	size_t i = (size_t)signal;

	return i < ARRAY_SIZE(names) && names[i] ? names[i] : "signal ?";
}

/* ---- What is wanted --------------------------------------------------------------- */

void signal_copy_mask(struct thread *child, const struct thread *parent)
{
	struct task_signals *to = &child->signals;
	const struct task_signals *from = &parent->signals;

	child->choices->blocked = parent->choices->blocked;
	to->trapno = from->trapno;
	to->error = from->error;
	to->cr2 = from->cr2;
	if (child->process != parent->process) /* it has a copy of that stack */
		child->choices->stack = parent->choices->stack;
}

bool signal_ignores_children(const struct process *p)
{
	const struct signal_action *a = &p->signals.action[SIGCHLD - 1];

	return a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT);
}

void signal_reset_at_exec(struct process *p)
{
	struct thread *t;

	for (u64 rest = p->signals.set; rest; rest &= rest - 1) {
		struct signal_action *a = &p->signals.action[__builtin_ctzll(rest)];

		*a = (struct signal_action){ .handler = a->handler == SIG_IGN ? SIG_IGN : SIG_DFL };
	}
	list_for_each(t, &p->threads, in_process)
		t->choices->stack = (struct signal_stack){ 0 };
}

/* ---- Waking ----------------------------------------------------------------------- */

static bool takes_part_in_stop(const struct thread *t)
{
	return t->process->signals.stop && !t->signals.stopped && !t->tracer;
}

/* Is something left for t to take? */
static bool ready(const struct thread *t)
{
	return (signal_all_pending(t) & ~t->choices->blocked) || t->signals.forced;
}

bool signal_pending(void)
{
	const struct thread *t = current_thread();

	return ready(t) || takes_part_in_stop(t) || t->trace.interrupted;
}

void signal_wake(struct thread *t)
{
	__atomic_store_n(&t->work_due, true, __ATOMIC_RELEASE);
	if (t == current_thread())
		this_cpu()->work_due = true; /* interrupts are off */
	else if (!t->signals.frozen)
		sched_notify(task_of(t));
}

/* ---- Stops ------------------------------------------------------------------------- */

void signal_wake_next_stopped(struct process *p)
{
	struct thread *t = list_entry(list_first(&p->signals.stopped), struct thread, in_stop);

	if (t && !p->signals.stop)
		signal_wake(t);
}

/* ---- Taking ------------------------------------------------------------------------ */

int signal_take(struct thread *t, u64 set, struct siginfo *info)
{
	struct pending_signals *from = &t->signals.pending;

	if (!(from->set & set))
		from = &t->process->signals.pending;
	return from->set & set ? signal_queue_take(from, from->set & set, info) : 0;
}

void signal_forget(struct pending_signals *pending)
{
	struct queued_signal *ring = NULL;

	SPIN_SCOPE(&process_lock)
		signal_queue_take_out(pending, ~0ULL, &ring);
	signal_queue_release_all(ring);
}

/* ---- Masks -------------------------------------------------------------------------- */

/*
 * Something is pending while t's mask changes: others may have left process-wide signals
 * to t.  Wakes another thread for those that t now blocks; t takes those it now allows.
 */
static __attribute__((noinline)) void share_out(struct thread *t, u64 newly_blocked)
{
	u64 left = t->process->signals.pending.set & newly_blocked;
	struct thread *o;

	list_for_each(o, &t->process->threads, in_process) {
		if (!left)
			break;
		if (o == t || o->leaving || !(left & ~o->choices->blocked))
			continue;
		signal_wake(o);
		left &= o->choices->blocked;
	}
	if (ready(t))
		signal_wake(t);
}

void signal_look_again(struct thread *t)
{
	if (signal_all_pending(t) && !t->process->ending)
		share_out(t, ~0ULL);
}

void signal_set_blocked_locked(u64 blocked)
{
	struct thread *t = current_thread();
	u64 old = t->choices->blocked;

	blocked &= ~SIGNALS_UNBLOCKABLE;
	t->choices->blocked = blocked;
	if (unlikely(signal_all_pending(t)))
		share_out(t, blocked & ~old);
}

/*
 * The lock is taken if something is pending.  It need not be held before: who sends makes the
 * signal pending first, and then looks who blocks it (signal_queue_add()).
 */
void signal_set_blocked(u64 blocked)
{
	struct thread *t = current_thread();
	u64 old;

	blocked &= ~SIGNALS_UNBLOCKABLE;
	old = __atomic_exchange_n(&t->choices->blocked, blocked, __ATOMIC_SEQ_CST);
	if (likely(!signal_all_pending(t) && !t->process->facts))
		return;
	SPIN_SCOPE(&process_lock) {
		if (signal_all_pending(t))
			share_out(t, blocked & ~old);
		else if (t->process->facts)
			t->choices->seen = t->process->facts->signals_sent;
	}
}

/* ---- Waiting ------------------------------------------------------------------------ */

/* A sender sets `pending`, then work_due, then the CPU's: it may not have come so far. */
bool signal_interrupted(void)
{
	struct thread *t = current_thread();

	if (!t->work_due)
		return false;
	__atomic_store_n(&t->work_due, false, __ATOMIC_SEQ_CST);
	if (!signal_pending())
		return false;
	t->work_due = true;
	sched_notify(task_of(t));
	return true;
}

/* ---- The alternate stack -------------------------------------------------------------- */

int signal_set_stack(const struct signal_stack *new, struct signal_stack *old, u64 sp)
{
	struct signal_stack *s = &current_thread()->choices->stack;
	u32 mode;

	if (old) {
		*old = *s;
		old->flags = signal_stack_flags(s, sp);
	}
	if (!new)
		return 0;
	if (signal_on_stack(s, sp))
		return -EPERM;
	mode = new->flags & ~SS_AUTODISARM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE)
		*s = (struct signal_stack){ .flags = new->flags };
	else if (new->size < MINSIGSTKSZ)
		return -ENOMEM;
	else
		*s = *new;
	return 0;
}
