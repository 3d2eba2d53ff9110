/*
 * Tasks that sleep under a key until another task wakes them: the lists behind futexes.
 */
#ifndef KERNEL_TASK_WAITERS_H
#define KERNEL_TASK_WAITERS_H

#include "kernel/base/list.h"
#include "kernel/base/types.h"

struct task;

/*
 * What is waited for: a place in something whose id is never given twice, so that a key
 * may outlive what it names.
 */
struct wait_key {
	u64 space, offset;
	bool private; /* `space` is an address space, else a shared object */
};

/* On the stack of the task that waits. */
struct waiter {
	struct link in_list;
	struct task *task;
	struct wait_key key;
	u64 ticket; /* ascending in each list */
	u32 bits;   /* it wants only wake-ups that have one of these */
	bool woken;
};

/*
 * Lists w behind all others of its key, unless the word is not `value` any more: whoever
 * changes the word and then wakes finds w.  False: it is not listed.
 */
bool waiters_add(struct waiter *w, const u32 *word, u32 value);

/*
 * Sleeps once, at the most until clock_ns() >= when, and may come back early.  True: w was
 * woken before, and is listed no more.  Task context.
 */
bool waiters_sleep(struct waiter *w, u64 when);

/* w waits no more.  True: it was woken before. */
bool waiters_leave(struct waiter *w);

/*
 * Wakes at most `count`, but at least one, of those under the key with one of these bits;
 * returns how many.  Others run meanwhile; must_end: it goes on even if the current task
 * must die.  Task context, no lock held.
 */
long waiters_wake(const struct wait_key *key, int count, u32 bits, bool must_end);

/*
 * Wakes up to `wake` and lets up to `move` more wait under `to` instead; with a word, only
 * if it is `value`, else -EAGAIN.  Returns how many in all.
 */
long waiters_move(const struct wait_key *from, const struct wait_key *to, int wake, int move,
		  const u32 *word, u32 value);

#endif
