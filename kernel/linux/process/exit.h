/*
 * The end of threads and processes, and what of it others wait for.
 */
#ifndef KERNEL_LINUX_PROCESS_EXIT_H
#define KERNEL_LINUX_PROCESS_EXIT_H

#include "kernel/linux/thread.h"
#include "kernel/linux/tree.h"

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

/*
 * Waits until the process that the kernel started with its first thread t has ended,
 * gives back the hold, frees the process, and returns its status.  Task context.
 */
int process_wait_for(struct thread *t);

#endif
