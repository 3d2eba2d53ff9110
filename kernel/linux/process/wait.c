/*
 * wait4 and waitid: children that have ended, threads that have stopped for a
 * tracer, or with WUNTRACED, and with WCONTINUED children that go on.
 * Source: wait(2), ptrace(2).
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

#define WAIT4_OPTIONS (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WALL | __WCLONE)
#define WAITID_OPTIONS (WAIT4_OPTIONS | WEXITED | WNOWAIT)

#define STATUS_CONTINUED 0xffff

struct wait {
	u32 which;
	int id;
	unsigned options;
	bool any; /* there are some to wait for */
	/* what was found */
	int pid;    /* 0: nothing */
	int status; /* as wait4 gives it */
	int code;   /* CLD_x */
	u32 uid;
	u64 run_ns;
	struct process *ended; /* to be freed */
};

static bool matches(const struct wait *w, int pid, int pgid)
{
	return w->which == P_ALL || w->id == (w->which == P_PID ? pid : pgid);
}

/* A child that ends with another signal than SIGCHLD is for __WCLONE or __WALL. */
static bool is_of_kind(const struct wait *w, const struct process *p)
{
	return (w->options & __WALL) || (p->exit_signal != SIGCHLD) == !!(w->options & __WCLONE);
}

static void found(struct wait *w, const struct process *p, int pid, int status, int code)
{
	w->pid = pid;
	w->status = status;
	w->code = code;
	w->uid = p->ids.user[REAL_ID];
}

static void take_ended(struct wait *w, struct process *p)
{
	found(w, p, p->pid, p->status, WAIT_SIGNAL(p->status) ? CLD_KILLED : CLD_EXITED);
	w->run_ns = sched_group_run_ns(&p->run_ns);
	if (w->options & WNOWAIT)
		return;
	p->parent->children_run_ns += w->run_ns + p->children_run_ns;
	list_remove(&p->sibling);
	w->ended = p;
}

/* Has it stopped, and is that for us to know? */
static bool take_stopped(struct wait *w, struct thread *t, const struct process *self)
{
	if (!t->stop_signal || t->stop_reported || (t->tracer != self && !(w->options & WUNTRACED)))
		return false;
	if (!(w->options & WNOWAIT))
		t->stop_reported = true;
	found(w, t->process, t->pid, t->stop_signal << 8 | 0x7f,
	      t->tracer == self ? CLD_TRAPPED : CLD_STOPPED);
	return true;
}

/* Does it go on after a stop, and is that for us to know? */
static bool take_continued(struct wait *w, struct process *p)
{
	if (!(w->options & WCONTINUED) || !p->signals.continued)
		return false;
	if (!(w->options & WNOWAIT))
		p->signals.continued = false;
	found(w, p, p->pid, STATUS_CONTINUED, CLD_CONTINUED);
	return true;
}

/* Is there something to be told of this child? */
static bool look_at(struct wait *w, struct process *p, const struct process *self)
{
	if (!matches(w, p->pid, p->pgid) || !is_of_kind(w, p))
		return false;
	w->any = true;
	if (p->ended && (w->options & WEXITED)) {
		take_ended(w, p);
		return true;
	}
	return !p->ended && (take_stopped(w, p->leader, self) || take_continued(w, p));
}

/* process_lock is held, and free now and then; so in the next one. */
static bool look_at_children(struct wait *w, struct process *self)
{
	struct link *at = list_first(&self->children);
	unsigned done = 0;

	if (w->which == P_PID) {
		struct process *p = process_find(w->id);

		return p && p->parent == self && look_at(w, p, self);
	}
	while (at) {
		if (look_at(w, list_entry(at, struct process, sibling), self))
			return true;
		at = process_walk_next(&self->children, at, &done);
	}
	return false;
}

static bool look_at_tracees(struct wait *w, struct process *self)
{
	struct link *at = list_first(&self->tracees);
	unsigned done = 0;

	while (at) {
		struct thread *t = list_entry(at, struct thread, of_tracer);

		if (matches(w, t->pid, t->process->pgid)) {
			w->any = true;
			if (take_stopped(w, t, self))
				return true;
		}
		at = process_walk_next(&self->tracees, at, &done);
	}
	return false;
}

/*
 * t goes behind all waiting threads that have not seen what there is to see now; then the
 * first of these may have its turn.
 */
static void wait_in_line(struct thread *t, struct process *self)
{
	list_remove(&t->in_wait);
	list_append(&self->waiting, &t->in_wait);
	process_wake_next_waiter(self);
}

/* One look, and the next when something has happened: 0, -ECHILD, -ERESTARTSYS. */
static long look_until_found(struct wait *w, struct process *self)
{
	struct thread *t = current_thread();

	for (;;) {
		t->events_seen = self->events;
		w->any = false;
		if (look_at_children(w, self) || look_at_tracees(w, self) ||
		    (w->any && (w->options & WNOHANG)))
			return 0;
		if (!w->any)
			return -ECHILD;
		if (signal_interrupted())
			return -ERESTARTSYS;
		if (t->events_seen != self->events) /* while the lock was free */
			continue;
		wait_in_line(t, self);
		sched_sleep(&process_lock, ~0ULL);
	}
}

/* 0, with w->pid 0 if WNOHANG found nothing; -ECHILD, -ERESTARTSYS. */
static long do_wait(struct wait *w)
{
	struct process *self = current_process();
	struct thread *t = current_thread();
	long err = 0;

	SPIN_SCOPE(&process_lock) {
		t->events_seen = self->events;
		list_append(&self->waiting, &t->in_wait);
		err = look_until_found(w, self);
		list_remove(&t->in_wait);
		process_wake_next_waiter(self);
	}
	if (err)
		return err;
	if (w->ended)
		process_free(w->ended);
	process_bury();
	return 0;
}

long sys_wait4(struct pt_regs *regs)
{
	int id = (int)regs->di;
	unsigned options = (u32)regs->dx;
	struct wait w = { .which = P_ALL, .options = options | WEXITED };
	long err;

	if (options & ~WAIT4_OPTIONS)
		return -EINVAL;
	if (id == -0x7fffffff - 1)
		return -ESRCH;
	if (id > 0) {
		w.which = P_PID;
		w.id = id;
	} else if (id != -1) {
		w.which = P_PGID;
		w.id = id ? -id : current_process()->pgid;
	}
	err = do_wait(&w);
	if (err || !w.pid)
		return err;
	if (regs->si && put_user_u32(regs->si, (u32)w.status))
		return -EFAULT;
	err = regs->r10 ? usage_write(regs->r10, w.run_ns) : 0;
	return err ? err : w.pid;
}

long ia32_sys_waitpid(struct pt_regs *regs)
{
	regs->r10 = 0; /* no rusage */
	return sys_wait4(regs);
}

/*
 * siginfo_t, of which waitid sets these words, one by one: signal, error, code,
 * pid, user, status; zero if there was nothing, even if the call fails.  i386's
 * has no padding.
 */
static long put_info(virt_addr_t to, const struct wait *w)
{
	int status = w->code == CLD_KILLED    ? WAIT_SIGNAL(w->status) :
		     w->code == CLD_CONTINUED ? SIGCONT :
						WAIT_CODE(w->status);
	const int values[] = { SIGCHLD, 0, w->code, w->pid, (int)w->uid, status };

	for (unsigned i = 0; to && i < ARRAY_SIZE(values); i++) {
		unsigned word = i < 3 || abi_is_ia32() ? i : i + 1;

		if (put_user_u32(to + word * sizeof(u32), w->pid ? (u32)values[i] : 0))
			return -EFAULT;
	}
	return 0;
}

static long wait_for_id(struct wait *w)
{
	if (w->options & ~WAITID_OPTIONS || !(w->options & (WEXITED | WUNTRACED | WCONTINUED)))
		return -EINVAL;
	if (w->which > P_PIDFD || (w->which == P_PID && w->id <= 0) ||
	    (w->which >= P_PGID && w->id < 0))
		return -EINVAL;
	if (w->which == P_PIDFD) /* no descriptor is one */
		return -EBADF;
	if (w->which == P_PGID && w->id == 0)
		w->id = current_process()->pgid;
	return do_wait(w);
}

long sys_waitid(struct pt_regs *regs)
{
	struct wait w = { .which = (u32)regs->di, .id = (int)regs->si, .options = (u32)regs->r10 };
	long err = wait_for_id(&w);

	if (!err && w.pid && regs->r8 && usage_write(regs->r8, w.run_ns))
		return -EFAULT;
	return put_info(regs->dx, &w) ? -EFAULT : err;
}
