/*
 * Numbers of threads, processes, groups and sessions, and their owners.
 */
#ifndef KERNEL_LINUX_NUMBERS_H
#define KERNEL_LINUX_NUMBERS_H

#include "kernel/base/list.h"
#include "kernel/base/types.h"

struct process;
struct thread;

#define PID_MAX 4194304 /* Linux's, on 64-bit machines; small numbers come round again then */

/* A number that is not in use; it comes again only after all others. */
int process_next_pid(void);

/*
 * All below: process_lock is held.
 *
 * By pid, or thread by thread id; NULL: none.  The leader is found until its process
 * is reaped, and may be `leaving`.
 */
struct process *process_find(int pid);
struct thread *process_find_thread(int tid);

/*
 * For a walk over all, in no order: the process behind *place (0: the first), which it
 * becomes; NULL: no more.
 */
struct process *process_next(u64 *place);

/* A thread gets, has another instead, or gives back (0) its number. */
void numbers_set_thread(struct thread *t, int pid);

/* The same of a process's group and session. */
void numbers_set_group(struct process *p, int pgid);
void numbers_set_session(struct process *p, int sid);

/* A process of the group, or NULL; all are in the same session. */
struct process *numbers_find_group(int pgid);

/*
 * The member of the group behind p, NULL: the first, with pauses (process_walk_next()); NULL
 * in the end.  `done` begins as 0.
 */
struct process *numbers_next_member(int pgid, struct process *p, unsigned *done);

#endif
