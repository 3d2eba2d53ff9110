/*
 * wait4 and waitid: children that have ended, threads that have stopped for a
 * tracer, or with WUNTRACED, and with WCONTINUED children that go on.
 * Source: wait(2), ptrace(2).
 */
#include "kernel/base/errno.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/syscall_core.h"
#include "mm/uaccess.h"

#define WNOHANG 0x1
#define WUNTRACED 0x2 /* and waitid's WSTOPPED */
#define WEXITED 0x4
#define WCONTINUED 0x8
#define WNOWAIT 0x1000000
#define __WNOTHREAD 0x20000000
#define __WALL 0x40000000
#define __WCLONE 0x80000000
#define WAIT4_OPTIONS (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WALL | __WCLONE)
#define WAITID_OPTIONS (WAIT4_OPTIONS | WEXITED | WNOWAIT)

#define STATUS_CONTINUED 0xffff

enum which { P_ALL = 0, P_PID = 1, P_PGID = 2, P_PIDFD = 3 };

struct wait {
	enum which which;
	int id;
	unsigned options;
	/* what was found */
	int pid;      /* 0: nothing */
	int status;   /* as wait4 gives it */
	int code;     /* CLD_x */
	u32 uid;
	u64 run_ns;
	struct process *ended; /* to be freed */
};

static bool matches(const struct wait *w, int pid, int pgid)
{
	return w->which == P_ALL || w->id == (w->which == P_PID ? pid : pgid);
}

/* Children whose end is told by another signal are for __WCLONE or __WALL. */
static bool is_of_kind(const struct wait *w, const struct process *p)
{
	return (w->options & __WALL) ||
	       (p->exit_signal != SIGCHLD) == !!(w->options & __WCLONE);
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
	w->run_ns = process_run_ns(p);
	if (w->options & WNOWAIT)
		return;
	p->parent->children_run_ns += w->run_ns + p->children_run_ns;
	process_unlink(p);
	w->ended = p;
}

/* Has it stopped, and is that for us to know? */
static bool take_stopped(struct wait *w, struct task *t, const struct process *self)
{
	if (!t->stop_signal || t->stop_reported ||
	    (t->tracer != self && !(w->options & WUNTRACED)))
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

static bool look_at_children(struct wait *w, struct process *self, bool *any)
{
	for (struct process *p = self->children; p; p = p->sibling) {
		if (!matches(w, p->pid, p->pgid) || !is_of_kind(w, p))
			continue;
		*any = true;
		if (p->ended && (w->options & WEXITED)) {
			take_ended(w, p);
			return true;
		}
		if (!p->ended && (take_stopped(w, p->leader, self) || take_continued(w, p)))
			return true;
	}
	return false;
}

static bool look_at_tracees(struct wait *w, struct process *self, bool *any)
{
	for (struct process *p = process_first(); p; p = p->next) {
		for (struct task *t = p->threads; t; t = t->thread_next) {
			if (t->tracer != self || !matches(w, t->pid, p->pgid))
				continue;
			*any = true;
			if (take_stopped(w, t, self))
				return true;
		}
	}
	return false;
}

/* 0, with w->pid 0 if WNOHANG found nothing; -ECHILD, -ERESTARTSYS. */
static long do_wait(struct wait *w)
{
	struct process *self = current_process();
	u64 flags = spin_lock(&process_lock);

	for (;;) {
		bool any = false;
		long err = 0;

		if (look_at_children(w, self, &any) || look_at_tracees(w, self, &any) ||
		    (any && (w->options & WNOHANG))) {
			spin_unlock(&process_lock, flags);
			break;
		}
		if (!any)
			err = -ECHILD;
		else if (sched_interrupted())
			err = -ERESTARTSYS;
		if (err) {
			spin_unlock(&process_lock, flags);
			return err;
		}
		sched_sleep_unlock(&process_lock, flags, ~0ULL);
		flags = spin_lock(&process_lock);
	}
	if (w->ended)
		process_free(w->ended);
	process_bury();
	return 0;
}

long do_wait4(const struct pt_regs *regs, bool ia32)
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
	err = regs->r10 ? usage_write(regs->r10, w.run_ns, ia32) : 0;
	return err ? err : w.pid;
}

long sys_wait4(struct pt_regs *regs)
{
	return do_wait4(regs, false);
}

/*
 * siginfo_t, of which waitid sets these words, one by one: signal, error, code,
 * pid, user, status; zero if there was nothing, even if the call fails.  i386's
 * has no padding.
 */
static long put_info(virt_addr_t to, const struct wait *w, bool ia32)
{
	int status = w->code == CLD_KILLED ? WAIT_SIGNAL(w->status) :
		     w->code == CLD_CONTINUED ? SIGCONT : WAIT_CODE(w->status);
	const int values[] = { SIGCHLD, 0, w->code, w->pid, (int)w->uid, status };

	for (unsigned i = 0; to && i < ARRAY_SIZE(values); i++) {
		unsigned word = i < 3 || ia32 ? i : i + 1;

		if (put_user_u32(to + word * sizeof(u32), w->pid ? (u32)values[i] : 0))
			return -EFAULT;
	}
	return 0;
}

static long wait_for_id(struct wait *w)
{
	if (w->options & ~WAITID_OPTIONS ||
	    !(w->options & (WEXITED | WUNTRACED | WCONTINUED)))
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

long do_waitid(const struct pt_regs *regs, bool ia32)
{
	struct wait w = { .which = (u32)regs->di, .id = (int)regs->si,
			  .options = (u32)regs->r10 };
	long err = wait_for_id(&w);

	if (!err && w.pid && regs->r8 && usage_write(regs->r8, w.run_ns, ia32))
		return -EFAULT;
	return put_info(regs->dx, &w, ia32) ? -EFAULT : err;
}

long sys_waitid(struct pt_regs *regs)
{
	return do_waitid(regs, false);
}
