/*
 * All processes, and the lock that guards what they share: the tree of parents and
 * children, lists of threads, signals, states, numbers.
 *
 * Programs choose how many there are, so a walk gives the lock away now and then, and
 * a place in the list that it leaves behind says where it goes on.
 */
#include "kernel/linux/tree.h"
#include "kernel/task/sched.h"

struct spinlock process_lock = SPINLOCK(LOCK_PROCESS);
struct link process_all;

bool process_none_left(void)
{
	SPIN_GUARD(&process_lock);

	return !list_first(&process_all);
}

/* ---- Walks -------------------------------------------------------------------- */

#define WALK_UNLOCKED 8

void process_lock_pause(void)
{
	spin_unlock(&process_lock, RFLAGS_IF);
	sched_point();
	spin_lock(&process_lock);
}

struct link *process_walk_next(const struct link *head, struct link *at, unsigned *done)
{
	struct link place = { .is_place = true };

	if (++*done % WALK_UNLOCKED)
		return list_next(head, at);
	list_add_behind(at, &place);
	process_lock_pause();
	at = list_next(head, &place);
	list_remove(&place);
	return at;
}

/* From a place of our own in the list: kernel/base/list.h. */
void process_each_mm(void (*look)(struct mm *mm, void *arg), void *arg)
{
	struct link place = { .is_place = true }, *at;
	u64 flags = spin_lock(&process_lock);

	at = list_first(&process_all);
	while (at) {
		struct mm *mm = list_entry(at, struct process, in_all)->mm;

		if (mm)
			mm_get(mm);
		list_add_behind(at, &place);
		spin_unlock(&process_lock, flags);
		if (mm) {
			look(mm, arg);
			mm_put(mm);
		}
		sched_point();
		flags = spin_lock(&process_lock);
		at = task_must_die() ? NULL : list_next(&process_all, &place);
		list_remove(&place);
	}
	spin_unlock(&process_lock, flags);
}

/* ---- Waking parents that wait ----------------------------------------------------- */

/*
 * A parent may have thousands of threads in wait4: one is woken, and wakes the next
 * when it has looked, or leaves.
 */
void process_wake_next_waiter(struct process *p)
{
	struct thread *t = list_entry(list_first(&p->waiting), struct thread, in_wait);

	if (t && t->events_seen != p->events)
		sched_wake(task_of(t));
}

void process_wake_waiters(struct process *p)
{
	p->events++;
	process_wake_next_waiter(p);
}

void process_tell_facts(const struct process *p)
{
	struct process_facts *facts = p->facts;

	if (!facts)
		return;
	facts->pid = (u32)p->pid;
	facts->ppid = (u32)p->parent_pid;
	facts->pgid = (u32)p->pgid;
	facts->sid = (u32)p->sid;
	facts->uid = p->ids.user[REAL_ID];
	facts->euid = p->ids.user[EFFECTIVE_ID];
	facts->gid = p->ids.group[REAL_ID];
	facts->egid = p->ids.group[EFFECTIVE_ID];
}
