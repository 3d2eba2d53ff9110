/*
 * What members of a crowd do to each other: signals, stops, tracing, waits, futexes.
 */
#define _GNU_SOURCE
#include "crowd.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define SIGNAL_SET_SIZE 8
enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE, FUTEX_WAIT_BITSET = 9,
       FUTEX_PRIVATE = 128 };
#define LATER_NS 3000000 /* at most */

static struct timespec soon(struct member *me)
{
	return (struct timespec){ .tv_nsec = crowd_below(me, LATER_NS) };
}

/* ---- Signals ----------------------------------------------------------------------------- */

static uint64_t any_signal(struct member *me)
{
	return CROWD_PICK(me, SIGUSR1, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM, SIGTERM, SIGTRAP, SIGCHLD,
			  SIGHUP, SIGSEGV, SIGKILL, 34, 40, 40, 41, 64, 0, 65, SIGSTOP, SIGTSTP);
}

/* As sigqueue() fills it. */
static void queue_signal(struct member *me, uint64_t signal)
{
	siginfo_t info = { .si_signo = (int)signal, .si_code = SI_QUEUE };

	info.si_pid = (int)fuzz_call(SYS_getpid, 0, 0, 0, 0);
	info.si_value.sival_int = (int)me->number;
	if (crowd_below(me, 2))
		CROWD_CALL(SYS_rt_sigqueueinfo, crowd_any_pid(me), signal, (uint64_t)&info);
	else
		CROWD_CALL(SYS_rt_tgsigqueueinfo, crowd_any_pid(me), crowd_any_tid(me), signal,
			   (uint64_t)&info);
}

static void take_signal(struct member *me, uint64_t set)
{
	const struct timespec limit = soon(me);
	siginfo_t info;

	if (crowd_below(me, 2))
		CROWD_CALL(SYS_rt_sigtimedwait, (uint64_t)&set, (uint64_t)&info, (uint64_t)&limit,
			   SIGNAL_SET_SIZE);
	else
		CROWD_CALL(SYS_rt_sigpending, (uint64_t)&set, SIGNAL_SET_SIZE);
}

static void change_action(struct member *me)
{
	struct { /* the kernel's, without a restorer: no handler */
		uint64_t handler, flags, restorer, mask;
	} action = { .handler = crowd_below(me, 2), .flags = crowd_below(me, 16) };

	CROWD_CALL(SYS_rt_sigaction, any_signal(me), (uint64_t)&action, 0, SIGNAL_SET_SIZE);
}

static void own_process_group(struct member *me)
{
	uint64_t own = (uint64_t)fuzz_call(SYS_getpgrp, 0, 0, 0, 0);

	CROWD_CALL(SYS_kill, -own, CROWD_PICK(me, SIGUSR1, SIGCONT, SIGCONT, 0, SIGSTOP));
}

void crowd_signal(struct member *me)
{
	uint64_t set = crowd_random(me) & crowd_random(me), signal = any_signal(me);

	switch (crowd_below(me, 10)) {
	case 0: case 1: CROWD_CALL(SYS_kill, crowd_any_pid(me), signal); break;
	case 2: CROWD_CALL(SYS_tkill, crowd_any_tid(me), signal); break;
	case 3: CROWD_CALL(SYS_tgkill, crowd_any_pid(me), crowd_any_tid(me), signal); break;
	case 4: case 5: queue_signal(me, signal); break;
	case 6: CROWD_CALL(SYS_rt_sigprocmask, crowd_below(me, 3), (uint64_t)&set, 0,
			   SIGNAL_SET_SIZE); break;
	case 7: take_signal(me, set); break;
	case 8: change_action(me); break;
	default: own_process_group(me); break;
	}
}

/* Most that are stopped are continued, sooner or later. */
void crowd_stop(struct member *me)
{
	uint64_t signal = CROWD_PICK(me, SIGSTOP, SIGCONT, SIGCONT, SIGTSTP, SIGTTIN);

	CROWD_CALL(SYS_kill, crowd_any_pid(me), signal);
}

/* ---- Tracing ------------------------------------------------------------------------------- */

void crowd_trace(struct member *me)
{
	static uint64_t registers[64];
	uint64_t request = CROWD_PICK(
		me, PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_ATTACH, PTRACE_ATTACH, PTRACE_SEIZE,
		PTRACE_INTERRUPT, PTRACE_CONT, PTRACE_CONT, PTRACE_CONT, PTRACE_SYSCALL,
		PTRACE_SINGLESTEP, PTRACE_KILL, PTRACE_DETACH, PTRACE_DETACH, PTRACE_PEEKDATA,
		PTRACE_POKEDATA, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_PEEKUSER, PTRACE_POKEUSER,
		PTRACE_SETOPTIONS, PTRACE_GETSIGINFO);
	uint64_t who = request == PTRACE_TRACEME ? 0 : crowd_any_tid(me);
	uint64_t addr = CROWD_ARENA + crowd_below(me, CROWD_ARENA_PAGES) * FUZZ_PAGE;
	uint64_t data = CROWD_PICK(me, 0, 0, SIGUSR1, SIGKILL, SIGSTOP, 40, 99);

	if (request == PTRACE_PEEKUSER || request == PTRACE_POKEUSER)
		addr = 8 * crowd_below(me, 115);
	if (request == PTRACE_GETREGS || request == PTRACE_SETREGS ||
	    request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER)
		data = (uint64_t)registers;
	CROWD_CALL(SYS_ptrace, request, who, addr, data);
	if (crowd_below(me, 2))
		CROWD_CALL(SYS_wait4, who ? who : (uint64_t)-1, 0, WNOHANG | WUNTRACED | __WALL, 0);
}

/* ---- Waiting for others ---------------------------------------------------------------------- */

void crowd_wait(struct member *me)
{
	uint64_t block = crowd_below(me, 12) ? WNOHANG : 0;
	uint64_t how = CROWD_PICK(me, 0, WUNTRACED, WCONTINUED, WUNTRACED | WCONTINUED, __WALL,
				  __WCLONE, __WNOTHREAD, __WALL | __WNOTHREAD | WUNTRACED, 0x100);
	uint64_t whom = CROWD_PICK(me, (uint64_t)-1, (uint64_t)-1, 0, 1, crowd_any_pid(me),
				   -crowd_any_pid(me));
	struct rusage usage;
	siginfo_t info;
	int status;

	if (crowd_below(me, 2))
		CROWD_CALL(SYS_wait4, whom, (uint64_t)&status, how | block, (uint64_t)&usage);
	else
		CROWD_CALL(SYS_waitid, CROWD_PICK(me, P_ALL, P_ALL, P_PID, P_PGID, 3, 77), whom,
			   (uint64_t)&info, how | block | WEXITED | CROWD_PICK(me, 0, 0, WNOWAIT, WSTOPPED),
			   (uint64_t)&usage);
}

/* ---- Futexes ----------------------------------------------------------------------------------- */

static uint64_t any_word(struct member *me)
{
	switch (crowd_below(me, 6)) {
	case 0: return CROWD_PRIVATE + 4 * crowd_below(me, 8);
	case 1: return CROWD_ARENA + crowd_below(me, CROWD_ARENA_PAGES) * FUZZ_PAGE;
	case 2: return CROWD_ARENA + crowd_below(me, 4) * FUZZ_PAGE;
	default: return (uint64_t)&CROWD->word[crowd_below(me, CROWD_WORDS)];
	}
}

void crowd_futex(struct member *me)
{
	const struct timespec limit = soon(me);
	uint64_t word = any_word(me), other = any_word(me);
	uint64_t shared = crowd_below(me, 3) ? 0 : FUTEX_PRIVATE;
	uint64_t some = crowd_below(me, 4), all = 0x7fffffff;

	switch (crowd_below(me, 8)) {
	case 0: case 1: case 2:
		CROWD_CALL(SYS_futex, word, FUTEX_WAIT | shared, 0, (uint64_t)&limit);
		break;
	case 3:
		CROWD_CALL(SYS_futex, word, FUTEX_WAIT_BITSET | shared, 0, 0, 0, 1 + some);
		break;
	case 4: CROWD_CALL(SYS_futex, word, FUTEX_WAKE | shared, some); break;
	case 5: CROWD_CALL(SYS_futex, word, FUTEX_WAKE | shared, all); break;
	case 6: CROWD_CALL(SYS_futex, word, FUTEX_REQUEUE | shared, some, all, other); break;
	default: CROWD_CALL(SYS_futex, word, FUTEX_CMP_REQUEUE | shared, some, 1, other, 0); break;
	}
}

/* ---- Itself ------------------------------------------------------------------------------------ */

static void set_timer(struct member *me)
{
	struct itimerval when = { .it_value.tv_usec = 1 + crowd_below(me, 5000) };

	if (crowd_below(me, 3) == 0)
		when.it_interval.tv_usec = 1000 + crowd_below(me, 5000);
	CROWD_CALL(SYS_setitimer, ITIMER_REAL, (uint64_t)&when, 0);
}

static void set_limit(struct member *me)
{
	uint64_t limit[2] = { CROWD_PICK(me, 0, 3, 50, 1 << 20, 64 << 20, ~0ULL), ~0ULL };

	CROWD_CALL(SYS_prlimit64, crowd_below(me, 2) ? 0 : crowd_any_pid(me), crowd_below(me, 17),
		   (uint64_t)limit, 0);
}

void crowd_change_self(struct member *me)
{
	uint64_t own = (uint64_t)fuzz_call(SYS_getuid, 0, 0, 0, 0);
	uint64_t cpus = 1 + crowd_below(me, 15);

	switch (crowd_below(me, 13)) {
	case 0: CROWD_CALL(SYS_setresuid, own, own, own); break;
	case 1: CROWD_CALL(SYS_setresgid, own, own, own); break;
	case 2: CROWD_CALL(SYS_prctl, PR_SET_PDEATHSIG, any_signal(me)); break;
	case 3: CROWD_CALL(SYS_prctl, PR_SET_DUMPABLE, crowd_below(me, 3)); break;
	case 4: CROWD_CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1); break;
	case 5: CROWD_CALL(SYS_prctl, PR_SET_NAME, CROWD_ARENA + crowd_below(me, 3 * 4096)); break;
	case 6: CROWD_CALL(SYS_setsid, 0); break;
	case 7: CROWD_CALL(SYS_setpgid, crowd_any_pid(me), crowd_any_pid(me)); break;
	case 8: set_timer(me); break;
	case 9: set_limit(me); break;
	case 10: CROWD_CALL(SYS_set_tid_address, any_word(me)); break;
	case 11: CROWD_CALL(SYS_set_robust_list, any_word(me), 24); break;
	default: CROWD_CALL(SYS_sched_setaffinity, crowd_any_tid(me), 8, (uint64_t)&cpus); break;
	}
}

void crowd_sleep(struct member *me)
{
	const struct timespec limit = soon(me);

	if (crowd_below(me, 2))
		CROWD_CALL(SYS_nanosleep, (uint64_t)&limit, 0);
	else
		CROWD_CALL(SYS_sched_yield, 0);
}
