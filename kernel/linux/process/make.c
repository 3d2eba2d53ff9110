/*
 * Processes and their threads: made and freed.  A thread is a task, a page of FPU state,
 * and at the top of its kernel stack the registers with which it enters user mode for the
 * first time.  How they end is in kernel/linux/process/exit.c.
 * Read next: kernel/task/task.c, kernel/linux/process/clone.c.
 */
#include "arch/state/fpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/alarm.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/space/uaccess.h"

#define ALL_FDS 7 /* 0, 1 and 2 */

/* ---- Making ------------------------------------------------------------------- */

/* process_lock is held: other threads of the parent may change any of this just now. */
static void inherit(struct process *p, const struct process *parent)
{
	p->ids = parent->ids;
	p->ia32 = parent->ia32;
	p->quiet = parent->quiet;
	p->no_new_privs = parent->no_new_privs;
	p->personality = parent->personality;
	p->open_fds = parent->open_fds;
	p->close_on_exec = parent->close_on_exec;
	p->exe = parent->exe;
	memcpy(p->limits, parent->limits, sizeof(p->limits));
	memcpy(p->signals.action, parent->signals.action, sizeof(p->signals.action));
}

struct process *process_create(struct mm *mm, const struct process *parent)
{
	phys_addr_t pa = frame_alloc_zeroed();
	struct process *p;

	if (pa == NO_FRAME)
		return NULL;
	p = phys_to_virt(pa);
	live_object(p, sizeof(*p));
	p->mm = mm;
	p->open_fds = ALL_FDS;
	limits_init(p->limits);
	SPIN_SCOPE(&process_lock) {
		if (parent)
			inherit(p, parent);
		p->user = user_of_uid(p->ids.user[REAL_ID]);
		if (p->user)
			list_append(&process_all, &p->in_all);
	}
	if (p->user)
		return p;
	frame_free(pa);
	return NULL;
}

void process_add_thread(struct process *p, struct thread *t)
{
	t->process = p;
	t->mm = p->mm;
	t->group_run_ns = &p->run_ns;
	list_add(&p->threads, &t->in_process);
	p->alive++;
	user_count_tasks(p, 1);
	if (!p->leader) {
		p->leader = t;
		task_get(task_of(t));
	}
}

void process_adopt(struct process *parent, struct process *p)
{
	p->parent = parent;
	p->parent_pid = parent->pid;
	list_append(&parent->children, &p->sibling);
}

void process_remove_thread(struct process *p, struct thread *t)
{
	list_remove(&t->in_process);
	t->dead_next = p->dead;
	p->dead = task_of(t);
	p->alive--;
	if (t != p->leader)
		numbers_set_thread(t, 0);
}

void process_start(struct thread *leader, int pid)
{
	struct process *p = leader->process;

	SPIN_SCOPE(&process_lock) {
		p->pid = pid;
		numbers_set_thread(leader, pid);
		numbers_set_group(p, pid);
		numbers_set_session(p, pid);
	}
	sched_start(task_of(leader));
}

/* ---- Threads -------------------------------------------------------------------- */

static void enter_user(void *regs)
{
	const struct thread *t = current_thread();

	if (t->set_child_tid) /* a bad address is the program's own affair */
		put_user_u32(t->set_child_tid, (u32)t->pid);
	exit_work_before_user(regs);
	entry_return_to_user(regs);
}

/* Without process and registers. */
static struct thread *create_user(const char *name)
{
	struct thread *t = (struct thread *)task_create_in(sizeof(*t), name, enter_user, NULL);
	phys_addr_t fpu = t ? frame_alloc_zeroed() : NO_FRAME;

	if (fpu == NO_FRAME) {
		if (t)
			task_put(task_of(t));
		return NULL;
	}
	t->user.fpu = phys_to_virt(fpu);
	t->must_die = process_must_die;
	task_prepare_stack(task_of(t), sizeof(struct pt_regs), enter_user, thread_regs(t));
	return t;
}

struct thread *thread_create(const char *name, struct mm *mm, virt_addr_t ip, virt_addr_t sp)
{
	struct thread *t = create_user(name);
	struct process *p = t ? process_create(mm, NULL) : NULL;
	struct pt_regs *regs;

	if (!p) {
		if (t)
			task_put(task_of(t));
		return NULL;
	}
	SPIN_SCOPE(&process_lock)
		process_add_thread(p, t);
	task_get(task_of(t));
	fpu_init_state(t->user.fpu);
	regs = thread_regs(t);
	regs->ip = ip;
	regs->sp = sp;
	regs->cs = SEL_USER_CS;
	regs->ss = SEL_USER_DS;
	regs->flags = RFLAGS_IF | RFLAGS_FIXED;
	return t;
}

struct thread *thread_fork(void)
{
	struct thread *self = current_thread();
	struct thread *t = create_user(self->name);

	if (!t)
		return NULL;
	if (user_state_copy(&t->user, &self->user)) {
		task_put(task_of(t));
		return NULL;
	}
	*thread_regs(t) = *thread_regs(self);
	thread_regs(t)->ax = 0;
	/* A tracer's TF: it does not step the child. */
	thread_regs(t)->flags = step_own_flags(&self->user.step, thread_regs(t)->flags);
	sched_get_affinity(task_of(self), &t->affinity); /* others may change it */
	return t;
}

/* ---- Freeing ------------------------------------------------------------------- */

/* Out of the list first: from then on no walk finds it, nor a thread through it. */
void process_free(struct process *p)
{
	SPIN_SCOPE(&process_lock) {
		list_remove(&p->in_all);
		if (p->leader)
			numbers_set_thread(p->leader, 0);
		numbers_set_group(p, 0);
		numbers_set_session(p, 0);
		alarm_forget(p);
		user_count_tasks(p, -(int)p->counted_tasks);
		user_put(p->user);
	}
	task_put_dead(p->dead);
	if (p->leader)
		task_put(task_of(p->leader));
	signal_forget(&p->signals.pending);
	if (p->mm)
		mm_put(p->mm);
	frame_free_object(p, 1);
}

void process_free_dead_threads(void)
{
	struct process *p = current_process();
	struct task *list;

	SPIN_SCOPE(&process_lock) {
		list = p->dead;
		p->dead = NULL;
	}
	task_put_dead(list);
}

/* ---- Unclaimed ones ------------------------------------------------------------------ */

/* They have ended; linked by grave_next. */
static struct process *graveyard;

void process_to_graveyard(struct process *p)
{
	user_count_tasks(p, -(int)p->counted_tasks);
	p->unclaimed = true;
	p->grave_next = graveyard;
	graveyard = p;
}

void process_bury(void)
{
	struct process *p;

	do {
		SPIN_SCOPE(&process_lock) {
			p = graveyard;
			if (p)
				graveyard = p->grave_next;
		}
		if (p)
			process_free(p);
	} while (p);
}
