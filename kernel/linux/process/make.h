/*
 * Making processes, their threads joining and leaving, freeing what has ended.
 */
#ifndef KERNEL_LINUX_PROCESS_MAKE_H
#define KERNEL_LINUX_PROCESS_MAKE_H

#include "kernel/linux/signal/signal.h"
#include "kernel/linux/tree.h"

/*
 * A process without threads that owns `mm`, not yet in the tree, with what a child has
 * of `parent` (NULL: root's ids, the kernel's limits).  NULL: no memory, mm stays the
 * caller's.  process_free() takes back both, and all threads; those have ended.
 */
struct process *process_create(struct mm *mm, const struct process *parent);
void process_free(struct process *p);

/*
 * Adds a thread, and takes over the caller's hold on it.  process_lock is held.
 */
void process_add_thread(struct process *p, struct thread *t);

/*
 * To the dead ones, with the list's hold; its number goes, unless it is the leader.
 * process_lock is held.
 */
void process_remove_thread(struct process *p, struct thread *t);

/* Makes p a child of `parent`.  process_lock is held. */
void process_adopt(struct process *parent, struct process *p);

/* Gives its leader a pid (1 for init, else the next) and makes it runnable. */
void process_start(struct thread *leader, int pid);

/* p has ended and will not be waited for: process_bury() frees it.  process_lock is held. */
void process_to_graveyard(struct process *p);

/* Frees the current process's ended threads, and unclaimed processes. */
void process_free_dead_threads(void);
void process_bury(void);

#endif
