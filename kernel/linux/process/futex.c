/*
 * Futexes: which word of a program is meant, and the locks that a thread leaves behind.
 * kernel/task/waiters.c has the lists of those that wait, and wakes them.
 *
 * The key of a word is the id of its address space or shared object, and the place in
 * it.  The address space is locked while the word is compared, so the frame that is read
 * is still the program's.
 *
 * Source: futex(2), get_robust_list(2), Documentation/locking/robust-futex-ABI.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/process/futex.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/thread.h"
#include "kernel/task/sched.h"
#include "kernel/task/waiters.h"
#include "mm/space/uaccess.h"

static int check_address(virt_addr_t va)
{
	if (va % sizeof(u32))
		return -EINVAL;
	return user_range_ok(va, sizeof(u32)) ? 0 : -EFAULT;
}

/*
 * A word that is not private must be one that some thread can change: writable, or in
 * shared memory.  The thread that waits or wakes need not be that one.
 */
static int key_of(const struct mm_word *word, virt_addr_t va, unsigned flags, struct wait_key *key)
{
	if (flags & FUTEX_PRIVATE) {
		*key = (struct wait_key){ current_thread()->mm->id, va, true };
		return 0;
	}
	*key = (struct wait_key){ word->space, word->offset, false };
	return !word->writable && word->own ? -EFAULT : 0;
}

/* As mm_lock_word(); waits for memory, as a fault would. */
static int lock_word(virt_addr_t va, struct mm_word *word)
{
	return (int)OOM_RETRY(OOM_TOUCHES, mm_lock_word(current_thread()->mm, va, word));
}

/* A private word need not be there, only its address be possible. */
static int find_key(virt_addr_t va, unsigned flags, struct wait_key *key)
{
	struct mm_word word;
	int err = check_address(va);

	if (err || (flags & FUTEX_PRIVATE))
		return err ? err : key_of(NULL, va, flags, key);
	err = lock_word(va, &word);
	if (err)
		return err;
	err = key_of(&word, va, flags, key);
	mm_unlock_word(current_thread()->mm);
	return err;
}

/* ---- Waiting and waking ------------------------------------------------------------- */

/* Until woken, which may have been already. */
static long wait_listed(struct waiter *w, u64 when)
{
	long err;

	do {
		err = clock_ns() >= when ? -ETIMEDOUT : signal_interrupted() ? -ERESTARTSYS : 0;
		if (err)
			return waiters_leave(w) ? 0 : err;
	} while (!waiters_sleep(w, when));
	return 0;
}

long futex_wait(virt_addr_t va, u32 value, u32 bits, u64 when, unsigned flags)
{
	struct waiter w = { .task = current_task(), .bits = bits };
	struct mm_word word;
	int err = check_address(va);

	if (!err)
		err = lock_word(va, &word);
	if (err)
		return err;
	err = key_of(&word, va, flags, &w.key);
	if (!err && !waiters_add(&w, word.at, value))
		err = -EAGAIN;
	mm_unlock_word(current_thread()->mm);
	return err ? err : wait_listed(&w, when);
}

static long wake_all(virt_addr_t va, int count, u32 bits, unsigned flags, bool must_end)
{
	struct wait_key key;
	int err = find_key(va, flags, &key);

	return err ? err : waiters_wake(&key, count, bits, must_end);
}

long futex_wake(virt_addr_t va, int count, u32 bits, unsigned flags)
{
	return wake_all(va, count, bits, flags, false);
}

long futex_requeue(virt_addr_t va, virt_addr_t to, int wake, int move, const u32 *value,
		   unsigned flags)
{
	struct wait_key from_key, to_key;
	struct mm_word word;
	int err = find_key(va, flags, &from_key);
	long done;

	if (!err)
		err = find_key(to, flags, &to_key);
	if (!err && value)
		err = lock_word(va, &word);
	if (err)
		return err;
	done = waiters_move(&from_key, &to_key, wake, move, value ? word.at : NULL,
			    value ? *value : 0);
	if (value)
		mm_unlock_word(current_thread()->mm);
	return done;
}

/* ---- The end of a thread -------------------------------------------------------------- */

void futex_wake_one(virt_addr_t va)
{
	wake_all(va, 1, FUTEX_ANY, 0, true);
}

#define ROBUST_LIMIT 2048 /* entries that are looked at, as Linux does */
#define ROBUST_PI 1       /* in a pointer: a lock of a kind we do not have, without waiters */
#define FUTEX_TID 0x3fffffff
#define FUTEX_OWNER_DIED 0x40000000
#define FUTEX_WAITERS 0x80000000

/*
 * Marks a lock that the current thread holds, and wakes one that waits for it.  pending:
 * the thread may have released it just now, and not woken a waiter yet.
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
