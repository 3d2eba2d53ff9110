/*
 * Locks on files.  A file's are in a list without an order; an owner's do not overlap, and those
 * of one type do not touch.
 * One sleeping lock guards all lists: programs choose how long they are, so whoever walks one
 * lets others run.  Who waits for a lock waits until any lock is let go, and asks again.
 *
 * Life: an owner's locks end when it closes the file, so the inode is there for as long as
 * its list has anything (kernel/fs/descriptors.c, kernel/fs/file.c).
 */
#include "kernel/base/errno.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/fs/locks.h"
#include "kernel/task/wait_queue.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/uapi.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "mm/frames/slab.h"

struct lock {
	struct link in_file;
	const void *owner;
	struct lock_range range;
};

/* Of locks_set(). */
struct request {
	struct link in_blocked;
	struct link *locks;
	const void *owner;
	const struct lock_range *want;
};

#define STEPS 10 /* from who waits to whom, as many as Linux takes */

static struct slab objects = SLAB("file lock", struct lock);
static struct sleep_lock lock = SLEEP_LOCK(LOCK_FILE_LOCKS);
static struct link blocked; /* those who wait, as struct request; `lock` */
static struct wait_queue waiting = { .lock = SPINLOCK(LOCK_WAIT_QUEUE) };
static u64 changes; /* of all lists, ever; what waits is woken by each */

static void changed(void)
{
	__atomic_fetch_add(&changes, 1, __ATOMIC_SEQ_CST);
	wait_queue_wake_all(&waiting);
}

static bool has_changed(const void *seen)
{
	return __atomic_load_n(&changes, __ATOMIC_SEQ_CST) != *(const u64 *)seen;
}

static bool overlap(const struct lock_range *a, const struct lock_range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* ---- Lists; `lock` is held ------------------------------------------------------------------ */

/* The one that begins first. */
static const struct lock *in_the_way(struct link *locks, const void *owner,
				     const struct lock_range *want)
{
	const struct lock *l, *first = NULL;

	list_for_each(l, locks, in_file) {
		if (l->owner != owner && overlap(&l->range, want) &&
		    (want->type == F_WRLCK || l->range.type == F_WRLCK) &&
		    (!first || l->range.start < first->range.start))
			first = l;
		sched_point();
	}
	return first;
}

/*
 * Does whoever has the lock wait, perhaps through others, for the owner?  Of tables alone, since
 * an open file's lock may be let go by others than who waits.
 */
static bool waits_for(const struct lock *l, const void *owner)
{
	for (unsigned steps = 0; l && steps < STEPS; steps++) {
		const struct request *r;

		if (l->owner == owner)
			return true;
		list_for_each(r, &blocked, in_blocked) {
			if (r->owner == l->owner && r->want->pid > 0)
				break;
			sched_point();
		}
		l = r ? in_the_way(r->locks, r->owner, r->want) : NULL;
	}
	return false;
}

/* What the owner's locks of the same type make of the range, with those that touch it. */
static struct lock_range joined(struct link *locks, const void *owner,
				const struct lock_range *want)
{
	struct lock_range all = *want;
	const struct lock *l;

	list_for_each(l, locks, in_file) {
		if (l->owner == owner && l->range.type == want->type &&
		    l->range.start <= want->end + 1 && want->start <= l->range.end + 1) {
			all.start = MIN(all.start, l->range.start);
			all.end = MAX(all.end, l->range.end);
		}
		sched_point();
	}
	return all;
}

static void enter(struct link *locks, const void *owner, const struct lock_range *range,
		  struct lock **spare)
{
	(*spare)->owner = owner;
	(*spare)->range = *range;
	list_append(locks, &(*spare)->in_file);
	*spare = NULL;
}

/* The owner's lock is none in the range; `rest` is for one that it cuts in two. */
static void cut(struct link *locks, struct lock *l, const struct lock_range *out,
		struct lock **rest)
{
	struct lock_range behind = l->range;

	behind.start = out->end + 1;
	if (l->range.start < out->start) {
		if (l->range.end > out->end)
			enter(locks, l->owner, &behind, rest);
		l->range.end = out->start - 1;
	} else if (l->range.end > out->end) {
		l->range.start = behind.start;
	} else {
		list_remove(&l->in_file);
		slab_free(&objects, l);
	}
}

static void cut_all(struct link *locks, const void *owner, const struct lock_range *out,
		    struct lock **rest)
{
	struct link *next;

	for (struct link *at = list_first(locks); at; at = next) {
		struct lock *l = list_entry(at, struct lock, in_file);

		next = list_next(locks, at);
		if (l->owner == owner && overlap(&l->range, out))
			cut(locks, l, out, rest);
		sched_point();
	}
}

/* ---- Setting ---------------------------------------------------------------------------------- */

/* *seen: what `changes` was when another's lock was in the way; the request is listed then. */
static int try(struct request *r, bool wait, struct lock *spare[2], u64 *seen)
{
	const struct lock *l = NULL;
	int err = sleep_lock_killable(&lock);

	if (err)
		return err;
	*seen = __atomic_load_n(&changes, __ATOMIC_SEQ_CST);
	if (r->want->type != F_UNLCK)
		l = in_the_way(r->locks, r->owner, r->want);
	if (l) {
		err = wait && r->want->pid > 0 && waits_for(l, r->owner) ? -EDEADLK : -EAGAIN;
		if (wait && err == -EAGAIN)
			list_append(&blocked, &r->in_blocked);
	} else {
		struct lock_range all = joined(r->locks, r->owner, r->want);

		cut_all(r->locks, r->owner, &all, &spare[0]);
		if (all.type != F_UNLCK)
			enter(r->locks, r->owner, &all, &spare[1]);
	}
	sleep_unlock(&lock);
	return err;
}

static int wait_for_change(struct request *r, const u64 *seen)
{
	bool interrupted = signal_interrupted();

	if (!interrupted)
		wait_queue_sleep(&waiting, has_changed, seen, TIME_NEVER);
	sleep_lock(&lock);
	list_remove(&r->in_blocked);
	sleep_unlock(&lock);
	return interrupted ? -ERESTARTSYS : 0;
}

int locks_set(struct link *locks, const void *owner, const struct lock_range *want, bool wait)
{
	struct lock *spare[2] = { slab_alloc(&objects), slab_alloc(&objects) };
	struct request r = { .locks = locks, .owner = owner, .want = want };
	int err = spare[0] && spare[1] ? 0 : -ENOLCK;
	u64 seen;

	while (!err && (err = try(&r, wait, spare, &seen)) == -EAGAIN && wait)
		err = wait_for_change(&r, &seen);
	slab_free(&objects, spare[0]);
	slab_free(&objects, spare[1]);
	if (!err)
		changed();
	return err;
}

int locks_test(struct link *locks, const void *owner, struct lock_range *want)
{
	int err = sleep_lock_killable(&lock);
	const struct lock *l;

	if (err)
		return err;
	l = in_the_way(locks, owner, want);
	if (l)
		*want = l->range;
	else
		want->type = F_UNLCK;
	sleep_unlock(&lock);
	return 0;
}

void locks_drop_all(struct link *locks, const void *owner)
{
	const struct lock_range all = { .end = LOCK_TO_END };
	struct lock *none = NULL;

	sleep_lock(&lock);
	cut_all(locks, owner, &all, &none);
	sleep_unlock(&lock);
	changed();
}
