/*
 * Tasks: what runs.  A user task has an address space; a kernel thread has
 * none and runs on the pair of no process.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include "entry/entry.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/layout.h"
#include "kernel/base/percpu.h"
#include "kernel/base/types.h"
#include "mm/mm.h"

enum task_state { TASK_RUNNABLE, TASK_RUNNING, TASK_SLEEPING, TASK_ZOMBIE };

struct task {
	u64 sp;                /* kernel RSP while it does not run */
	virt_addr_t stack_top; /* of its kernel stack; pt_regs end here */
	struct mm *mm;         /* NULL: kernel thread */
	void *fpu;             /* a page, user tasks only */
	enum task_state state; /* under the scheduler's lock */
	bool on_cpu;           /* its stack is in use, whatever the state */
	int pid, ppid;         /* 0: kernel thread */
	char name[32];
	struct cpumask affinity;
	u64 fs_base, gs_base;  /* the user's, while it does not run */
	u16 ds, es, fs, gs;
	u64 wake_at;           /* clock_ns(), while in a list of sleepers */
	struct task *next;     /* in the run queue, or in a list of sleepers */
	struct task *waiter;   /* in task_wait() for this one */
	int status;            /* as wait4 gives it: code << 8 | signal */
	bool quiet;            /* neither what it writes nor its death by a signal
	                          is shown: for tests, which expect both */
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
 * A user task in `mm` (taken over; freed with it) that begins at ip with
 * stack pointer sp and all other registers zero.  NULL: no memory, mm stays.
 */
struct task *task_create_user(const char *name, struct mm *mm, virt_addr_t ip,
			      virt_addr_t sp);

/*
 * The idle task of this CPU, already running on the stack given.  NULL:
 * no memory.
 */
struct task *task_create_idle(virt_addr_t stack_top);

/* Ends the current task with a wait status. */
__noreturn void task_exit(int status);

/* Waits until t has ended, frees it, and returns its status.  Task context. */
int task_wait(struct task *t);

#define WAIT_STATUS(code, signal) (((code) & 0xff) << 8 | (signal))
#define WAIT_SIGNAL(status) ((status) & 0x7f)
#define WAIT_CODE(status) ((status) >> 8 & 0xff)

#endif
