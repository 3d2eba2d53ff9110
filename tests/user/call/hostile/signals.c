/*
 * signals.c: pointers of the calls on signals. SIGUSR2 is blocked meanwhile.
 */
#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define SET_BYTES	8
#define KNOWN_BYTES	48	/* of a siginfo whose code the kernel knows, the others are not read */

static const struct { uint64_t handler, flags, restorer, mask; } ignore = { 1, 0, 0, 0 };
static const uint64_t no_signals, only_usr2 = 1ul << (SIGUSR2 - 1);
static const struct timespec no_time;
static const struct { uint64_t sp; uint32_t flags, pad; uint64_t size; } disabled = { 0, 2, 0, 0 };
static const struct { int signo, error, code, pad[29]; } queued = { 0, 0, -1, { 0 } },
	strange = { 0, 0, -100, { 0 } };

static void nothing(int signal)
{
	(void)signal;
}

static void send_usr2(void)
{
	sys(SYS_kill, sys(SYS_getpid), SIGUSR2);
}

/* Again and again, for the first may come too early. */
static void tick(void)
{
	const struct itimerval ms = { { 0, 1000 }, { 0, 1000 } };

	sys(SYS_setitimer, ITIMER_REAL, &ms, 0);
}

static void no_tick(void)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	sys(SYS_setitimer, ITIMER_REAL, &never, 0);
}

static const struct pointer_row rows[] = {
	{ POINTER(rt_sigaction), { SIGUSR1, P, 0, SET_BYTES }, 32, .image = &ignore, .flags = NULL_GOOD },
	{ POINTER(rt_sigaction), { SIGUSR1, 0, P, SET_BYTES }, 32, .unit = 1, .flags = NULL_GOOD },
	{ POINTER(rt_sigprocmask), { SIG_BLOCK, P, 0, SET_BYTES }, 8, .image = &no_signals, .flags = NULL_GOOD },
	{ POINTER(rt_sigprocmask), { SIG_BLOCK, 0, P, SET_BYTES }, 8, .unit = 1, .flags = NULL_GOOD },
	{ POINTER(rt_sigpending), { P, SET_BYTES }, 8, .unit = 1 },
	{ POINTER(rt_sigpending), { P, 5 }, 5, .unit = 1 },
	{ POINTER(rt_sigtimedwait), { P, 0, TO(no_time), SET_BYTES }, 8, .image = &no_signals, .good = -EAGAIN },
	{ POINTER(rt_sigtimedwait), { TO(no_signals), 0, P, SET_BYTES }, 16, .image = &no_time, .good = -EAGAIN,
	  .flags = NULL_SKIP },
	{ POINTER(rt_sigtimedwait), { TO(only_usr2), P, TO(no_time), SET_BYTES }, 128, .good = SIGUSR2,
	  .flags = NULL_GOOD, .before = send_usr2 },
	{ POINTER(rt_sigqueueinfo), { SELF, 0, P }, KNOWN_BYTES, .image = &queued },
	{ POINTER(rt_sigqueueinfo), { SELF, 0, P }, 128, .image = &strange },
	{ POINTER(rt_tgsigqueueinfo), { SELF, SELF, 0, P }, KNOWN_BYTES, .image = &queued },
	{ POINTER(rt_tgsigqueueinfo), { SELF, SELF, 0, P }, 128, .image = &strange },
	{ POINTER(rt_sigsuspend), { P, SET_BYTES }, 8, .image = &no_signals, .good = -EINTR, .before = tick, .after = no_tick },
	{ POINTER(sigaltstack), { P, 0 }, 24, .image = &disabled, .flags = NULL_GOOD },
	{ POINTER(sigaltstack), { 0, P }, 24, .unit = 1, .flags = NULL_GOOD },
};

void test_signal_pointers(void)
{
	signal(SIGALRM, nothing);
	signal(SIGUSR2, nothing);
	sys(SYS_rt_sigprocmask, SIG_BLOCK, &only_usr2, 0, SET_BYTES);
	try_rows(rows, COUNT(rows));
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &only_usr2, 0, SET_BYTES);
}
