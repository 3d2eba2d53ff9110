/*
 * Sending signals: to a thread, to processes, to a parent, and by an exception.
 */
#ifndef KERNEL_LINUX_SIGNAL_SEND_H
#define KERNEL_LINUX_SIGNAL_SEND_H

#include "kernel/linux/abi_signal.h"
#include "kernel/linux/tree.h"

/*
 * Makes a signal pending for a thread, or for any thread of a process, and wakes a thread
 * that can take it.  0, or -EAGAIN: no room to queue a real-time signal.  process_lock is
 * held.
 */
int signal_send_thread(struct thread *t, const struct siginfo *info);
int signal_send_process(struct process *p, const struct siginfo *info);

/*
 * The current task did what an exception forbids: `signal` reaches its handler,
 * or ends the process if it is blocked or ignored.  trapno, error and addr go
 * into sigcontext (trapno, err, cr2).  Takes effect before the next return to
 * user mode.  Context: task context, interrupts on.
 */
void signal_force_fault(int signal, int code, u64 addr, unsigned trapno, u64 error);

/*
 * A thread of p has stopped or ended: if that was the last that a stop of the
 * process waited for, its parent is told.  process_lock is held.
 */
void signal_complete_stop(struct process *p);

/*
 * Tells a process that t stopped, went on or, with its process, ended (code CLD_x,
 * status): by `signal` (0: none), which if it is SIGCHLD must be wanted; and the
 * parent's waiting threads look again.  process_lock is held.
 */
void signal_notify_parent(struct process *parent, int signal, const struct thread *t, int code,
			  int status);

/*
 * t, which was seized, stops for its tracer when it can, whatever it does; or at once, once more,
 * if it is `listening` in a stop: then with this status, as wait4 tells it above its low byte.
 * process_lock is held.
 */
void signal_stop_seized(struct thread *t, int status);

/*
 * A frame could not be written or read: SIGSEGV for the current thread, and `why` for the
 * line of its death.  to_default: no handler can help.  Context: as signal_force_fault().
 */
void signal_force_segv(const char *why, bool to_default);

#endif
