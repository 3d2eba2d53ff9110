/*
 * signals.h: signal frames of 32-bit programs, and catching what a step raises.
 */
#ifndef TESTS_USER32_SIGNALS_H
#define TESTS_USER32_SIGNALS_H

#include "lib.h"

enum { SYS_rt_sigreturn = 173, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_sigaltstack = 186,
       SYS_tkill = 238 };
enum { SIGILL = 4, SIGTRAP = 5, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12 };
#define SA_SIGINFO 4u
#define SA_ONSTACK 0x08000000u
#define SA_RESTORER 0x04000000u

struct sigaction32 {
	uint32_t handler, flags, restorer, mask[2];
};

struct context {
	uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
	uint32_t trapno, err, eip, cs, eflags, esp_at_signal, ss, fpstate, oldmask, cr2;
};

struct ucontext32 {
	uint32_t flags, link, stack[3];
	struct context mc;
	uint32_t sigmask[2];
};

/* ---- Catching --------------------------------------------------------------- */

/*
 * SIGSEGV, SIGILL and SIGTRAP end a CAUGHT() from here on; their handler has a
 * stack of its own.
 */
void catch_signals(void);

/* What the last of them found; signal 0: there was none. */
struct caught {
	uint32_t signal, flags_in_handler;
	struct context at;
};
extern volatile struct caught caught;

/*
 * Traps that are counted instead, for steps with TF: where the last one was.  They
 * go on where they were.
 */
extern volatile bool count_traps;
extern volatile uint32_t traps, trap_ip;

/* Runs the instructions; whatever they did to ESP and the flags is undone. */
#define CAUGHT(code, ...) \
	__asm__ volatile("movl $1f, caught_landing\n\tpushal\n\tmov %%esp, caught_esp\n\t" code "\n" \
			 "1:\tmov caught_esp, %%esp\n\tpushl $0x202\n\tpopfl\n\tpopal\n\t" \
			 "movl $0, caught_landing" : : __VA_ARGS__ : "memory", "cc")
extern uint32_t caught_landing, caught_esp;

#endif
