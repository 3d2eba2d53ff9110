/* signals.h: the parts of the signals program, and the handler they share. */
#ifndef TESTS_USER_SIGNALS_H
#define TESTS_USER_SIGNALS_H

#define _GNU_SOURCE 1	/* greg_t's names */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* exceptions.c: siginfo and registers of each exception. */
void test_exceptions(void);
/* masks.c: blocking, queueing, flags of actions, errors of the calls. */
void test_masks(void);
/* stacks.c: sigaltstack, and frames that do not fit. */
void test_stacks(void);
/* calls.c: interrupted system calls. */
void test_calls_interrupted(void);
/* fpu.c: FPU registers over a handler, and through its frame. */
void test_fpu_state(void);
/* returns.c: frames with any content. */
void test_returns(void);

/* jobs.c: children that stop and go on. */
void test_jobs(void);

/* What the last handler was told. */
struct told {
	int signal, code;
	uint64_t addr, ip, flags, err, trapno, cr2, cs, ss, uc_flags, sp;
	int pid;
	uint64_t value;
};
extern volatile struct told told;
extern volatile int handled;

/* Where leave_by_jump() goes. */
extern sigjmp_buf way_back;

/* Handlers: they fill `told` and count; the second does not return. */
void note(int signal, siginfo_t *info, void *context);
void leave_by_jump(int signal, siginfo_t *info, void *context);

/* sigaction, which must work. */
void act(int signal, void (*handler)(int, siginfo_t *, void *), int flags);
void act_default(int signal);

/* Runs code that raises a signal; true if it did, `told` says which. */
#define RAISES(code) \
	(sigsetjmp(way_back, 1) == 0 ? ((void)(code), false) : true)

#endif
