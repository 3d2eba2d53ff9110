/*
 * Processes: made, found, freed.  How they end is in kernel/process_exit.c.
 * Called by kernel/task.c, kernel/program.c, system calls and tests.
 */
#include "arch/clock.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "mm/frame.h"
#include "mm/phys.h"

/* Linux's, on 64-bit machines; after it, small numbers come round again. */
#define PID_MAX 4194304
#define PID_AGAIN 300

struct spinlock process_lock;
static struct process *all;
static int last_pid = 1;

/* ---- Making ------------------------------------------------------------------- */

/* With the ids of `parent`, or root's (NULL). */
static struct process *create(struct mm *mm, const struct process *parent)
{
	phys_addr_t pa = frame_alloc_zeroed();
	struct process *p;
	u64 flags;

	if (pa == NO_FRAME)
		return NULL;
	p = phys_to_virt(pa);
	p->mm = mm;
	p->open_fds = 7;
	limits_init(p->limits);
	flags = spin_lock(&process_lock);
	if (parent)
		p->ids = parent->ids;
	p->user = user_of_uid(p->ids.user[REAL_ID]);
	if (p->user) {
		p->next = all;
		all = p;
	}
	spin_unlock(&process_lock, flags);
	if (p->user)
		return p;
	frame_free(pa);
	return NULL;
}

struct process *process_create(struct mm *mm)
{
	return create(mm, NULL);
}

struct process *process_create_child(struct mm *mm)
{
	const struct process *parent = current_process();
	struct process *p = create(mm, parent);

	if (!p)
		return NULL;
	p->ia32 = parent->ia32;
	p->quiet = parent->quiet;
	p->no_new_privs = parent->no_new_privs;
	p->personality = parent->personality;
	p->open_fds = parent->open_fds;
	p->close_on_exec = parent->close_on_exec;
	p->exe = parent->exe;
	for (unsigned i = 0; i < NR_LIMITS; i++)
		p->limits[i] = parent->limits[i];
	signal_copy_actions(p, parent);
	return p;
}

void process_add_thread(struct process *p, struct task *t)
{
	t->process = p;
	t->mm = p->mm;
	t->thread_next = p->threads;
	p->threads = t;
	p->alive++;
	user_count_tasks(p, 1);
	if (!p->leader) {
		p->leader = t;
		task_get(t);
	}
}

void process_adopt(struct process *parent, struct process *p)
{
	p->parent = parent;
	p->parent_pid = parent->pid;
	p->sibling = parent->children;
	parent->children = p;
}

/* Is it a thread, process, group or session?  process_lock is held. */
static bool in_use(int pid)
{
	for (const struct process *p = all; p; p = p->next)
		if (p->pid == pid || p->pgid == pid || p->sid == pid)
			return true;
	return process_find_thread(pid);
}

int process_next_pid(void)
{
	u64 flags = spin_lock(&process_lock);
	int pid;

	do {
		last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : PID_AGAIN;
		pid = last_pid;
	} while (in_use(pid));
	spin_unlock(&process_lock, flags);
	return pid;
}

void process_start(struct task *leader, int pid)
{
	struct process *p = leader->process;

	leader->pid = p->pid = p->pgid = p->sid = pid;
	sched_start(leader);
}

/* ---- Finding ------------------------------------------------------------------ */

struct process *process_first(void)
{
	return all;
}

struct process *process_find(int pid)
{
	for (struct process *p = all; p; p = p->next)
		if (p->pid == pid && pid > 0 && !(p->ended && p->unclaimed))
			return p;
	return NULL;
}

struct task *process_find_thread(int tid)
{
	struct process *own = process_find(tid);

	if (own)
		return own->leader;
	for (struct process *p = all; p; p = p->next)
		for (struct task *t = p->threads; t; t = t->thread_next)
			if (t->pid == tid && tid > 0)
				return t;
	return NULL;
}

u64 process_run_ns(const struct process *p)
{
	u64 ns = p->dead_run_ns;

	for (const struct task *t = p->threads; t; t = t->thread_next)
		ns += sched_run_ns(t);
	return ns;
}

/* ---- Freeing ------------------------------------------------------------------- */

static void put_tasks(struct task *list)
{
	while (list) {
		struct task *t = list;

		list = t->thread_next;
		task_put(t);
		sched_point();
	}
}

/* Out of the list first: from then on nobody finds it, nor a task through it. */
void process_free(struct process *p)
{
	struct process **at = &all;
	u64 flags = spin_lock(&process_lock);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	user_count_tasks(p, -(int)p->counted_tasks);
	user_put(p->user);
	spin_unlock(&process_lock, flags);
	put_tasks(p->dead);
	if (p->leader)
		task_put(p->leader);
	signal_forget_process(p);
	if (p->mm)
		mm_put(p->mm);
	frame_free_object(p, 1);
}

void process_free_dead_threads(void)
{
	struct process *p = current_process();
	u64 flags = spin_lock(&process_lock);
	struct task *list = p->dead;

	p->dead = NULL;
	spin_unlock(&process_lock, flags);
	put_tasks(list);
}

#define SETTLE_NS (60 * NSEC_PER_SEC)

void process_settle(void)
{
	u64 start = clock_ns();

	for (;;) {
		process_bury();
		if (!__atomic_load_n(&all, __ATOMIC_ACQUIRE) ||
		    clock_ns() - start > SETTLE_NS)
			return;
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	}
}
