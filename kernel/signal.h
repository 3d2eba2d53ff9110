/*
 * Signals: Linux's numbers, layouts and rules.
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "kernel/base/list.h"
#include "kernel/base/types.h"

struct pt_regs;
struct task;
struct process;

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGWINCH 28
#define SIGSYS 31
#define NR_SIGNALS 64
#define SIGRTMIN 32
#define SIGNAL_BIT(n) BIT((n) - 1)

/* si_code */
#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TKILL (-6)
#define ILL_ILLOPN 2
#define FPE_INTDIV 1
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define SEGV_PKUERR 4
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define TRAP_HWBKPT 4
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_TRAPPED 4
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

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
		struct { s32 pid; u32 uid; u64 value, none[2]; } kill;
		struct { s32 pid; u32 uid; s32 status, pad; s64 utime, stime; } child;
		struct { u64 addr, none[3]; } fault;
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

/* The alternate stack; stack_t has the same in another order. */
struct signal_stack {
	u64 sp, size;
	u32 flags;
};
#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM 0x80000000u
#define MINSIGSTKSZ 2048

/* What restart_syscall goes on with. */
struct restart_block {
	long (*resume)(struct restart_block *); /* NULL: -EINTR */
	u64 when;
	virt_addr_t rem;
	bool narrow; /* *rem is i386's */
};

struct queued_signal;

/* What is known of pending signals: of each, the last to come; see signal_queue.c. */
struct signal_queue {
	struct queued_signal *last[NR_SIGNALS];
};

/* What a thread has of its own, and what all threads of a process share. */
struct task_signals {
	u64 blocked, pending; /* bit n - 1: signal n */
	struct signal_queue queue;
	u64 saved_blocked;    /* sigsuspend's, if restore_blocked */
	u64 waited;           /* sigtimedwait's, of those that were blocked */
	bool restore_blocked;
	bool forced;          /* `fault` is to be delivered before all others */
	bool frozen;          /* a tracer looks at it: not even SIGKILL wakes it */
	bool step, forced_tf; /* PTRACE_SINGLESTEP; it was that which set TF */
	bool step_from_call;  /* it was stopped on its way out of a system call */
	bool step_loads_tf;   /* the instruction about to be stepped loads TF */
	bool stopped;         /* takes part in its process's stop */
	struct siginfo fault;
	const char *why;      /* of `fault`; NULL: the exception below */
	u64 trapno, error, cr2; /* of the last exception: sigcontext's */
	struct signal_stack stack;
	struct restart_block restart;
	int resume_with;      /* the signal that a tracer lets it go on with */
};

struct process_signals {
	u64 pending;
	struct signal_queue queue;
	int stop;             /* the signal that stops all its threads; or 0 */
	struct link stopped;  /* those that have stopped for it */
	unsigned stopped_count;
	bool continued;       /* after a stop, and wait4 has not said so */
	bool killable;        /* init has lost its protection */
	u64 alarm_at, alarm_interval; /* ITIMER_REAL, of clock_ns(); 0: none */
	struct signal_action action[NR_SIGNALS];
};

/* "SIGSEGV" and so on; "signal ?" for one not listed here. */
const char *signal_name(int signal);

/*
 * Makes a signal pending for a thread, or for any thread of a process, and
 * wakes who can take it.  0, or -EAGAIN: no room to queue a real-time signal.
 * process_lock is held.
 */
int signal_send_thread(struct task *t, const struct siginfo *info);
int signal_send_process(struct process *p, const struct siginfo *info);

/*
 * A child of fork takes over actions, and the calling thread's mask; a new
 * thread its mask; nothing pending.  At exec, handlers go back to the default.
 */
void signal_copy_actions(struct process *child, const struct process *parent);
void signal_copy_mask(struct task *child, const struct task *parent);
void signal_reset_at_exec(struct process *p);

/*
 * Does p want no zombies: is SIGCHLD ignored, or SA_NOCLDWAIT set?
 * process_lock is held.
 */
bool signal_ignores_children(const struct process *p);

/*
 * The current task did what an exception forbids: `signal` reaches its handler,
 * or ends the process if it is blocked or ignored.  trapno, error and addr go
 * into sigcontext (trapno, err, cr2).  Takes effect before the next return to
 * user mode.  Context: task context, interrupts on.
 */
void signal_force_fault(int signal, int code, u64 addr, unsigned trapno, u64 error);

/* Something is pending that is not blocked: a sleep is to end with -EINTR. */
bool signal_pending(void);

/*
 * Before a return to user mode with task->work_due: delivers what is pending,
 * by changing *regs, or ends the process.  Context: task stack, interrupts on.
 */
void signal_deliver(struct pt_regs *regs);

/* ---- For system calls, those of i386 included ---------------------------------- */

/*
 * Reads an action into *old and replaces it by *new, each unless NULL: 0, or
 * -EINVAL (no such signal, or one that cannot be caught).
 */
int signal_set_action(int signal, const struct signal_action *new,
		      struct signal_action *old);

/*
 * Replaces the current thread's mask; SIGKILL and SIGSTOP are left out.  The
 * second: process_lock is held.
 */
void signal_set_blocked(u64 blocked);
void signal_set_blocked_locked(u64 blocked);

/* What is pending and blocked. */
u64 signal_pending_blocked(void);

/*
 * sigaltstack of a thread whose stack pointer is sp: 0, -EPERM (it is on that
 * stack), -EINVAL, -ENOMEM (less than `min` bytes).  new and old may be NULL.
 */
int signal_set_stack(const struct signal_stack *new, struct signal_stack *old, u64 sp,
		     u64 min);

/* Is sp on the current thread's alternate stack (and SS_AUTODISARM not set)? */
bool signal_on_stack(u64 sp);

/*
 * sigtimedwait until clock_ns() >= when: the signal, -EAGAIN, or -EINTR.
 */
int signal_wait(u64 set, struct siginfo *info, u64 when);

/*
 * After a sleep that came back early: is it to end, because of a signal?
 * Forgets a work_due that has no reason any more.  Context: task context.
 */
bool signal_interrupted(void);

/* Sleeps until a signal is due. */
void signal_sleep(void);

/* sigsuspend: -ERESTARTNOHAND, with the mask put back on delivery. */
long signal_suspend(u64 mask);

/* kill, tkill, tgkill (tgid 0: any), rt_sigqueueinfo: 0 or a negative errno. */
long signal_kill(int pid, const struct siginfo *info);
long signal_kill_thread(int tgid, int tid, const struct siginfo *info);

/* rt_sigqueueinfo (tgid 0), rt_tgsigqueueinfo: also -EPERM for the kernel's codes. */
long signal_queue_info(int tgid, int tid, const struct siginfo *info);

/* sigprocmask: how is 0 to block, 1 to unblock, 2 to set; 0 or -EINVAL. */
long signal_change_mask(int how, u64 set);

/*
 * To a 64-bit program, all 128 bytes: 0 or -EFAULT.  Context: as copy_to_user().
 */
int siginfo_to_user(virt_addr_t to, const struct siginfo *from);

/* Which fields of a siginfo count. */
enum siginfo_layout {
	SIGINFO_KILL, SIGINFO_TIMER, SIGINFO_POLL, SIGINFO_FAULT, SIGINFO_CHILD,
	SIGINFO_QUEUE, SIGINFO_SYS,
};
enum siginfo_layout siginfo_layout(const struct siginfo *info);

/* No code that could have more than a struct siginfo keeps. */
bool siginfo_is_known(const struct siginfo *info);

/* The default action of these is nothing, or a stop. */
#define SIGNALS_IGNORED (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | \
			 SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))
#define SIGNALS_STOP (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | \
		      SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* ---- For the other files on signals ------------------------------------------- */

/* What p wants done with the signal (1 to NR_SIGNALS).  process_lock is held. */
struct signal_action *signal_action_of(struct process *p, int signal);

/* Is that nothing: ignored, or by default so?  process_lock is held. */
bool signal_does_nothing(struct process *p, int signal);

/*
 * What is pending for it goes.  t: the current task, `leaving`, so that nothing more
 * comes; p: is being freed.  Context: no lock held.
 */
void signal_forget_task(struct task *t);
void signal_forget_process(struct process *p);

/*
 * Something became pending for t, or a stop ended: it is to look before it runs
 * user code.  process_lock is held.
 */
void signal_wake(struct task *t);

/*
 * t, the current task, takes nothing any more: another thread of its process is
 * woken for what is pending for the process.  process_lock is held.
 */
void signal_leave_to_others(struct task *t);

/*
 * A stop of p has ended: one of those that stopped goes on, and wakes the next.
 * process_lock is held.
 */
void signal_wake_next_stopped(struct process *p);

/*
 * A thread of p has stopped or ended: if that was the last that a stop of the
 * process waited for, its parent is told.  process_lock is held.
 */
void signal_complete_stop(struct process *p);

/* Is t to die whatever else is due?  process_lock is held. */
bool signal_kill_pending(const struct task *t);

/*
 * Takes the first pending signal that is in `ready` from a thread or else its
 * process; 0: none.  process_lock is held.
 */
int signal_take(struct task *t, u64 ready, struct siginfo *info);

/*
 * Tells a process that t stopped, went on or ended (code CLD_x, status): SIGCHLD
 * as it wants it, and its waiting threads look again.  process_lock is held.
 */
void signal_notify_parent(struct process *parent, const struct task *t, int code,
			  int status);

/*
 * A frame could not be written or read; `why` stands in the line of its death.
 * to_default: no handler of SIGSEGV can help.  Context: as signal_force_fault().
 */
void signal_force_segv(const char *why, bool to_default);

#endif
