/*
 * Numbers and their owners: tables of lists, a number's list being given by its lowest
 * bits.  Numbers are handed out in turn, so that the lists are short, and at worst as
 * long as there are numbers for one list; only a group with many members makes one
 * longer, for itself.
 */
#include "kernel/linux/numbers.h"
#include "kernel/linux/tree.h"

#define PID_AGAIN 300 /* behind PID_MAX */

#define LISTS 1024
#define TRIES 16 /* before others may have process_lock */

static struct link threads[LISTS], groups[LISTS], sessions[LISTS];
static int last_pid = 1;

static struct link *list_of(struct link *table, int number)
{
	return &table[(u32)number % LISTS];
}

/* At the end: a signal to a group finds the child that a member makes meanwhile. */
static void enter(struct link *table, struct link *l, int number)
{
	if (list_has(l))
		list_remove(l);
	if (number)
		list_append(list_of(table, number), l);
}

void numbers_set_thread(struct thread *t, int pid)
{
	t->pid = pid;
	enter(threads, &t->by_number, pid);
	facts_tell_number(task_of(t));
}

void numbers_set_group(struct process *p, int pgid)
{
	p->pgid = pgid;
	enter(groups, &p->in_group, pgid);
	process_tell_facts(p);
}

void numbers_set_session(struct process *p, int sid)
{
	p->sid = sid;
	enter(sessions, &p->in_session, sid);
	process_tell_facts(p);
}

/* ---- Finding ------------------------------------------------------------------ */

static struct thread *find(int tid)
{
	struct thread *t;

	list_for_each(t, list_of(threads, tid), by_number)
		if (t->pid == tid)
			return t;
	return NULL;
}

/* A process that waits for its burial counts as gone. */
static bool is_there(const struct thread *t)
{
	return !(t->process->ended && t->process->unclaimed);
}

struct thread *process_find_thread(int tid)
{
	struct thread *t = find(tid);

	return t && is_there(t) ? t : NULL;
}

/* A place is a list's number, and above that a thread's. */
struct process *process_next(u64 *place)
{
	u32 behind = (u32)(*place / LISTS);
	struct thread *t, *best = NULL;

	for (u32 list = *place % LISTS; list < LISTS && !best; list++, behind = 0) {
		list_for_each(t, &threads[list], by_number)
			if ((u32)t->pid > behind && t == t->process->leader && is_there(t) &&
			    (!best || t->pid < best->pid))
				best = t;
		*place = best ? (u64)best->pid * LISTS + list : 0;
	}
	return best ? best->process : NULL;
}

struct process *process_find(int pid)
{
	struct thread *t = process_find_thread(pid);

	return t && t->process->leader == t ? t->process : NULL;
}

struct process *numbers_find_group(int pgid)
{
	struct process *p;

	list_for_each(p, list_of(groups, pgid), in_group)
		if (p->pgid == pgid)
			return p;
	return NULL;
}

struct process *numbers_next_member(int pgid, struct process *p, unsigned *done)
{
	const struct link *list = list_of(groups, pgid);
	struct link *at = p ? process_walk_next(list, &p->in_group, done) : list_first(list);

	while ((p = list_entry(at, struct process, in_group)) && p->pgid != pgid)
		at = process_walk_next(list, at, done);
	return p;
}

/* ---- The next ------------------------------------------------------------------ */

static bool is_session(int sid)
{
	struct process *p;

	list_for_each(p, list_of(sessions, sid), in_session)
		if (p->sid == sid)
			return true;
	return false;
}

static bool is_free(int number)
{
	return !find(number) && !numbers_find_group(number) && !is_session(number);
}

/* Each is tried once a round, so what is in use costs no more than it did to make. */
int process_next_pid(void)
{
	for (;;) {
		SPIN_GUARD(&process_lock);

		for (unsigned i = 0; i < TRIES; i++) {
			last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : PID_AGAIN;
			if (is_free(last_pid))
				return last_pid;
		}
	}
}
