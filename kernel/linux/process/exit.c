/*
 * How threads and processes end.
 *
 * A thread ends in process_exit_thread(), always by itself: one that is told to end
 * (exit_group, a deadly signal, another thread's execve) has SIGKILL pending, which ends
 * its sleep, and leaves on its way to user mode.  It leaves the address space first, for
 * the PGD pair of no process, then the list of threads; the last thread frees the address
 * space and makes the process a zombie.  From then on the process may be waited for, and
 * freed as soon as its last thread is off its CPU.
 */
#include "arch/state/ldt.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/fs/console.h"
#include "kernel/fs/descriptors.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/futex.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/signal/send.h"
#include "kernel/task/sched.h"
#include "kernel/trace/tracee.h"
#include "mm/space/uaccess.h"

/* ---- Telling threads to end ------------------------------------------------------ */

static void end_thread(struct thread *t)
{
	t->signals.pending.set |= SIGNAL_BIT(SIGKILL);
	signal_wake(t);
}

/*
 * All threads but the current one; no new one comes any more.  process_lock is held, and
 * free now and then.
 */
static void end_others(struct process *p)
{
	struct link *at = list_first(&p->threads);
	unsigned done = 0;

	while (at) {
		struct thread *t = list_entry(at, struct thread, in_process);

		if (t != current_thread())
			end_thread(t);
		at = process_walk_next(&p->threads, at, &done);
	}
}

bool process_must_die(void)
{
	return process_must_leave() || unlikely(signal_kill_pending(current_thread()));
}

void process_exit(int status)
{
	struct process *p = current_process();

	SPIN_SCOPE(&process_lock) {
		if (!process_must_leave()) {
			p->ending = true;
			p->status = status;
			end_others(p);
		}
	}
	process_exit_thread(status);
}

/*
 * The identity of the leader, which is the process's, goes to this thread; the
 * process's hold on the one before, which has ended, to the caller.
 */
static struct thread *become_leader(struct process *p, struct thread *t)
{
	struct thread *old = p->leader;

	if (old == t)
		return NULL;
	user_count_tasks(p, -1); /* the old one */
	numbers_set_thread(old, 0);
	numbers_set_thread(t, p->pid);
	p->leader = t;
	task_get(task_of(t));
	return old;
}

int process_become_only_thread(void)
{
	struct process *p = current_process();
	struct thread *old = NULL;

	SPIN_SCOPE(&process_lock) {
		if (p->ending || p->exec_by)
			return -EAGAIN;
		p->exec_by = current_thread();
		end_others(p);
		while (p->alive > 1 && !p->ending)
			sched_wait(&process_lock);
		p->exec_by = NULL;
		if (p->ending)
			return -EAGAIN;
		old = become_leader(p, current_thread());
	}
	if (old)
		task_put(task_of(old));
	return 0;
}

/* ---- Leaving an address space ----------------------------------------------------- */

void process_release_memory(void)
{
	struct thread *t = current_thread();

	futex_release_robust_list();
	if (t->choices->clear_child_tid && (t->process->alive > 1 || t->mm->users > 1)) {
		(void)put_user_u32(t->choices->clear_child_tid, 0); /* a waiter is woken anyway */
		futex_wake_one(t->choices->clear_child_tid);
	}
	t->choices->clear_child_tid = 0;
	SPIN_GUARD(&process_lock);
	if (t->vfork_parent) {
		t->vfork_parent->vfork_child = NULL;
		sched_wake(task_of(t->vfork_parent));
		t->vfork_parent = NULL;
	}
}

/* ---- Ending ------------------------------------------------------------------------ */

static void tell_parent(struct process *p)
{
	int signal = WAIT_SIGNAL(p->status);

	list_remove(&p->sibling); /* to the front: found at once */
	list_add(&p->parent->children, &p->sibling);
	signal_notify_parent(p->parent, p->exit_signal, p->leader, signal ? CLD_KILLED : CLD_EXITED,
			     signal ? signal : WAIT_CODE(p->status));
}

/* Tells the parent, or the kernel, that p has ended.  process_lock is held. */
static void report_end(struct process *p)
{
	struct process *parent = p->parent;

	if (!parent) {
		if (p->unclaimed)
			process_to_graveyard(p);
		else if (p->waiter)
			sched_wake(p->waiter);
		return;
	}
	tell_parent(p);
	if (p->exit_signal == SIGCHLD && signal_ignores_children(parent)) {
		list_remove(&p->sibling);
		process_to_graveyard(p);
	}
}

/*
 * A child goes to init, or without one is left alone.  getppid() takes no lock: it goes from
 * one parent to the next, and is never without.
 */
static void orphan(struct process *c, struct process *init)
{
	const struct siginfo death = { .signo = c->parent_death_signal, .code = SI_KERNEL };

	list_remove(&c->sibling);
	if (death.signo && !c->ended)
		signal_send_process(c, &death);
	c->exit_signal = SIGCHLD;
	if (init) {
		process_adopt(init, c);
		if (c->ended)
			report_end(c);
	} else {
		c->parent = NULL;
		c->parent_pid = 0;
		process_tell_facts(c);
		c->unclaimed = true;
		if (c->ended)
			process_to_graveyard(c);
	}
}

/* Init for the children of p; NULL: p is init itself, or init is ending. */
static struct process *init_for(const struct process *p)
{
	struct process *init = process_find(1);

	return init == p || (init && (init->ended || !init->alive)) ? NULL : init;
}

#define PARTINGS 32 /* before others may have process_lock */

/*
 * Children and tracees go.  process_lock is held, and free now and then: meanwhile a
 * child may have asked to be traced, or made a sibling.
 */
static void part_from_all(struct process *p)
{
	for (unsigned done = 1;; done++) {
		struct process *c = list_entry(list_first(&p->children), struct process, sibling);

		if (c)
			orphan(c, init_for(p));
		else if (!ptrace_detach_one(p))
			return;
		if (done % PARTINGS == 0)
			process_lock_pause();
	}
}

/*
 * Threads that ended before the last one, which is the first of the dead: their stacks
 * are in use no more.
 */
static void free_dead_before(struct thread *last)
{
	struct task *list = last->dead_next;

	SPIN_SCOPE(&process_lock) /* oom.c walks the list */
		last->dead_next = NULL;
	task_put_dead(list);
}

/*
 * By the last thread, which is out of the list; its status is the process's.  A
 * process that the kernel waits for keeps its memory until then, to be looked at.
 */
static void end_process(struct process *p)
{
	struct descriptors *files = NULL;
	struct mm *mm = NULL;

	SPIN_SCOPE(&process_lock) {
		files = p->files;
		p->files = NULL;
		if (p->parent || p->unclaimed) {
			mm = p->mm;
			p->mm = NULL;
			p->giving_back = mm->resident + 1;
		}
	}
	if (mm)
		mm_put(mm);
	descriptors_drop(files);
	free_dead_before(current_thread());
	SPIN_GUARD(&process_lock);
	p->giving_back = 0;
	oom_process_ended();
	part_from_all(p);
	console_left_by(p);
	if (!p->ending)
		p->status = current_thread()->status;
	p->leader->status = p->status;
	p->ended = true;
	report_end(p);
}

/* A tracer may wait for a thread that is no child of its own. */
static void leave_tracer(struct thread *t)
{
	if (t->tracer)
		process_wake_waiters(t->tracer);
	ptrace_set_tracer(t, NULL);
}

/* Out of the living; true if it was the last.  process_lock is taken. */
static bool leave(struct process *p, struct thread *t, int status)
{
	SPIN_GUARD(&process_lock);
	bool last;

	process_remove_thread(p, t);
	t->status = p->ending ? p->status : status;
	last = p->alive == 0;
	if (t != p->leader)
		user_count_tasks(p, -1);
	leave_tracer(t);
	if (p->exec_by && p->alive == 1)
		sched_wake(task_of(p->exec_by));
	signal_complete_stop(p);
	return last;
}

void process_exit_thread(int status)
{
	struct thread *t = current_thread();
	struct process *p = t->process;

	interrupts_on();
	ptrace_event(PTRACE_EVENT_EXIT, (u64)(p->ending ? p->status : status));
	SPIN_SCOPE(&process_lock) { /* signals for the process are for others, from here on */
		t->leaving = true;
		signal_look_again(t);
	}
	process_bury();
	process_release_memory();
	pti_stack_hide(&t->user.pti);
	interrupts_off();
	t->mm = NULL;
	ldt_load_mm(NULL);
	interrupts_on();
	signal_forget(&t->signals.pending);
	if (leave(p, t, status))
		end_process(p);
	sched_exit();
}

/* ---- Waiting ------------------------------------------------------------------------ */

int process_wait_for(struct thread *t)
{
	struct process *p = t->process;
	int status;

	SPIN_SCOPE(&process_lock) {
		p->waiter = current_task();
		while (!p->ended)
			sched_wait(&process_lock);
	}
	status = p->status;
	task_put(task_of(t));
	process_free(p);
	return status;
}
