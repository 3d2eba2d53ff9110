/*
 * Making, ending and freeing processes.
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

/*
 * Ends the current process, all its threads, with a wait status; or the current
 * thread alone, and with the last one the process.  The other threads leave
 * before they return to user mode.  Context: task context, interrupts on.
 */
__noreturn void process_exit(int status);
__noreturn void process_exit_thread(int status);

/*
 * Must the current thread end, because its process does or another of its threads execs?
 * process_lock is held, or what comes right now is seen the next time.
 */
static inline bool process_must_leave(void)
{
	const struct process *p = current_process();

	return unlikely(p->ending || (p->exec_by && p->exec_by != current_thread()));
}

/* The same, or was it killed: must it end before it runs user code again? */
bool process_must_die(void);

/*
 * For execve: ends all other threads and makes the current one the leader.  0,
 * or -EAGAIN: the process is ending, or another thread was first.
 */
int process_become_only_thread(void);

/*
 * The current thread leaves its address space for good, by exit or execve:
 * robust futexes, clear_child_tid, the parent of a vfork.
 */
void process_release_memory(void);

/* Takes a process that has ended from its parent.  process_lock is held. */
void process_unlink(struct process *p);

/* p has ended and will not be waited for: process_bury() frees it.  process_lock is held. */
void process_to_graveyard(struct process *p);

/* Frees the current process's ended threads, and unclaimed processes. */
void process_free_dead_threads(void);
void process_bury(void);

/*
 * Waits until the process that the kernel started with its first thread t has ended,
 * gives back the hold, frees the process, and returns its status.  Task context.
 */
int process_wait_for(struct thread *t);

#endif
