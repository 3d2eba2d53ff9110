/*
 * Futexes.  Who waits stands in a list, under one lock, with the key of the
 * word: the id of its address space or shared object, and the place in it.  Ids
 * are never given twice, so a key may outlive what it names: nothing else will
 * ever be found under it.
 *
 * No wake-up is lost: the word is compared and the waiter listed under the lock,
 * and who wakes takes the lock after changing the word.  The address space is
 * locked as well then, so the frame that is read is still the program's.
 *
 * Programs choose how many wait, so no walk of a list is made in one go with
 * interrupts off: after some steps a walk leaves a mark in the list, lets go of
 * the lock, and goes on behind the mark.  Waiters that came later do not count,
 * so it ends.  Lists are chosen by a hash that no program can foresee.
 *
 * Source: futex(2), get_robust_list(2), Documentation/locking/robust-futex-ABI.
 */
#include "arch/machine/clock.h"
#include "arch/machine/random.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/seams.h"
#include "kernel/linux/process/futex.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/task/sched.h"
#include "mm/space/uaccess.h"

struct key {
	u64 space;
	u64 offset;
	bool private;
};

struct waiter {
	struct waiter *next, *prev;
	struct thread *task; /* NULL: a walk's mark */
	struct key key;
	u64 ticket;        /* ascending in each list */
	u32 bits;
	bool woken;
};

#define LISTS 1024

static struct spinlock lock = SPINLOCK(LOCK_FUTEX);
static struct {
	struct waiter *first, *last;
} lists[LISTS];
static u64 next_ticket;

/* The finalizer of SplitMix64 (Steele, Lea and Flood, 2014). */
static u64 mix(u64 v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

/* The lock is held. */
static unsigned list_of(const struct key *k)
{
	static u64 secret;

	if (!secret)
		secret = random_u64() | 1;
	return (unsigned)(mix(mix(k->space ^ secret) ^ k->offset) % LISTS);
}

static bool same(const struct key *a, const struct key *b)
{
	return a->space == b->space && a->offset == b->offset && a->private == b->private;
}

static int check_address(virt_addr_t va)
{
	if (va % sizeof(u32))
		return -EINVAL;
	return user_range_ok(va, sizeof(u32)) ? 0 : -EFAULT;
}

/*
 * Others than private words must be such that somebody may change them.  Who waits or
 * wakes need not be he.
 */
static int key_of(const struct mm_word *word, virt_addr_t va, unsigned flags,
		  struct key *key)
{
	if (flags & FUTEX_PRIVATE) {
		*key = (struct key){ current_thread()->mm->id, va, true };
		return 0;
	}
	*key = (struct key){ word->space, word->offset, false };
	return !word->writable && word->own ? -EFAULT : 0;
}

/* As mm_lock_word(); waits for memory, as a fault would. */
static int lock_word(struct mm *mm, virt_addr_t va, struct mm_word *word)
{
	return (int)OOM_RETRY(OOM_TOUCHES, mm_lock_word(mm, va, word));
}

/* A private word need not be there, only its address be possible. */
static int find_key(virt_addr_t va, unsigned flags, struct key *key)
{
	struct mm *mm = current_thread()->mm;
	struct mm_word word;
	int err = check_address(va);

	if (err || (flags & FUTEX_PRIVATE))
		return err ? err : key_of(NULL, va, flags, key);
	err = lock_word(mm, va, &word);
	if (err)
		return err;
	err = key_of(&word, va, flags, key);
	mm_unlock_word(mm);
	return err;
}

/* ---- Lists; the lock is held ------------------------------------------------------ */

/* In front of `next`, or at the end of list n. */
static void insert(unsigned n, struct waiter *w, struct waiter *next)
{
	w->next = next;
	w->prev = next ? next->prev : lists[n].last;
	*(w->prev ? &w->prev->next : &lists[n].first) = w;
	*(next ? &next->prev : &lists[n].last) = w;
}

static void append(struct waiter *w)
{
	w->ticket = next_ticket++;
	insert(list_of(&w->key), w, NULL);
}

static void take_out(struct waiter *w)
{
	unsigned n = list_of(&w->key);

	*(w->prev ? &w->prev->next : &lists[n].first) = w->next;
	*(w->next ? &w->next->prev : &lists[n].last) = w->prev;
}

static void wake(struct waiter *w)
{
	take_out(w);
	w->woken = true;
	sched_wake(task_of(w->task));
}

/* ---- Walks ------------------------------------------------------------------------- */

#define STEPS 128     /* in one go */
#define STEPS_WAKE 16 /* that waking one is worth */

struct walk {
	struct waiter mark;
	struct waiter *at;
	u64 end;        /* tickets from here on came later */
	u64 flags;
	unsigned steps;
	bool must_end;  /* even if we are about to die */
};

/* Takes the lock. */
static void walk_begin(struct walk *w, const struct key *key, bool must_end)
{
	*w = (struct walk){ .mark.key = *key, .must_end = must_end };
	w->flags = spin_lock(&lock);
	w->at = lists[list_of(key)].first;
	w->end = next_ticket;
}

static void walk_end(struct walk *w)
{
	spin_unlock(&lock, w->flags);
}

/* Others have their turn.  False: the walk is to end here. */
static bool walk_pause(struct walk *w)
{
	bool dying;

	w->steps = 0;
	w->mark.ticket = w->at->ticket;
	insert(list_of(&w->mark.key), &w->mark, w->at);
	spin_unlock(&lock, w->flags);
	dying = seam_long_work_point();
	w->flags = spin_lock(&lock);
	w->at = w->mark.next;
	take_out(&w->mark);
	return w->must_end || !dying;
}

/* The next one that waits for the key and may be taken out; NULL: no more. */
static struct waiter *walk_next(struct walk *w)
{
	while (w->at && w->at->ticket < w->end) {
		struct waiter *found = w->at;

		if (w->steps++ >= STEPS) {
			if (!walk_pause(w))
				return NULL;
			continue;
		}
		w->at = found->next;
		if (found->task && same(&found->key, &w->mark.key))
			return found;
	}
	return NULL;
}

/* ---- Waiting ----------------------------------------------------------------------- */

/* Until woken, which may have been already. */
static long wait_listed(struct waiter *w, u64 when)
{
	u64 flags = spin_lock(&lock);

	for (;;) {
		long err = 0;

		if (w->woken) {
			spin_unlock(&lock, flags);
			return 0;
		}
		if (clock_ns() >= when)
			err = -ETIMEDOUT;
		else if (signal_interrupted())
			err = -ERESTARTSYS;
		if (err) {
			take_out(w);
			spin_unlock(&lock, flags);
			return err;
		}
		sched_sleep_unlock(&lock, flags, when);
		flags = spin_lock(&lock);
	}
}

/* Lists w, if the word is `value`.  The address space is locked. */
static int compare_and_list(struct waiter *w, const struct mm_word *word, u32 value)
{
	u64 flags = spin_lock(&lock);
	bool is = __atomic_load_n(word->at, __ATOMIC_SEQ_CST) == value;

	if (is)
		append(w);
	spin_unlock(&lock, flags);
	return is ? 0 : -EAGAIN;
}

long futex_wait(virt_addr_t va, u32 value, u32 bits, u64 when, unsigned how)
{
	struct waiter w = { .task = current_thread(), .bits = bits };
	struct mm *mm = w.task->mm;
	struct mm_word word;
	int err = check_address(va);

	if (!err)
		err = lock_word(mm, va, &word);
	if (err)
		return err;
	err = key_of(&word, va, how, &w.key);
	if (!err)
		err = compare_and_list(&w, &word, value);
	mm_unlock_word(mm);
	return err ? err : wait_listed(&w, when);
}

/* ---- Waking ------------------------------------------------------------------------- */

static long wake_all(virt_addr_t va, int count, u32 bits, unsigned how, bool must_end)
{
	struct key key;
	struct walk walk;
	struct waiter *w;
	int err = find_key(va, how, &key);
	long woken = 0;

	if (err)
		return err;
	walk_begin(&walk, &key, must_end);
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

long futex_wake(virt_addr_t va, int count, u32 bits, unsigned how)
{
	return wake_all(va, count, bits, how, false);
}

/* Those that are left of the walk's key go behind those of `to`. */
static long wake_and_move(struct walk *walk, const struct key *to, int wake_count,
			  int move_count)
{
	struct waiter *w;
	long woken = 0, moved = 0;

	while (woken + moved < (long)wake_count + move_count && (w = walk_next(walk))) {
		if (woken < wake_count) {
			wake(w);
			walk->steps += STEPS_WAKE;
			woken++;
		} else {
			take_out(w);
			w->key = *to;
			append(w);
			moved++;
		}
	}
	return woken + moved;
}

long futex_requeue(virt_addr_t va, virt_addr_t to, int wake_count, int move_count,
		   const u32 *value, unsigned how)
{
	struct mm *mm = current_thread()->mm;
	struct key from_key, to_key;
	struct mm_word word;
	struct walk walk;
	int err = find_key(va, how, &from_key);
	long done = -EAGAIN;

	if (!err)
		err = find_key(to, how, &to_key);
	if (!err && value)
		err = lock_word(mm, va, &word);
	if (err)
		return err;
	walk_begin(&walk, &from_key, false);
	if (!value || __atomic_load_n(word.at, __ATOMIC_SEQ_CST) == *value)
		done = wake_and_move(&walk, &to_key, wake_count, move_count);
	walk_end(&walk);
	if (value)
		mm_unlock_word(mm);
	return done;
}

/* ---- The end of a thread -------------------------------------------------------------- */

void futex_wake_one(virt_addr_t va)
{
	wake_all(va, 1, FUTEX_ANY, 0, true);
}

#define ROBUST_LIMIT 2048 /* entries that are looked at, as Linux does */
#define ROBUST_PI 1       /* in a pointer: a lock of a kind we do not have, nobody waits */
#define FUTEX_TID 0x3fffffff
#define FUTEX_OWNER_DIED 0x40000000
#define FUTEX_WAITERS 0x80000000

/*
 * The current thread's lock is marked, and one who waits for it is woken.  One
 * about to be taken may have been left just now, and nobody woken yet.
 */
static void release(virt_addr_t va, bool pi, bool pending)
{
	struct thread *t = current_thread();
	u32 value = 0;

	if (va % sizeof(u32) || copy_from_user(&value, va, sizeof(value)))
		return;
	if (pending && !pi && !(value & FUTEX_TID))
		futex_wake_one(va);
	while ((value & FUTEX_TID) == (u32)t->pid) {
		u32 died = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		long done = OOM_RETRY(OOM_TOUCHES, mm_exchange_word(t->mm, va, &value, died));

		if (done < 0)
			return;
		if (done) {
			if (!pi && (value & FUTEX_WAITERS))
				futex_wake_one(va);
			return;
		}
	}
}

/* n numbers of a program, of 4 bytes each if `narrow`. */
static bool read_words(u64 *to, virt_addr_t from, unsigned n, bool narrow)
{
	for (unsigned i = 0; i < n; i++) {
		to[i] = 0;
		if (copy_from_user(&to[i], from + i * (narrow ? 4 : 8), narrow ? 4 : 8))
			return false;
	}
	return true;
}

static void release_list(virt_addr_t list, bool narrow)
{
	u64 head[3], entry, next; /* head: next, offset, pending */
	u64 pending, offset;

	if (!list || !read_words(head, list, 3, narrow))
		return;
	offset = narrow ? (u64)(s32)head[1] : head[1];
	pending = head[2] & ~(u64)ROBUST_PI;
	entry = head[0];
	for (unsigned i = 0; i < ROBUST_LIMIT && (entry & ~1ULL) != list; i++) {
		virt_addr_t at = entry & ~(u64)ROBUST_PI;
		bool more = read_words(&next, at, 1, narrow);

		if (at != pending)
			release(at + offset, entry & ROBUST_PI, false);
		if (!more)
			return;
		entry = next;
		sched_point();
	}
	if (pending)
		release(pending + offset, head[2] & ROBUST_PI, true);
}

void futex_release_robust_list(void)
{
	struct thread *t = current_thread();
	virt_addr_t list = t->robust_list, list32 = t->robust_list32;

	t->robust_list = t->robust_list32 = 0;
	release_list(list, false);
	release_list(list32, true);
}
