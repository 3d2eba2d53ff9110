/*
 * ptrace: one process looks at another's threads while they are stopped.
 */
#ifndef KERNEL_LINUX_PROCESS_PTRACE_H
#define KERNEL_LINUX_PROCESS_PTRACE_H

#include "kernel/linux/process/make.h"

/*
 * The current, traced thread stops and says so (CLD_x); comes back when its tracer lets
 * it go on or has gone, or when it must die.  Returns the signal to go on with.
 * process_lock is held, and free in between.
 */
int ptrace_stop(int signal, int code);

/*
 * The same before the thread acts on a signal; the tracer may change it, and then stands
 * in *info as its sender.  0: the thread gets none.
 */
int ptrace_signal_stop(int signal, struct siginfo *info);

/* A stepped instruction ended in a handler: stop with SIGTRAP. */
void ptrace_report_step(void);

/*
 * The same behind a system call, if it was stepped: the processor would trap one
 * instruction later.  True: the thread has stopped; the caller does what is due before
 * user mode and asks again, once more.  Context: nothing is due, interrupts off; they
 * are on after a stop.
 */
bool ptrace_step_over_call(void);

/* A traced process has changed its program: SIGTRAP.  Current process, no lock. */
void ptrace_report_exec(void);

/*
 * t has this tracer from now on, or none.  process_lock is held.
 */
void ptrace_set_tracer(struct thread *t, struct process *tracer);

/*
 * A tracer ends: one of its tracees goes on without it; false: it has none.
 * process_lock is held.
 */
bool ptrace_detach_one(struct process *tracer);

#endif
