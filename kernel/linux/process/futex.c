/*
 * Futexes: sleeping until another thread says that a word of memory has changed; and the
 * locks that a thread leaves behind.
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
#include "kernel/linux/abi.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/process/futex.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "kernel/linux/user_time.h"
#include "kernel/task/sched.h"
#include "kernel/task/waiters.h"
#include "mm/space/uaccess.h"

/* ---- Which word? -------------------------------------------------------------------- */

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
	if (flags & FUTEX_PRIVATE_FLAG) {
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

	if (err || (flags & FUTEX_PRIVATE_FLAG))
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

/* While the word is `value`, until a wake-up whose bits meet ours, or the time `when`. */
static long wait_until(virt_addr_t va, u32 value, u32 bits, u64 when, unsigned flags)
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

/* When a wait is over, in clock_ns(). */
static int read_timeout(const struct pt_regs *regs, u64 *when)
{
	unsigned op = (u32)regs->si;
	struct timespec ts;
	int err;

	*when = TIME_NEVER;
	if (!regs->r10)
		return 0;
	err = timespec_read(&ts, regs->r10);
	if (err)
		return err;
	*when = timespec_ns(&ts);
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT)
		*when += clock_ns();
	else if (op & FUTEX_CLOCK_REALTIME)
		*when = time_of_realtime(*when);
	return 0;
}

static long wait(const struct pt_regs *regs, u32 bits)
{
	u64 when;
	long err = read_timeout(regs, &when);

	if (!err && bits == 0)
		err = -EINVAL;
	if (!err)
		err = wait_until(regs->di, (u32)regs->dx, bits, when, (u32)regs->si);
	/* A time that is counted from the call must not begin again. */
	return err == -ERESTARTSYS && regs->r10 ? -EINTR : err;
}

/* At most `count`, but at least one; how many, or an error. */
static long wake(virt_addr_t va, int count, u32 bits, unsigned flags, bool must_end)
{
	struct wait_key key;
	int err = find_key(va, flags, &key);

	return err ? err : waiters_wake(&key, count, bits, must_end);
}

/* Lets those that are not woken wait for another word; with `value`, if the first is that. */
static long requeue(const struct pt_regs *regs, const u32 *value)
{
	int count = (int)regs->dx, move = (int)regs->r10;
	unsigned flags = (u32)regs->si;
	struct wait_key from, to;
	struct mm_word word;
	long done;
	int err;

	if (count < 0 || move < 0)
		return -EINVAL;
	err = find_key(regs->di, flags, &from);
	if (!err)
		err = find_key(regs->r8, flags, &to);
	if (!err && value)
		err = lock_word(regs->di, &word);
	if (err)
		return err;
	done = waiters_move(&from, &to, count, move, value ? word.at : NULL, value ? *value : 0);
	if (value)
		mm_unlock_word(current_thread()->mm);
	return done;
}

/* Arguments are checked in Linux's order. */
long sys_futex(struct pt_regs *regs)
{
	unsigned op = (u32)regs->si, command = op & FUTEX_CMD_MASK;
	u32 value = (u32)regs->r9;

	if (op & ~(FUTEX_CMD_MASK | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME) ||
	    ((op & FUTEX_CLOCK_REALTIME) && command != FUTEX_WAIT_BITSET))
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT: return wait(regs, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET: return wait(regs, value);
	case FUTEX_WAKE: return wake(regs->di, (int)regs->dx, FUTEX_BITSET_MATCH_ANY, op, false);
	case FUTEX_WAKE_BITSET:
		return value ? wake(regs->di, (int)regs->dx, value, op, false) : -EINVAL;
	case FUTEX_REQUEUE: return requeue(regs, NULL);
	case FUTEX_CMP_REQUEUE: return requeue(regs, &value);
	default: return -ENOSYS;
	}
}

/* ---- The end of a thread -------------------------------------------------------------- */

void futex_wake_one(virt_addr_t va)
{
	wake(va, 1, FUTEX_BITSET_MATCH_ANY, 0, true);
}

#define ROBUST_HEAD_WORDS 3
#define ROBUST_LIMIT 2048 /* entries that are looked at, as Linux does */
#define ROBUST_PI 1       /* in a pointer: a lock of a kind we do not have, without waiters */

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
	if (pending && !pi && !(value & FUTEX_TID_MASK))
		futex_wake_one(va);
	while ((value & FUTEX_TID_MASK) == (u32)t->pid) {
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

/* `width`: bytes of the list's words. */
static void release_list(virt_addr_t list, unsigned width)
{
	u64 head[ROBUST_HEAD_WORDS], entry, next; /* head: next, offset, pending */
	u64 pending, offset;

	if (!list || abi_read_words(head, list, ROBUST_HEAD_WORDS, width))
		return;
	offset = width == sizeof(u32) ? (u64)(s32)head[1] : head[1];
	pending = head[2] & ~(u64)ROBUST_PI;
	entry = head[0];
	for (unsigned i = 0; i < ROBUST_LIMIT && (entry & ~1ULL) != list; i++) {
		virt_addr_t at = entry & ~(u64)ROBUST_PI;
		bool more = !abi_read_words(&next, at, 1, width);

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
	release_list(list, sizeof(u64));
	release_list(list32, sizeof(u32));
}

/* i386's are lists of their own. */
long sys_set_robust_list(struct pt_regs *regs)
{
	struct thread *t = current_thread();

	if (regs->si != ROBUST_HEAD_WORDS * abi_width())
		return -EINVAL;
	if (abi_is_ia32())
		t->robust_list32 = (u32)regs->di;
	else
		t->robust_list = regs->di;
	return 0;
}

/* That of thread `tid`, 0: the caller: 0, -ESRCH, or -EPERM. */
static long get_robust_list(int tid, u64 *list)
{
	SPIN_GUARD(&process_lock);
	struct thread *t = tid ? process_find_thread(tid) : current_thread();

	if (!t)
		return -ESRCH;
	*list = abi_is_ia32() ? t->robust_list32 : t->robust_list;
	return creds_may_trace(t->process) ? 0 : -EPERM;
}

long sys_get_robust_list(struct pt_regs *regs)
{
	u64 list;
	long err = get_robust_list((int)regs->di, &list);

	if (err)
		return err;
	return abi_put_word(regs->dx, ROBUST_HEAD_WORDS * abi_width()) ||
			       abi_put_word(regs->si, list) ?
		       -EFAULT :
		       0;
}
