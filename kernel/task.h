/*
 * Tasks: what runs.  A user task has an address space; a kernel thread has
 * none and runs on the pair of no process.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include "arch/debugreg.h"
#include "arch/io_bitmap.h"
#include "arch/tls.h"
#include "entry/entry.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/layout.h"
#include "kernel/base/percpu.h"
#include "kernel/base/types.h"
#include "kernel/signal.h"
#include "mm/mm.h"

enum task_state { TASK_NEW, TASK_RUNNABLE, TASK_RUNNING, TASK_SLEEPING, TASK_ZOMBIE };

struct task {
	u64 sp;                /* kernel RSP while it does not run */
	virt_addr_t stack_top; /* of its kernel stack; pt_regs end here */
	struct mm *mm;         /* NULL: kernel thread */
	void *fpu;             /* a page, user tasks only */
	enum task_state state; /* under the scheduler's lock */
	bool on_cpu;           /* its stack is in use, whatever the state */
	unsigned cpu;          /* on which it runs, or ran last */
	struct process *process; /* NULL: kernel thread */
	struct task *thread_next; /* in process->threads, or ->dead */
	int pid;               /* of this thread; 0: kernel thread */
	bool work_due;         /* before user mode: a signal, or the end */
	struct task_signals signals;
	struct process *tracer; /* ptrace: who gets its stops; NULL: nobody */
	bool traced_by_root;   /* root agreed to it, who may read any memory */
	int stop_signal;       /* it has stopped for this one; 0: it has not */
	bool stop_reported;    /* and wait4 has said so */
	struct task *lock_next;    /* among those that wait for a sleep lock */
	bool has_lock;             /* that it has waited for */
	struct task *vfork_child;  /* it waits until this one execs or ends */
	struct task *vfork_parent; /* the other way */
	virt_addr_t set_child_tid; /* to be written at its start; 0: no */
	virt_addr_t clear_child_tid; /* cleared at its end, a futex woken */
	virt_addr_t robust_list;   /* futexes to be released at its end */
	u32 robust_list32;         /* the same, of i386's layout */
	u64 run_ns, running_since; /* time on a CPU, up to running_since */
	char name[32];
	struct cpumask affinity;   /* under the scheduler's lock, once started */
	u64 fs_base, gs_base;  /* the user's, while it does not run */
	u16 ds, es, fs, gs;
	struct task_tls tls;
	struct task_io io;
	struct task_debugregs debug;
	u64 wake_at;           /* clock_ns(), while in a list of sleepers */
	struct task *next;     /* in the run queue, or in a list of sleepers */
	struct task *waiter;   /* in task_wait() for this one */
	int status;            /* of its end, as process->status */
};
static_assert(sizeof(struct task) <= PAGE_SIZE, "a task is one frame");

static inline struct task *current_task(void)
{
	return this_cpu_read(current);
}

/* The registers with which a user task entered the kernel. */
static inline struct pt_regs *task_regs(const struct task *t)
{
	return (struct pt_regs *)t->stack_top - 1;
}

/*
 * A kernel thread that will run fn(arg) and must end in task_exit(); not yet
 * runnable: see sched_start().  NULL: no memory.
 */
struct task *task_create(const char *name, void (*fn)(void *), void *arg);

/*
 * A process in `mm` (taken over; freed with it) and its first thread, which
 * begins at ip with stack pointer sp and all other registers zero.  NULL: no
 * memory, mm stays.
 */
struct task *task_create_user(const char *name, struct mm *mm, virt_addr_t ip,
			      virt_addr_t sp);

/*
 * A copy of the current user task, which returns 0 from the same system call;
 * of no process yet.  NULL: no memory.
 */
struct task *task_fork(void);

/* Gives back a task that never ran, or is a zombie and off its CPU. */
void task_free(struct task *t);

/*
 * The idle task of this CPU, already running on the stack given.  NULL:
 * no memory.
 */
struct task *task_create_idle(virt_addr_t stack_top);

/* Ends the current kernel thread with a wait status. */
__noreturn void task_exit(int status);

/*
 * Waits until t, a kernel thread or the leader of a process that the kernel
 * started, has ended, frees it and the process, and returns the status.  Task
 * context.
 */
int task_wait(struct task *t);

#define WAIT_STATUS(code, signal) (((code) & 0xff) << 8 | (signal))
#define WAIT_SIGNAL(status) ((status) & 0x7f)
#define WAIT_CODE(status) ((status) >> 8 & 0xff)

#endif
