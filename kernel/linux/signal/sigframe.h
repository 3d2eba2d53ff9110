/*
 * What a handler finds on its stack, and the way back: the layouts of 64-bit
 * programs (kernel/linux/signal/sigframe64.c) and of i386 (kernel/linux/signal/sigframe32.c).
 */
#ifndef KERNEL_LINUX_SIGNAL_SIGFRAME_H
#define KERNEL_LINUX_SIGNAL_SIGFRAME_H

#include "entry/entry.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/signal/signal.h"

/* A signal on its way to a handler. */
struct delivery {
	int signal;
	struct siginfo info;
	struct signal_action action;
	u64 mask;    /* to be put back by sigreturn */
	u64 blocked; /* as it was, for the case that there is no handler */
};

/*
 * Writes the frame to the user's stack and changes *regs so that the handler
 * runs.  0, or -EFAULT with *regs as they were.  Context: task stack, no lock.
 */
int sigframe64_push(const struct delivery *d, struct pt_regs *regs);
int sigframe32_push(const struct delivery *d, struct pt_regs *regs);

/* rt_sigreturn of a 64-bit program: *regs as the frame has them; false: a bad frame. */
bool sigframe64_return(struct pt_regs *regs);

/* For the flags of a ucontext: the FPU state is XSAVE's. */
#define UC_FP_XSTATE 1

/* In the frame, a stack that there is not says so. */
static inline u32 sigframe_stack_flags(const struct signal_stack *s)
{
	return s->flags | (s->size ? 0 : SS_DISABLE);
}

/* What sigreturn's system call returns; a bad frame is SIGSEGV, and the `why` of it. */
static inline long sigframe_result(const struct pt_regs *regs, bool good, const char *why)
{
	if (good)
		return (long)regs->ax;
	signal_force_segv(why, false);
	return 0;
}

/* i386's frame without SA_SIGINFO is the largest of all. */
#define SIGFRAME32_SIZE 732

/* The most bytes that any frame takes: AT_MINSIGSTKSZ. */
u64 sigframe_max_size(void);

/*
 * What rt_sigreturn and sigreturn put into flags: nothing that a program could
 * not set itself.  TF stays if a tracer steps.
 */
u64 sigframe_flags(u64 old, u64 wanted);

#endif
