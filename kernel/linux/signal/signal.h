/*
 * Signals, by Linux's rules: actions, masks, taking one; kernel/linux/signal/send.h has the
 * sending.
 */
#ifndef KERNEL_LINUX_SIGNAL_SIGNAL_H
#define KERNEL_LINUX_SIGNAL_SIGNAL_H

#include "kernel/linux/abi_signal.h"

struct thread;
struct process;

/* "SIGSEGV" and so on; "signal ?" for one not listed here. */
const char *signal_name(int signal);

/*
 * A child of fork and a new thread take over the calling thread's mask; nothing is
 * pending.  At exec, handlers go back to the default.  process_lock is held.
 */
void signal_copy_mask(struct thread *child, const struct thread *parent);
void signal_reset_at_exec(struct process *p);

/*
 * Does p want no zombies: is SIGCHLD ignored, or SA_NOCLDWAIT set?
 * process_lock is held.
 */
bool signal_ignores_children(const struct process *p);

/* Is something pending that is not blocked?  Then a sleep must end with -EINTR. */
bool signal_pending(void);

/* ---- For system calls, those of i386 included ---------------------------------- */

/*
 * Replaces the current thread's mask; SIGKILL and SIGSTOP are left out.  The
 * second: process_lock is held.
 */
void signal_set_blocked(u64 blocked);
void signal_set_blocked_locked(u64 blocked);

/*
 * sigaltstack of a thread whose stack pointer is sp: 0, -EPERM (it is on that
 * stack), -EINVAL, -ENOMEM (less than MINSIGSTKSZ bytes).  new and old may be NULL.
 */
int signal_set_stack(const struct signal_stack *new, struct signal_stack *old, u64 sp);

/*
 * After a sleep that came back early: must it end, because of a signal?  Forgets a
 * work_due that has no reason any more.  Context: task context.
 */
bool signal_interrupted(void);

/* ---- For the other files on signals ------------------------------------------- */

/*
 * What is pending goes: of the current thread, `leaving`, so that nothing more comes, or
 * of a process that is being freed.  Context: no lock held.
 */
void signal_forget(struct pending_signals *pending);

/*
 * Something became pending for t, or a stop ended: t must look before it runs user code.  One
 * that is frozen sleeps on: its tracer wakes it then.  process_lock is held.
 */
void signal_wake(struct thread *t);

/*
 * t, the current thread, takes nothing any more, or has changed its mask by itself: wakes
 * other threads for what is pending for the process, and t for what it can take.
 * process_lock is held.
 */
void signal_look_again(struct thread *t);

/*
 * A stop of p has ended: one of those that stopped goes on, and wakes the next.
 * process_lock is held.
 */
void signal_wake_next_stopped(struct process *p);

/*
 * Takes the first pending signal that is in `ready` from a thread or else its
 * process; 0: none.  process_lock is held.
 */
int signal_take(struct thread *t, u64 ready, struct siginfo *info);

#endif
