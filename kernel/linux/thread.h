/*
 * Threads of programs: tasks with a process, signals, and what Linux keeps of them.
 *
 * Life: that of the task (kernel/task/task.h), whose holds count.  A pointer to a thread
 * is good for as long as one to its task would be.
 */
#ifndef KERNEL_LINUX_THREAD_H
#define KERNEL_LINUX_THREAD_H

#include "kernel/linux/abi_signal.h"
#include "kernel/task/task.h"

struct process;

/* Does its tracer see its system calls, or make them in the kernel's place? */
enum trace_calls { TRACE_NO_CALLS, TRACE_CALLS, TRACE_EMULATES };

/* Of a thread that is traced: kernel/trace/tracee.c. */
struct trace {
	bool seized;          /* by PTRACE_SEIZE */
	bool interrupted;     /* it must stop */
	bool listening;       /* it has, and only waits for what comes next */
	bool in_call;         /* the stop at the call's beginning has been */
	bool call_ends;       /* the one behind it is due */
	u8 calls;             /* enum trace_calls, since it went on last */
	u32 options;          /* PTRACE_O_x */
	u64 message;          /* PTRACE_GETEVENTMSG's */
	struct siginfo *info; /* of the signal, or the event, that it has stopped for */
};

struct thread {
	struct task; /* the first: see task_of(); its members are this one's, too */

	/* Set once, by process_add_thread(); the process outlives its threads. */
	struct process *process;

	/* process_lock */
	struct link in_process;      /* in process->threads */
	struct link by_number;       /* of all threads with like numbers */
	struct link in_stop;         /* in process->signals.stopped */
	struct link in_wait;         /* in process->waiting, while it is in do_wait() */
	u64 events_seen;             /* there, of process->events */
	struct task_signals signals; /* what comes behind `forced` is its own */
	struct process *tracer;      /* ptrace: gets its stops; NULL: nobody.  Cleared when
	                            the tracer ends, or the thread */
	struct link of_tracer;       /* in tracer->tracees */
	struct trace trace;
	bool traced_by_root;         /* root, which may read any memory, agreed to it */
	int stop_signal;             /* it has stopped for this one, an event's number
	                            above it; 0: it has not */
	bool stop_reported;          /* and wait4 has said so */
	struct thread *vfork_child;  /* it waits until this one execs or ends */
	struct thread *vfork_parent; /* the other way.  Both are cleared together before
	                            either can end */

	/* Its own: no lock. */
	struct thread_choices *choices; /* in its PTI stack's page, or: */
	struct thread_choices own;      /* without pti=deferred */
	virt_addr_t set_child_tid;      /* to be written at its start; 0: no */
	virt_addr_t robust_list;        /* futexes to be released at its end */
	u32 robust_list32;              /* the same, of i386's layout */
	u64 exec_pages;                 /* its part of the process's */
};
static_assert(sizeof(struct thread) <= PAGE_SIZE, "a thread is one frame");

static inline struct task *task_of(const struct thread *t)
{
	return (struct task *)t;
}

/* The thread that a task is; NULL: it is a kernel thread. */
static inline struct thread *thread_of(const struct task *t)
{
	return task_is_thread(t) ? (struct thread *)t : NULL;
}

/* The current task, which is of a program. */
static inline struct thread *current_thread(void)
{
	return (struct thread *)current_task();
}

/* The registers with which it entered the kernel. */
static inline struct pt_regs *thread_regs(const struct thread *t)
{
	return task_regs(task_of(t));
}

#endif
