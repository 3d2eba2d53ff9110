/*
 * Processes: made and freed.  How they end is in kernel/linux/process/exit.c.
 */
#include "arch/machine/clock.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/descriptors.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/alarm.h"
#include "kernel/linux/process/make.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"

/* All but what signals do: it stands last, has no pointer, and is a parent's, whole. */
#define NO_ACTIONS offsetof(struct process, signals.action)
#define DEFAULT_UMASK 022

/* ---- Making ------------------------------------------------------------------- */

/* process_lock is held: other threads of the parent may change any of this just now. */
static void inherit(struct process *p, const struct process *parent)
{
	p->ids = parent->ids;
	p->ia32 = parent->ia32;
	p->quiet = parent->quiet;
	p->no_new_privs = parent->no_new_privs;
	p->personality = parent->personality;
	p->umask = parent->umask;
	p->exe = parent->exe ? dentry_hold(parent->exe) : NULL;
	p->cwd = dentry_hold(parent->cwd);
	memcpy(p->limits, parent->limits, sizeof(p->limits));
	p->signals.set = parent->signals.set;
	memcpy(p->signals.action, parent->signals.action, sizeof(p->signals.action));
}

static void forget_files(struct process *p)
{
	dentry_drop(p->exe);
	dentry_drop(p->cwd);
}

struct process *process_create(struct mm *mm, const struct process *parent)
{
	phys_addr_t pa = frame_alloc();
	struct process *p;

	if (pa == NO_FRAME)
		return NULL;
	p = memset(phys_to_virt(pa), 0, parent ? NO_ACTIONS : sizeof(*p));
	live_object(p, sizeof(*p));
	p->mm = mm;
	p->started = clock_ns();
	p->umask = DEFAULT_UMASK;
	if (!parent)
		limits_init(p->limits);
	if (!facts_make(&p->facts)) {
		frame_free_object(p, sizeof(*p), 1);
		return NULL;
	}
	SPIN_SCOPE(&process_lock) {
		if (parent)
			inherit(p, parent);
		else
			p->cwd = dentry_hold(&file_root);
		p->user = user_of_uid(p->ids.user[REAL_ID]);
		if (p->user)
			list_append(&process_all, &p->in_all);
	}
	if (p->user)
		return p;
	forget_files(p);
	facts_drop(p->facts);
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
	process_tell_facts(p);
}

void process_adopt(struct process *parent, struct process *p)
{
	p->parent = parent;
	p->parent_pid = parent->pid;
	list_append(&parent->children, &p->sibling);
	process_tell_facts(p);
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
		process_tell_facts(p);
	}
	sched_start(task_of(leader));
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
	descriptors_drop(p->files);
	forget_files(p);
	facts_drop(p->facts);
	frame_free_object(p, NO_ACTIONS, 1);
}

void process_free_dead_threads(void)
{
	struct process *p = current_process();
	struct task *list = NULL;

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
	struct process *p = NULL;

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
