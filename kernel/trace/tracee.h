/*
 * ptrace: one process looks at another's threads while they are stopped.  Here is the
 * side of the thread that is traced; the system call is in kernel/trace/calls/.
 */
#ifndef KERNEL_TRACE_TRACEE_H
#define KERNEL_TRACE_TRACEE_H

#include "kernel/linux/tree.h"

#define pt_regs uapi_pt_regs /* the header's is not ours */
#include <linux/ptrace.h>
#undef pt_regs

/* si_code of a stop at a system call, but for PTRACE_O_TRACESYSGOOD's bit. */
#define TRACE_CALL_CODE SIGTRAP
#define TRACE_CALL_GOOD 0x80

/*
 * The current, traced thread takes part in a stop of its process, for that signal.
 * process_lock is held, and free in between; so in the next one.
 */
void ptrace_group_stop(int signal);

/*
 * It stops before it acts on a signal; the tracer may change it, and then stands in *info
 * as its sender.  Returns the signal to go on with; 0: the thread gets none.
 */
int ptrace_signal_stop(int signal, struct siginfo *info);

/*
 * Is there a stop that has waited for the way to user mode: behind a system call, or one
 * that the tracer asked for (PTRACE_INTERRUPT)?  Makes it, and says so.  process_lock as
 * above; the thread has a tracer.
 */
bool ptrace_stop_due(void);

/*
 * PTRACE_EVENT_x, if the current thread has a tracer that wants it: stops, and has
 * `message` for PTRACE_GETEVENTMSG.  Context: no lock held.
 */
void ptrace_event(int event, u64 message);

/* The event that a clone with such flags is. */
int ptrace_event_of_clone(u64 flags);

/*
 * t, which has not run yet, has been made by the current thread with these flags: it has
 * its tracer, if that one wants so, and stops first.  process_lock is held.
 */
void ptrace_new_thread(struct thread *t, u64 flags);

/* A stepped instruction ended in a handler: stop with SIGTRAP. */
void ptrace_report_step(void);

/*
 * The same behind a system call, if it was stepped: the processor would trap one
 * instruction later.  True: the thread has stopped; the caller does what is due before
 * user mode and asks again, once more.  Context: nothing is due, interrupts off; they
 * are on after a stop.
 */
bool ptrace_step_over_call(void);

/* A traced process has changed its program: an event, or SIGTRAP.  Current process, no lock. */
void ptrace_report_exec(void);

/*
 * A #UD of the current thread: is it a SYSCALL that its tracer wants to see?  Then *regs are
 * as SYSCALL leaves them, its stop is over, and *call says whether the call is to be made
 * (false: the tracer has put its result there); ptrace_call_ends() is to be called behind
 * it.  Context: a trap from user mode, interrupts on.
 */
bool ptrace_call_begins(struct pt_regs *regs, bool *call);
void ptrace_call_ends(void);

/*
 * The same of a call of i386's, whose registers are ready, if thread->trace.calls says that a
 * tracer wants it: false: it is not to be made.
 */
bool ptrace_stop_at_call(struct pt_regs *regs);

/*
 * t has this tracer from now on, or none.  process_lock is held.
 */
void ptrace_set_tracer(struct thread *t, struct process *tracer);

/* t, which may have stopped, goes on without its tracer.  process_lock is held. */
void ptrace_detach(struct thread *t);

/*
 * A tracer ends: one of its tracees goes on without it, or ends, too; false: it has none.
 * process_lock is held.
 */
bool ptrace_detach_one(struct process *tracer);

#endif
