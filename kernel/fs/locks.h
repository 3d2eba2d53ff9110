/*
 * Locks on files, which bind those who ask for them: fcntl()'s on ranges of bytes, of a
 * table of descriptors or of an open file, and flock()'s on whole files, of an open file.
 */
#ifndef KERNEL_FS_LOCKS_H
#define KERNEL_FS_LOCKS_H

#include "kernel/base/list.h"
#include "kernel/base/types.h"

#define LOCK_TO_END ((1ULL << 63) - 1)

#define LOCK_OF_FILE (-1) /* fcntl()'s, of an open file */

struct lock_range {
	u64 start, end; /* of bytes; both are in it */
	u32 type;       /* F_RDLCK, F_WRLCK, F_UNLCK */
	int pid;        /* who asked, for F_GETLK; LOCK_OF_FILE; 0: flock() */
};

/*
 * Of a list of an inode.  From now on the owner's lock on the range is of that type, whatever
 * it was: 0, -EAGAIN (another's is in the way), -ENOLCK (no memory), -EINTR; if `wait`,
 * -ERESTARTSYS instead of -EAGAIN, or, for a table, -EDEADLK: whoever has the other's lock waits
 * for this owner.  Context of all: a task's, no spinlock held.
 */
int locks_set(struct link *locks, const void *owner, const struct lock_range *want, bool wait);

/* What is in the way of such a lock; or type becomes F_UNLCK.  0 or -EINTR. */
int locks_test(struct link *locks, const void *owner, struct lock_range *want);

/* The owner has none any more.  May sleep. */
void locks_drop_all(struct link *locks, const void *owner);
static inline void locks_drop(struct link *locks, const void *owner)
{
	if (unlikely(list_first(locks)))
		locks_drop_all(locks, owner);
}

#endif
