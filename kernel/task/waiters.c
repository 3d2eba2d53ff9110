/*
 * Lists of tasks that wait under a key, all under one lock.
 *
 * No wake-up is lost: the word is compared and the waiter listed under the lock, and
 * whoever wakes takes the lock after changing the word.
 *
 * Programs choose how many wait, so no walk of a list is made in one go with interrupts
 * off: after some steps a walk leaves a place of its own in the list (kernel/base/list.h),
 * lets go of the lock, and goes on behind the place.  Waiters that came later do not
 * count, so it ends.  A hash that no program can foresee chooses the list.
 */
#include "arch/machine/random.h"
#include "kernel/base/errno.h"
#include "kernel/task/sched.h"
#include "kernel/task/waiters.h"

#define LISTS 1024

static struct spinlock lock = SPINLOCK(LOCK_FUTEX);
static struct link lists[LISTS];
static u64 next_ticket;

/* The finalizer of SplitMix64 (Steele, Lea and Flood, 2014). */
static u64 mix(u64 v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

/* The lock is held. */
static struct link *list_of(const struct wait_key *k)
{
	static u64 secret;

	if (!secret)
		secret = random_u64() | 1;
	return &lists[mix(mix(k->space ^ secret) ^ k->offset) % LISTS];
}

static bool same(const struct wait_key *a, const struct wait_key *b)
{
	return a->space == b->space && a->offset == b->offset && a->private == b->private;
}

static void append(struct waiter *w)
{
	w->ticket = next_ticket++;
	list_append(list_of(&w->key), &w->in_list);
}

static void wake(struct waiter *w)
{
	list_remove(&w->in_list);
	w->woken = true;
	sched_wake(w->task);
}

static bool word_is(const u32 *word, u32 value)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST) == value;
}

/* ---- Walks ------------------------------------------------------------------------- */

#define STEPS 128     /* in one go */
#define STEPS_WAKE 16 /* that waking one is worth */

struct walk {
	const struct wait_key *key;
	const struct link *head;
	struct link *at; /* perhaps another walk's place */
	u64 end;         /* tickets from here on came later */
	u64 flags;
	unsigned steps;
	bool must_end; /* even if we are about to die */
};

/* Takes the lock. */
static void walk_begin(struct walk *w, const struct wait_key *key, bool must_end)
{
	struct link *head;

	w->flags = spin_lock(&lock);
	head = list_of(key);
	w->key = key;
	w->head = head;
	w->at = head->next ? head->next : head;
	w->end = next_ticket;
	w->steps = 0;
	w->must_end = must_end;
}

static void walk_end(struct walk *w)
{
	spin_unlock(&lock, w->flags);
}

/* Others have their turn.  False: the walk must end here. */
static bool walk_pause(struct walk *w)
{
	struct link place = { .is_place = true };

	w->steps = 0;
	list_add_behind(w->at->prev, &place);
	spin_unlock(&lock, w->flags);
	sched_point();
	w->flags = spin_lock(&lock);
	w->at = place.next;
	list_remove(&place);
	return w->must_end || !task_must_die();
}

/* The next one that waits for the key and may be taken out; NULL: no more. */
static struct waiter *walk_next(struct walk *w)
{
	while (w->at != w->head) {
		struct link *at = w->at;
		struct waiter *found = container_of(at, struct waiter, in_list);

		if (w->steps++ >= STEPS) {
			if (!walk_pause(w))
				return NULL;
			continue;
		}
		w->at = at->next;
		if (at->is_place)
			continue;
		if (found->ticket >= w->end)
			return NULL;
		if (same(&found->key, w->key))
			return found;
	}
	return NULL;
}

/* ---- Waiting ----------------------------------------------------------------------- */

bool waiters_add(struct waiter *w, const u32 *word, u32 value)
{
	SPIN_GUARD(&lock);
	bool is = word_is(word, value);

	if (is)
		append(w);
	return is;
}

bool waiters_sleep(struct waiter *w, u64 when)
{
	SPIN_GUARD(&lock);
	bool woken = w->woken; /* under the lock: wake() is done with *w */

	if (!woken)
		sched_sleep(&lock, when);
	return woken;
}

bool waiters_leave(struct waiter *w)
{
	SPIN_GUARD(&lock);

	if (!w->woken)
		list_remove(&w->in_list);
	return w->woken;
}

/* ---- Waking ------------------------------------------------------------------------- */

long waiters_wake(const struct wait_key *key, int count, u32 bits, bool must_end)
{
	struct walk walk;
	struct waiter *w;
	long woken = 0;

	walk_begin(&walk, key, must_end);
	while ((w = walk_next(&walk))) {
		if (!(w->bits & bits))
			continue;
		wake(w);
		walk.steps += STEPS_WAKE;
		if (++woken >= count)
			break;
	}
	walk_end(&walk);
	return woken;
}

/* Those that are left of the walk's key go behind those of `to`. */
static long wake_and_move(struct walk *walk, const struct wait_key *to, int wake_count,
			  int move_count)
{
	struct waiter *w;
	long done = 0;

	while (done < (long)wake_count + move_count && (w = walk_next(walk))) {
		if (done++ < wake_count) {
			wake(w);
			walk->steps += STEPS_WAKE;
			continue;
		}
		list_remove(&w->in_list);
		w->key = *to;
		append(w);
	}
	return done;
}

long waiters_move(const struct wait_key *from, const struct wait_key *to, int wake, int move,
		  const u32 *word, u32 value)
{
	struct walk walk;
	long done = -EAGAIN;

	walk_begin(&walk, from, false);
	if (!word || word_is(word, value))
		done = wake_and_move(&walk, to, wake, move);
	walk_end(&walk);
	return done;
}
