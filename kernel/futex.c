/*
 * Futexes.  Who waits stands in a list, under one lock, with the key of the
 * word: its address space and address, or the shared object and offset.
 *
 * No wake-up is lost: the word is compared, the waiter listed and put to sleep
 * under the lock, and who wakes takes the lock after changing the word.  The
 * word is read where it lies in the direct map, because under a spinlock there
 * is no fault; if its page is taken away in between, what is compared is
 * whatever lies there, which is as good as any other moment of such a race.
 *
 * Called by kernel/sys_futex.c and at the end of threads.
 * Source: futex(2), get_robust_list(2), Documentation/locking/robust-futex-ABI.
 */
#include "arch/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/futex.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "mm/uaccess.h"

struct key {
	const void *space;
	u64 offset;
	bool private;
};

struct waiter {
	struct waiter *next;
	struct task *task;
	struct key key;
	u32 bits;
	bool woken;
};

#define LISTS 64

static struct spinlock lock;
static struct {
	struct waiter *head, **tail;
} lists[LISTS];

static unsigned list_of(const struct key *k)
{
	u64 x = (u64)k->space / 64 + k->offset / 4;

	return (unsigned)((x ^ x >> 6 ^ x >> 12) % LISTS);
}

static bool same(const struct key *a, const struct key *b)
{
	return a->space == b->space && a->offset == b->offset && a->private == b->private;
}

/*
 * A private word need not be there, only its address be possible.  Others must
 * be such that somebody may change them; who wakes must be able to do it himself.
 */
static int find_key(virt_addr_t va, unsigned flags, bool wakes, struct key *key)
{
	struct mm *mm = current_task()->mm;
	struct mm_word word;

	if (va % sizeof(u32))
		return -EINVAL;
	if (!user_range_ok(va, sizeof(u32)))
		return -EFAULT;
	if (flags & FUTEX_PRIVATE) {
		*key = (struct key){ mm, va, true };
		return 0;
	}
	if (mm_find_word(mm, va, &word))
		return -EFAULT;
	if (!word.writable && (wakes || word.space == mm))
		return -EFAULT;
	*key = (struct key){ word.space, word.offset, false };
	return 0;
}

/* ---- Lists; the lock is held ------------------------------------------------------ */

static void append(struct waiter *w)
{
	unsigned n = list_of(&w->key);

	if (!lists[n].head)
		lists[n].tail = &lists[n].head;
	w->next = NULL;
	*lists[n].tail = w;
	lists[n].tail = &w->next;
}

/* *at is a waiter of list n. */
static struct waiter *take(unsigned n, struct waiter **at)
{
	struct waiter *w = *at;

	*at = w->next;
	if (lists[n].tail == &w->next)
		lists[n].tail = at;
	return w;
}

static void forget(struct waiter *w)
{
	unsigned n = list_of(&w->key);
	struct waiter **at = &lists[n].head;

	while (*at != w)
		at = &(*at)->next;
	take(n, at);
}

static void wake(struct waiter *w)
{
	w->woken = true;
	sched_wake(w->task);
}

static long wake_locked(const struct key *key, int count, u32 bits)
{
	unsigned n = list_of(key);
	struct waiter **at = &lists[n].head;
	long woken = 0;

	while (*at) {
		if (!same(&(*at)->key, key) || !((*at)->bits & bits)) {
			at = &(*at)->next;
			continue;
		}
		wake(take(n, at));
		if (++woken >= count)
			break;
	}
	return woken;
}

/* ---- Waiting ----------------------------------------------------------------------- */

/* Until woken, with the lock; returns with it free. */
static long wait_listed(struct waiter *w, u64 when, u64 flags)
{
	for (;;) {
		long err = 0;

		if (w->woken) {
			spin_unlock(&lock, flags);
			return 0;
		}
		if (clock_ns() >= when)
			err = -ETIMEDOUT;
		else if (sched_interrupted())
			err = -ERESTARTSYS;
		if (err) {
			forget(w);
			spin_unlock(&lock, flags);
			return err;
		}
		sched_sleep_unlock(&lock, flags, when);
		flags = spin_lock(&lock);
	}
}

long futex_wait(virt_addr_t va, u32 value, u32 bits, u64 when, unsigned how)
{
	struct waiter w = { .task = current_task(), .bits = bits };
	struct mm_word word;
	u64 flags;
	int err = find_key(va, how, false, &w.key);

	if (!err)
		err = mm_find_word(w.task->mm, va, &word);
	if (err)
		return err;
	flags = spin_lock(&lock);
	if (__atomic_load_n(word.at, __ATOMIC_SEQ_CST) != value) {
		spin_unlock(&lock, flags);
		return -EAGAIN;
	}
	append(&w);
	return wait_listed(&w, when, flags);
}

/* ---- Waking ------------------------------------------------------------------------- */

long futex_wake(virt_addr_t va, int count, u32 bits, unsigned how)
{
	struct key key;
	int err = find_key(va, how, true, &key);
	long woken;
	u64 flags;

	if (err)
		return err;
	flags = spin_lock(&lock);
	woken = wake_locked(&key, count, bits);
	spin_unlock(&lock, flags);
	return woken;
}

/* Those that are left of `from` go behind those of `to`. */
static long move_locked(const struct key *from, const struct key *to, int count)
{
	unsigned n = list_of(from);
	struct waiter **at = &lists[n].head, *moved = NULL, **end = &moved;
	long done = 0;

	while (*at && done < count) {
		struct waiter *w;

		if (!same(&(*at)->key, from)) {
			at = &(*at)->next;
			continue;
		}
		w = take(n, at);
		*end = w;
		end = &w->next;
		w->next = NULL;
		done++;
	}
	while (moved) {
		struct waiter *w = moved;

		moved = w->next;
		w->key = *to;
		append(w);
	}
	return done;
}

long futex_requeue(virt_addr_t va, virt_addr_t to, int wake_count, int move_count,
		   const u32 *value, unsigned how)
{
	struct key from_key, to_key;
	struct mm_word word;
	int err = find_key(va, how, false, &from_key);
	long done = 0;
	u64 flags;

	if (!err)
		err = find_key(to, how, false, &to_key);
	if (!err && value)
		err = mm_find_word(current_task()->mm, va, &word);
	if (err)
		return err;
	flags = spin_lock(&lock);
	if (value && __atomic_load_n(word.at, __ATOMIC_SEQ_CST) != *value) {
		spin_unlock(&lock, flags);
		return -EAGAIN;
	}
	if (wake_count > 0)
		done = wake_locked(&from_key, wake_count, FUTEX_ANY);
	done += move_locked(&from_key, &to_key, move_count);
	spin_unlock(&lock, flags);
	return done;
}

/* ---- The end of a thread -------------------------------------------------------------- */

void futex_wake_one(virt_addr_t va)
{
	futex_wake(va, 1, FUTEX_ANY, 0);
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
	struct task *t = current_task();
	u32 value = 0;

	if (va % sizeof(u32) || copy_from_user(&value, va, sizeof(value)))
		return;
	if (pending && !pi && !(value & FUTEX_TID))
		futex_wake_one(va);
	while ((value & FUTEX_TID) == (u32)t->pid) {
		u32 died = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		int done = mm_exchange_word(t->mm, va, &value, died);

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
	struct task *t = current_task();
	virt_addr_t list = t->robust_list, list32 = t->robust_list32;

	t->robust_list = t->robust_list32 = 0;
	release_list(list, false);
	release_list(list32, true);
}
