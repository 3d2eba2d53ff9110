/*
 * Locks on files.  A file's are in a list without an order, and an owner's do not overlap.
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

static struct slab objects = SLAB("file lock", struct lock);
static struct sleep_lock lock = SLEEP_LOCK(LOCK_FILE_LOCKS);
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

static const struct lock *in_the_way(struct link *locks, const void *owner,
				     const struct lock_range *want)
{
	const struct lock *l;

	list_for_each(l, locks, in_file) {
		if (l->owner != owner && overlap(&l->range, want) &&
		    (want->type == F_WRLCK || l->range.type == F_WRLCK))
			return l;
		sched_point();
	}
	return NULL;
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

/* *seen: what `changes` was when another's lock was in the way. */
static int try(struct link *locks, const void *owner, const struct lock_range *want,
	       struct lock *spare[2], u64 *seen)
{
	int err = sleep_lock_killable(&lock);

	if (err)
		return err;
	*seen = __atomic_load_n(&changes, __ATOMIC_SEQ_CST);
	if (want->type != F_UNLCK && in_the_way(locks, owner, want)) {
		err = -EAGAIN;
	} else {
		cut_all(locks, owner, want, &spare[0]);
		if (want->type != F_UNLCK)
			enter(locks, owner, want, &spare[1]);
	}
	sleep_unlock(&lock);
	return err;
}

int locks_set(struct link *locks, const void *owner, const struct lock_range *want, bool wait)
{
	struct lock *spare[2] = { slab_alloc(&objects), slab_alloc(&objects) };
	int err = spare[0] && spare[1] ? 0 : -ENOLCK;
	u64 seen;

	while (!err && (err = try(locks, owner, want, spare, &seen)) == -EAGAIN && wait) {
		err = signal_interrupted() ? -ERESTARTSYS : 0;
		if (!err)
			wait_queue_sleep(&waiting, has_changed, &seen, TIME_NEVER);
	}
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
