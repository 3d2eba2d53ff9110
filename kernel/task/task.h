/*
 * Tasks: what runs.  A user task has an address space; a kernel thread has
 * none and runs on the pair of no process.
 *
 * Life: counted in `holds`; the last task_put() frees the task.  Holds are had by
 *   whoever made it, until process_add_thread() takes that hold over;
 *   the process's lists of threads and of dead ones: one, until the process frees
 *     its dead threads or is freed itself;
 *   process->leader: one, so the leader that has ended stays until the process is
 *     reaped, or another thread's execve takes its place;
 *   the kernel code that will call process_wait_for(): one, from thread_create().
 * Every other pointer to a task says beside its field why it is good while it is
 * there.  One found by number is good until process_lock is released.
 * The process of a task outlives it: process_free() first puts all its tasks.
 *
 * The fields stand below by the lock that guards them (kernel/base/lock_rank.h).
 */
#ifndef KERNEL_TASK_TASK_H
#define KERNEL_TASK_TASK_H

#include "arch/state/user_state.h"
#include "entry/entry.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/layout.h"
#include "kernel/base/list.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/percpu.h"
#include "kernel/base/timers.h"
#include "kernel/base/types.h"
#include "mm/space/mm.h"

enum task_state { TASK_NEW, TASK_RUNNABLE, TASK_RUNNING, TASK_SLEEPING, TASK_ZOMBIE };

struct task {
	/* Set before it first runs. */
	virt_addr_t stack_top;  /* of its kernel stack */
	size_t object_size;     /* of what it is the first member of */
	struct pt_regs *regs;   /* with which it entered the kernel, if it is of a program:
	                         * at the stack's top, or its PTI stack's (direct map) */
	u64 *group_run_ns;      /* where run_ns is counted, too: its process's; NULL: nowhere */
	bool (*must_die)(void); /* is it, running, about to die?  NULL: never */

	/* Changed by single instructions, by anybody. */
	u32 holds;     /* see above */
	bool work_due; /* before user mode: a signal, or the end */

	/* The task's own; others read them under process_lock, and a tracer changes
	 * `user` of one that has stopped. */
	struct mm *mm; /* NULL: kernel thread.  In execve under process_lock */
	char name[32];
	struct user_state user;  /* all zero: a kernel thread */
	struct lock_stack locks; /* sleep locks that it holds: the debug build's */

	/* The run queue's lock. */
	enum task_state state;
	bool on_cpu;               /* its stack is in use, whatever the state */
	unsigned cpu;              /* on which it runs, or ran last */
	u64 sp;                    /* kernel RSP while it does not run */
	u64 run_ns, running_since; /* time on a CPU, up to running_since */
	struct cpumask affinity;   /* once started */
	bool anywhere;             /* it is all CPUs, those that there are not included */
	u64 slice_ns;              /* it runs at a stretch beside others; no lock needed */
	struct timer sleeper;      /* when it wakes by itself, if it is in a set: of the */
	unsigned sleeps_on;        /* sleepers of this CPU */
	struct link in_queue;      /* in the run queue `queue`; queued, or asleep with a */
	unsigned queue;            /* time, it has not ended */
	u64 turn;                  /* of all that were queued, which it was */
	struct task *waiter;       /* in sched_wait_for_exit() for this one, asleep until
	                           this is cleared */

	/* The guard of the sleep lock that it waits for. */
	struct task *lock_next, *lock_prev; /* other waiters; it leaves before it ends */
	bool has_lock;                      /* that it has waited for */

	/* process_lock. */
	int pid;                /* of this thread; 0: kernel thread */
	int status;             /* of its end, as process->status */
	bool leaving;           /* it takes no signals any more */
	struct task *dead_next; /* in process->dead */
};

static inline struct task *current_task(void)
{
	return this_cpu_read(current);
}

/* Is the current task to end before it runs user code again?  Task context. */
static inline bool task_must_die(void)
{
	const struct task *t = current_task();

	return t->must_die && t->must_die();
}

/* Is it of a program, a struct thread (kernel/linux/thread.h)? */
static inline bool task_is_thread(const struct task *t)
{
	return t->user.fpu != NULL;
}

/* The registers with which a user task entered the kernel. */
static inline struct pt_regs *task_regs(const struct task *t)
{
	return t->regs;
}

/*
 * A kernel thread that will run fn(arg), which must not return; not yet runnable: see
 * sched_start().  NULL: no memory.
 */
struct task *task_create(const char *name, void (*fn)(void *), void *arg);

/* The same, the first member of an object of `size` bytes, the rest zero: a frame at most. */
struct task *task_create_in(size_t size, const char *name, void (*fn)(void *), void *arg);

/*
 * For a task that has not run: where entry_switch_to() finds its first registers, so
 * that it begins in fn(arg), `below` bytes under the top of its stack.
 */
void task_prepare_stack(struct task *t, u64 below, void (*fn)(void *), void *arg);

/*
 * A hold more, and one less.  The last frees a task that never ran, or waits until
 * it is a zombie and off its CPU.  task_put(): task context, no spinlock.
 */
static inline void task_get(struct task *t)
{
	__atomic_fetch_add(&t->holds, 1, __ATOMIC_RELAXED);
}
void task_put(struct task *t);

/*
 * The same for a list of threads, by dead_next: many stacks cost one flush of all
 * CPUs.  Context: no lock held; others may run.
 */
void task_put_dead(struct task *list);

/*
 * The idle task of this CPU, already running on the stack given.  NULL:
 * no memory.
 */
struct task *task_create_idle(virt_addr_t stack_top);

#define WAIT_STATUS(code, signal) ((0xff & (code)) << 8 | (signal))
#define WAIT_SIGNAL(status) (0x7f & (status))
#define WAIT_CODE(status) ((status) >> 8 & 0xff)

#endif
