/*
 * Processes: what the threads of one program share (kernel/linux/thread.h); kernel
 * threads belong to no process.
 *
 * Life: made by the kernel (process_create(), process_start()) or by fork;
 * `ending` when exit_group or a signal has told all threads to end; `ended`
 * when the last has, its memory being free by then; gone when its parent has
 * waited for it, or the kernel in process_wait_for().  Those that nobody waits for
 * (their parent is gone and there is no init, or ignores SIGCHLD) are buried by the
 * process that makes or waits for one next: process_bury().
 * A process is freed once, by the one that took it from its parent, from the
 * graveyard, or from process_wait_for(); process_free() first takes it out of the list of
 * all, so that one found by number or in a walk is good until process_lock is
 * released.  For other pointers, the comment at the field says why they are good.
 *
 * One lock, process_lock, guards all processes' trees, lists of threads,
 * signals and states; the few fields that it does not guard stand first.
 */
#ifndef KERNEL_LINUX_TREE_H
#define KERNEL_LINUX_TREE_H

#include "kernel/base/list.h"
#include "kernel/base/nospec.h"
#include "kernel/base/spinlock.h"
#include "kernel/linux/abi_signal.h"
#include "kernel/linux/limits.h"
#include "kernel/linux/numbers.h"
#include "kernel/linux/thread.h"
#include "kernel/linux/user.h"
#include "kernel/task/facts.h"

#define OTHER_GROUPS 32 /* as many as any Linux took until 2.6.4; 65536 today */

/* User and group: real, effective, saved; what other groups it is in. */
struct ids {
	u32 user[3], group[3];
	u32 others, other[OTHER_GROUPS];
};
enum { REAL_ID, EFFECTIVE_ID, SAVED_ID };

#define NR_ITIMERS 3

struct descriptors;
struct dentry;

struct process {
	/* Changed by single instructions, by its own threads. */
	u32 personality;   /* as personality() set it */
	u32 umask;         /* bits that new files' modes have not */
	bool no_new_privs; /* as prctl wants it kept */
	int parent_death_signal;
	u64 exec_pages; /* of address spaces that its threads' execve build */
	u64 started;    /* clock_ns(): with the number, it is this process's for good */

	/* Set before it has a thread, and by an execve, which is its only thread. */
	bool ia32;  /* a 32-bit program: i386's layouts */
	bool quiet; /* neither what it writes nor its death by a
	                                 signal is shown: for tests */

	/* Its own threads', from the first to the last; an execve, its only thread, may
	 * change it, and others read it, under process_lock.  A hold
	 * (kernel/fs/descriptors.h). */
	struct descriptors *files;

	/* The run queue's lock. */
	u64 run_ns; /* of all its threads ever, but since they were
	                                 switched to */

	/* All else: process_lock. */
	int pid;
	int parent_pid; /* 0: none; no lock needed to read it */
	int pgid, sid;
	struct link in_all;               /* in the list of all */
	struct link in_group, in_session; /* of all with like numbers */

	struct process *parent;     /* NULL: the kernel waits for it, or nobody.  It
	                                 changes when the parent ends */
	struct link children;       /* ended ones first, then in no order */
	struct link sibling;        /* in the parent's children */
	struct process *grave_next; /* in the graveyard */
	struct link waiting;        /* threads in do_wait(), which have seen all but
	                                 the first ones: process_wake_waiters() */
	u64 events;                 /* that they wait for */
	struct task *waiter;        /* in process_wait_for(): it frees the process */
	struct link tracees;        /* tasks with this process for a tracer */

	struct thread *leader;  /* its first thread, or the last that called
	                                 execve, perhaps ended; with a hold */
	struct link threads;    /* all that have not ended */
	unsigned alive;         /* in `threads` */
	struct task *dead;      /* ended, and not yet freed */
	struct thread *exec_by; /* the other threads must end for it; it clears
	                                 this itself when they have */

	struct mm *mm;               /* NULL: it has ended */
	u64 giving_back;             /* pages that were there, until they are free */
	struct dentry *exe;          /* its program, with a hold; NULL: bare code */
	struct dentry *cwd;          /* where relative paths begin, with a hold; changed under the
	                                 tree's lock (kernel/files/file_tree.h) as well */
	struct process_facts *facts; /* pti=deferred */
	bool has_execed;             /* since it was forked */

	bool ending;         /* all threads must end, with `status` */
	bool ended;          /* all have */
	bool unclaimed;      /* nobody will wait for it */
	int exit_signal;     /* to the parent at its end; 0: none */
	int status;          /* as wait4 gives it: code << 8 | signal */
	u64 children_run_ns; /* of children that were waited for */

	struct ids ids;
	struct user *user;      /* of the real uid: a hold */
	unsigned counted_tasks; /* with the user: user_count_tasks() */
	bool above_nproc;       /* since a setuid(): execve looks again */
	struct limit limits[NR_LIMITS];

	struct timer alarm; /* ITIMER_REAL's, if it is set */
	/* setitimer's, in ns: by its clock; 0: not set; 0: once */
	u64 timer_end[NR_ITIMERS], timer_interval[NR_ITIMERS];
	u64 user_ns, charged_ns; /* in user mode; of run_ns, at the last look */
	struct process_signals signals;
};
static_assert(sizeof(struct process) <= PAGE_SIZE, "a process is one frame");

extern struct spinlock process_lock;

/* What p wants done with the signal (1 to NR_SIGNALS).  process_lock is held. */
static inline struct signal_action *signal_action_of(struct process *p, int signal)
{
	u64 index = array_index_nospec((u64)signal - 1, ARRAY_SIZE(p->signals.action));

	return &p->signals.action[index];
}

/* Is that nothing: ignored, or by default so?  process_lock is held. */
static inline bool signal_does_nothing(struct process *p, int signal)
{
	u64 handler = signal_action_of(p, signal)->handler;

	return handler == SIG_IGN || (handler == SIG_DFL && (SIGNALS_IGNORED & SIGNAL_BIT(signal)));
}

/* What is pending for t, and has it been killed?  Then it must die, whatever else is due. */
static inline u64 signal_all_pending(const struct thread *t)
{
	return t->signals.pending.set | t->process->signals.pending.set;
}

static inline bool signal_kill_pending(const struct thread *t)
{
	return signal_all_pending(t) & SIGNAL_BIT(SIGKILL);
}

/* The process of the current task, which is a user task. */
static inline struct process *current_process(void)
{
	return current_thread()->process;
}

/* The same, NULL: a kernel thread or the boot. */
static inline struct process *calling_process(void)
{
	const struct task *t = current_task();

	return t && task_is_thread(t) ? current_process() : NULL;
}

/* May the current process do what Linux keeps for root? */
static inline bool process_is_privileged(void)
{
	return current_process()->ids.user[EFFECTIVE_ID] == 0;
}

/* Is it in the group, if this is its own one? */
static inline bool process_in_group(u32 group, u32 own)
{
	const struct ids *ids = &current_process()->ids;
	bool is_in = group == own;

	for (u32 i = 0; i < ids->others && !is_in; i++)
		is_in = ids->other[i] == group;
	return is_in;
}

/* Does the current process run with rights that its real user may not have? */
static inline bool process_ids_are_mixed(void)
{
	const struct ids *ids = &current_process()->ids;

	return ids->user[EFFECTIVE_ID] != ids->user[REAL_ID] ||
	       ids->group[EFFECTIVE_ID] != ids->group[REAL_ID];
}

/* The list of all, by in_all.  process_lock is held. */
extern struct link process_all;

/*
 * look(mm, arg) for the memory of each process, one behind the other, with a hold of it, and no
 * spinlock.  A task that is about to die leaves early.  Context: a task's, no spinlock held.
 */
void process_each_mm(void (*look)(struct mm *mm, void *arg), void *arg);

/*
 * process_lock, which the caller took with interrupts on, is free for a moment, and others
 * may run.
 */
void process_lock_pause(void);

/*
 * list_next() for a walk whose length programs choose: after every 8 elements it pauses.
 * `done` counts and begins as 0; the head must outlive the walk, all else may change.
 */
struct link *process_walk_next(const struct link *head, struct link *at, unsigned *done);

/*
 * Something changed that threads of p in wait4 may wait for; the next one is woken
 * for what it has not seen.  process_lock is held.
 */
void process_wake_waiters(struct process *p);
void process_wake_next_waiter(struct process *p);

/* p has another number, parent, group, session or other ids.  process_lock is held. */
void process_tell_facts(const struct process *p);

/* Has every process been freed?  Any context. */
bool process_none_left(void);

#endif
