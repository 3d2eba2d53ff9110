/*
 * The order of all locks.  A CPU or a task that holds a lock may take only locks
 * that stand below it here: so no two can wait for each other.  A lock has its rank
 * from where it is defined; the debug build checks every taking against this table
 * (kernel/base/lock_check.h).
 *
 * Three kinds:
 *   WAITS   held by a task, which may wait for anything under it
 *   SLEEPS  held by a task, which may give its CPU away under it and wait for other
 *           CPUs' answers, or for a lock; not for what another task will do: that one
 *           may be waiting for this very lock
 *   SPINS   held by a CPU, interrupts off.  Under it nothing sleeps, touches user
 *           memory or waits for other CPUs: they may be spinning for this very lock,
 *           with interrupts off, and would never answer
 *
 * Not locks, though they look like it: holds (task, mm, shared, user), which count
 * the users of a thing; the flag by which the first CPU that panics stops the others.
 */
#ifndef KERNEL_BASE_LOCK_RANK_H
#define KERNEL_BASE_LOCK_RANK_H

enum lock_kind { WAITS, SLEEPS, SPINS };

/*   rank         kind    name                 where, and what it guards */
#define LOCK_RANKS(LOCK)                                                                           \
	LOCK(FILE_POSITION, WAITS, "file position") /* kernel/fs/file.h: of one file */            \
	LOCK(EPOLL, WAITS, "epoll")                 /* kernel/fs/epoll.c: all items */             \
	LOCK(PIPE, WAITS, "pipe")                   /* kernel/fs/pipe.c: one pipe's ring */        \
	LOCK(TTY_PIPE, WAITS, "tty pipe")           /* kernel/files/tty.c: reading a pipe */       \
	LOCK(INODE, WAITS, "inode->lock")    /* kernel/files/inode.h: a file's size, its writer */ \
	LOCK(AUDIT, SLEEPS, "audit")         /* kernel/proc/postern.c: one audit at a time */      \
	LOCK(FILE_TREE, SLEEPS, "file tree") /* kernel/files/file_tree.h: names, inodes */         \
	LOCK(FILE_LOCKS, SLEEPS, "file locks") /* kernel/fs/locks.c: who has which */              \
	LOCK(OOM_MEASURE, SLEEPS,                                                                  \
	     "oom measure")               /* kernel/linux/process/oom.c: mm->measured of all */    \
	LOCK(MM, SLEEPS, "mm->lock")      /* mm/space/mm.h: areas and page tables */               \
	LOCK(LDT, SLEEPS, "mm->ldt.lock") /* arch/state/ldt.c: making the next LDT */              \
	LOCK(IPI_CALL, SPINS,                                                                      \
	     "ipi call") /* arch/machine/ipi_call.c: the one call under way;      \
	                                             whoever waits for it answers it */                \
	LOCK(PROCESS, SPINS,                                                                       \
	     "process_lock")        /* kernel/linux/tree.c: the tree, threads,               \
	                                             signals and states of all processes */     \
	LOCK(FUTEX, SPINS, "futex") /* kernel/task/waiters.c: tasks that wait for a word */        \
	LOCK(DESCRIPTORS, SPINS, "descriptors") /* kernel/fs/descriptors.c: a table of them */     \
	LOCK(WAIT_QUEUE, SPINS, "wait queue") /* kernel/task/wait_queue.c: who waits for a file */ \
	LOCK(EPOLL_READY, SPINS, "epoll ready") /* kernel/fs/epoll.c: of one set */                \
	LOCK(POLLER, SPINS, "poller")           /* kernel/fs/poll.c: was it told? */               \
	LOCK(SLEEP_GUARD, SPINS,                                                                   \
	     "sleep lock's guard") /* kernel/base/sleep_lock.h: who                   \
	                                             waits for that lock */            \
	LOCK(RUN_QUEUE, SPINS,                                                                     \
	     "run queue")             /* kernel/task/sched.c: states of tasks, run             \
	                                             queues, sleepers; held over a switch */   \
	LOCK(SHARED, SPINS, "shared") /* mm/space/shared.c: trees of shared objects */             \
	LOCK(KEPT, SPINS, "kept")     /* mm/space/mm.c, mm/space/task_stacks.c: for the next */    \
	LOCK(VMAP, SPINS, "vmap")     /* mm/space/vmap.c: cells for stacks */                      \
	LOCK(KERNEL_MAP, SPINS, "kernel map") /* mm/space/vmap.c: making tables of slot 402 */     \
	LOCK(SLAB, SPINS, "slab")             /* mm/frames/slab.h: a cache's objects */            \
	LOCK(FRAMES, SPINS, "frames")         /* mm/frames/frame.c: which frames are free */       \
	LOCK(RANDOM, SPINS, "random")         /* arch/machine/random.c: the generator's key */     \
	LOCK(TTY_POLL, SPINS, "tty poll")     /* kernel/files/tty.c: reading COM1 */               \
	LOCK(TERMINAL, SPINS, "terminal") /* kernel/fs/terminal.c: its settings, what was typed */ \
	LOCK(REPORT, SPINS, "report") /* kernel/debug/watchdog.c: the back-trace that          \
	                                             another CPU is asked for */   \
	LOCK(LOG, SPINS, "log")       /* kernel/base/log.c: COM1 and its ring */

/* 0: a lock that was given no rank, which the debug build refuses. */
#define LOCK_ENUM(rank, kind, name) LOCK_##rank,
enum lock_rank { LOCK_WITHOUT_RANK, LOCK_RANKS(LOCK_ENUM) NR_LOCK_RANKS };
#undef LOCK_ENUM

#endif
