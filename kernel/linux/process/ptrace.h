/*
 * ptrace: one process looks at another's threads while they are stopped.
 */
#ifndef KERNEL_LINUX_PROCESS_PTRACE_H
#define KERNEL_LINUX_PROCESS_PTRACE_H

#include "kernel/linux/process/make.h"

/*
 * The current, traced thread stops and says so (CLD_x); comes back when its tracer lets
 * it go on or has gone, or when it must die.  Returns the signal to go on with.
 * process_lock is held with *flags, and released in between.
 */
int ptrace_stop(int signal, int code, u64 *flags);

/*
 * The same before the thread acts on a signal; the tracer may change it, and then stands
 * in *info as its sender.  0: the thread gets none.
 */
int ptrace_signal_stop(int signal, struct siginfo *info, u64 *flags);

/* Ends PTRACE_SINGLESTEP for t, which is stopped or current. */
void ptrace_step_off(struct thread *t);

/*
 * Of the current thread: was TF set by a tracer that has gone since?  Clears it then.
 * Only the thread itself does this, on its way in or out: while it runs, no other may
 * change its flags.
 */
bool ptrace_forget_step(void);

/*
 * The single-step trap behind an instruction of the current thread.  True: it was for a
 * tracer that has gone since, and means nothing.
 */
bool ptrace_step_done(void);

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

/* In kernel/linux/process/ptrace_regs.c: words of struct user, for a thread that is stopped. */
#define USER_REGS_WORDS 27
#define USER_DEBUGREG 848 /* offset of u_debugreg */
#define USER_AREA_SIZE 928
u64 ptrace_get_word(struct thread *t, unsigned word);
int ptrace_set_word(struct thread *t, unsigned word, u64 value); /* 0 or -EIO */

#endif
