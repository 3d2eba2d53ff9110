/*
 * Signals: Linux's numbers and layouts, and what a thread and a process keep of them.
 * Programs read and write these layouts, so that not a bit of them is ours to choose.
 */
#ifndef KERNEL_LINUX_ABI_SIGNAL_H
#define KERNEL_LINUX_ABI_SIGNAL_H

#include "entry/deferred/pti_page.h"
#include "kernel/base/list.h"
#include "kernel/base/types.h"

/* Their numbers and names. */
/* clang-format off */
#define SIGNALS(X)                                                                    \
	X(1, HUP) X(2, INT) X(3, QUIT) X(4, ILL) X(5, TRAP) X(6, ABRT) X(7, BUS)      \
	X(8, FPE) X(9, KILL) X(10, USR1) X(11, SEGV) X(12, USR2) X(13, PIPE)          \
	X(14, ALRM) X(15, TERM) X(17, CHLD) X(18, CONT) X(19, STOP) X(20, TSTP)       \
	X(21, TTIN) X(22, TTOU) X(23, URG) X(24, XCPU) X(25, XFSZ) \
	X(26, VTALRM) X(27, PROF) X(28, WINCH) X(31, SYS)
#define SIGNAL_NUMBER(number, name) SIG##name = (number),
enum { SIGNALS(SIGNAL_NUMBER) };
#define NR_SIGNALS 64
#define SIGRTMIN 32
#define SIGNAL_BIT(n) BIT((n) - 1)
/* clang-format on */

/* si_code: of any signal; then of one */
enum { SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TKILL = -6 };
enum { ILL_ILLOPN = 2 };
enum { FPE_INTDIV = 1, FPE_FLTDIV = 3, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES, FPE_FLTINV };
enum { SEGV_MAPERR = 1, SEGV_ACCERR, SEGV_PKUERR = 4 };
enum { BUS_ADRALN = 1, BUS_ADRERR };
enum { TRAP_BRKPT = 1, TRAP_TRACE, TRAP_HWBKPT = 4 };
enum {
	CLD_EXITED = 1,
	CLD_KILLED,
	CLD_DUMPED,
	CLD_TRAPPED,
	CLD_STOPPED,
	CLD_CONTINUED,
};

/*
 * The first bytes of a 64-bit program's siginfo_t: all that the kernel ever
 * fills, and keeps of what a program sends.  The rest is zero.  i386's is made
 * from it on delivery.
 *
 * Programs get all of it.  An initializer sets the bytes of one member of a union,
 * and compilers leave the others as the stack had them: so each member is as long
 * as the union.
 */
#define SIGINFO_WORDS 8
struct siginfo {
	s32 signo, error, code, pad;
	union {
		struct {
			s32 pid;
			u32 uid;
			u64 value, none[2];
		} kill;
		struct {
			s32 pid;
			u32 uid;
			s32 status, pad;
			s64 utime, stime;
		} child;
		struct {
			u64 addr, none[3];
		} fault;
		u32 words[SIGINFO_WORDS];
	};
};
static_assert(sizeof(struct siginfo) == 48, "Linux's siginfo_t, cut");
#define SIGINFO_MEMBER_SIZE(member) sizeof(((struct siginfo *)0)->member)
static_assert(SIGINFO_MEMBER_SIZE(kill) == SIGINFO_MEMBER_SIZE(words) &&
		      SIGINFO_MEMBER_SIZE(child) == SIGINFO_MEMBER_SIZE(words) &&
		      SIGINFO_MEMBER_SIZE(fault) == SIGINFO_MEMBER_SIZE(words),
	      "an initializer of any member sets all of the union");

struct user_siginfo {
	struct siginfo info;
	u64 rest[10];
};
static_assert(sizeof(struct user_siginfo) == 128, "Linux's siginfo_t");

/* struct sigaction of a 64-bit program, as rt_sigaction takes it. */
struct signal_action {
	u64 handler, flags, restorer, mask;
};
#define SIG_DFL 0
#define SIG_IGN 1
#define SA_NOCLDSTOP 0x1
#define SA_NOCLDWAIT 0x2
#define SA_SIGINFO 0x4
#define SA_EXPOSE_TAGBITS 0x800
#define SA_IA32 0x02000000 /* the kernel's own: set by an i386 call */
#define SA_RESTORER 0x04000000
#define SA_ONSTACK 0x08000000
#define SA_RESTART 0x10000000
#define SA_NODEFER 0x40000000
#define SA_RESETHAND 0x80000000u

#define MINSIGSTKSZ 2048 /* of an alternate stack */

/* What restart_syscall goes on with. */
struct restart_block {
	long (*resume)(struct restart_block *); /* NULL: -EINTR */
	u64 when;
	virt_addr_t rem;
	bool narrow; /* *rem is i386's */
	u32 count;   /* poll's, of what is at `rem` */
};

struct queued_signal;

/* Signals that are pending, and what is known of each, the last to come: signal/queue.c. */
struct pending_signals {
	u64 set; /* bit n - 1: signal n */
	struct queued_signal *last[NR_SIGNALS];
};

/* What a thread has of its own, and what all threads of a process share. */
struct task_signals {
	struct pending_signals pending;
	u64 saved_blocked; /* sigsuspend's, if restore_blocked */
	u64 waited;        /* sigtimedwait's, of those that were blocked */
	bool restore_blocked;
	bool forced;  /* `fault` is to be delivered before all others */
	bool frozen;  /* a tracer looks at it: not even SIGKILL wakes it */
	bool stopped; /* takes part in its process's stop */
	struct siginfo fault;
	const char *why;        /* of `fault`; NULL: the exception below */
	u64 trapno, error, cr2; /* of the last exception: sigcontext's */
	struct restart_block restart;
	int resume_with; /* the signal that a tracer lets it go on with */
};

struct process_signals {
	struct pending_signals pending;
	int stop;            /* the signal that stops all its threads; or 0 */
	struct link stopped; /* those that have stopped for it */
	unsigned stopped_count;
	bool continued; /* after a stop, and wait4 has not said so */
	bool killable;  /* init has lost its protection */
	u64 set;        /* of `action`: the others have never been anything but the default */
	struct signal_action action[NR_SIGNALS];
};

/* The default action of these is nothing, or a stop. */
#define SIGNALS_IGNORED \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))
#define SIGNALS_STOP \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

#endif
