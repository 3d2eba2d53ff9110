/*
 * The calls on signals: actions and masks in the old form and the new, what is
 * pending, waiting for it, and what a sender may say of it.  Frames and handlers
 * are the subject of signals32.
 */
#include "ia32.h"

enum {
	SYS_fork = 2, SYS_waitpid = 7, SYS_alarm = 27, SYS_pause = 29, SYS_kill = 37,
	SYS_sigaction = 67, SYS_sigpending = 73, SYS_sigprocmask = 126,
	SYS_rt_sigaction = 174, SYS_rt_sigprocmask, SYS_rt_sigpending,
	SYS_rt_sigtimedwait, SYS_rt_sigqueueinfo, SYS_rt_sigsuspend,
	SYS_sigaltstack = 186, SYS_rt_sigtimedwait64 = 421,
};
enum { SIGKILL = 9, SIGUSR1, SIGSEGV = 11, SIGUSR2 = 12, SIGCHLD = 17, SIGCONT, SIGSTOP, SIGPOLL = 29, SIGSYS = 31, SIGRT = 40 };
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

#define BAD 8u
#define WNOHANG 1
#define WUNTRACED 2
#define BIT(signal) (1u << ((signal) - 1))
#define SA_RESTART 0x10000000u

struct action {
	uint32_t handler, flags, restorer, mask[2];
};

struct old_action {
	uint32_t handler, mask, flags, restorer;
};

static void test_actions(void)
{
	struct action new = { 0x1234, SA_RESTART, 0x5678, { BIT(SIGUSR2), 3 } }, seen;
	struct old_action old = { 0x4321, BIT(SIGCHLD), SA_RESTART, 0x8765 }, old_seen;

	check_result(sys(SYS_rt_sigaction, SIGUSR1, &new, 0, 8), 0, "rt_sigaction sets an action");
	check_result(sys(SYS_sigaction, SIGUSR1, &old, &old_seen), 0, "sigaction sets another");
	check_true(old_seen.handler == 0x1234 && old_seen.flags == SA_RESTART && old_seen.restorer == 0x5678 &&
		   old_seen.mask == BIT(SIGUSR2), "and tells the first, with half of its mask");
	check_result(sys(SYS_rt_sigaction, SIGUSR1, 0, &seen, 8), 0, "rt_sigaction tells");
	check_true(seen.handler == 0x4321 && seen.flags == SA_RESTART && seen.restorer == 0x8765, "the other");
	check_true(seen.mask[0] == BIT(SIGCHLD) && seen.mask[1] == 0, "whose mask has no upper half");
	old.handler = 0;
	check_result(sys(SYS_sigaction, SIGUSR1, &old, 0), 0, "sigaction back to the default");
	check_result(sys(SYS_rt_sigaction, SIGUSR1, &new, 0, 4), -EINVAL, "rt_sigaction with 4 bytes gives EINVAL");
	check_result(sys(SYS_rt_sigaction, 9, &new, 0, 8), -EINVAL, "of SIGKILL EINVAL");
	check_result(sys(SYS_rt_sigaction, 65, 0, &seen, 8), -EINVAL, "of signal 65 EINVAL");
	check_result(sys(SYS_rt_sigaction, 65, BAD, 0, 8), -EFAULT, "a bad pointer counts before the signal");
	check_result(sys(SYS_rt_sigaction, SIGUSR1, 0, BAD, 8), -EFAULT, "rt_sigaction to address 8 gives EFAULT");
	check_result(sys(SYS_sigaction, 0, &old, 0), -EINVAL, "sigaction of signal 0 gives EINVAL");
	check_result(sys(SYS_sigaction, SIGUSR1, BAD, 0), -EFAULT, "sigaction from address 8 EFAULT");
	check_result(sys(SYS_sigaction, SIGUSR1, 0, BAD), -EFAULT, "sigaction to address 8 EFAULT");
}

static void test_masks(void)
{
	uint32_t wide[2] = { BIT(SIGUSR1), BIT(SIGRT - 32) }, set = BIT(SIGUSR2), old = 0, now[2];

	check_result(sys(SYS_rt_sigprocmask, SIG_SETMASK, wide, 0, 8), 0, "rt_sigprocmask sets 64 bits");
	check_result(sys(SYS_sigprocmask, SIG_BLOCK, &set, &old), 0, "sigprocmask blocks");
	check_equal(old, BIT(SIGUSR1), "and gives the lower half of what was");
	set = BIT(SIGCHLD);
	check_result(sys(SYS_sigprocmask, SIG_SETMASK, &set, &old), 0, "sigprocmask sets");
	check_equal(old, BIT(SIGUSR1) | BIT(SIGUSR2), "instead of both");
	sys(SYS_rt_sigprocmask, SIG_BLOCK, 0, now, 8);
	check_true(now[0] == BIT(SIGCHLD) && now[1] == BIT(SIGRT - 32), "and leaves the upper half");
	check_result(sys(SYS_sigprocmask, SIG_UNBLOCK, &set, 0), 0, "sigprocmask unblocks");
	check_result(sys(SYS_sigprocmask, 3, &set, 0), -EINVAL, "sigprocmask does no fourth thing");
	check_result(sys(SYS_sigprocmask, 3, 0, &old), 0, "unless there is no set");
	check_equal(old, 0, "nothing is blocked of the lower half");
	check_result(sys(SYS_sigprocmask, SIG_BLOCK, BAD, 0), -EFAULT, "sigprocmask from address 8 gives EFAULT");
	check_result(sys(SYS_sigprocmask, SIG_BLOCK, 0, BAD), -EFAULT, "to address 8 EFAULT");
	wide[0] = wide[1] = 0;
	sys(SYS_rt_sigprocmask, SIG_SETMASK, wide, 0, 8);
}

static void test_pending(void)
{
	uint32_t set[2] = { BIT(SIGUSR1), BIT(SIGRT - 32) }, pending = 0, both[2], info[32];
	uint32_t no_time[2] = { 0, 0 }, no_time64[4] = { 0, 0, 0, 0 };

	sys(SYS_rt_sigprocmask, SIG_BLOCK, set, 0, 8);
	check_result(sys(SYS_rt_sigtimedwait, set, info, no_time, 8), -EAGAIN, "nothing has come: EAGAIN");
	sys(SYS_kill, sys(SYS_getpid), SIGUSR1);
	sys(SYS_kill, sys(SYS_getpid), SIGRT);
	check_result(sys(SYS_sigpending, &pending), 0, "sigpending");
	check_equal(pending, BIT(SIGUSR1), "tells the lower half of what is pending");
	check_result(sys(SYS_rt_sigpending, both, 8), 0, "rt_sigpending");
	check_true(both[0] == set[0] && both[1] == set[1], "tells all");
	check_result(sys(SYS_sigpending, BAD), -EFAULT, "sigpending to address 8 gives EFAULT");
	check_result(sys(SYS_rt_sigtimedwait, set, info, 0, 8), SIGUSR1, "rt_sigtimedwait takes the first");
	check_true(info[0] == SIGUSR1 && info[2] == 0 && info[3] == (uint32_t)sys(SYS_getpid), "and says who sent it");
	check_result(sys(SYS_rt_sigtimedwait64, set, info, no_time64, 8), SIGRT, "with 64 bits the second");
	check_result(sys(SYS_rt_sigtimedwait64, set, 0, no_time64, 8), -EAGAIN, "no more");
	no_time[1] = 1000000000;
	check_result(sys(SYS_rt_sigtimedwait, set, 0, no_time, 8), -EINVAL, "1e9 ns give EINVAL");
	check_result(sys(SYS_rt_sigtimedwait, set, 0, no_time, 4), -EINVAL, "4 bytes give EINVAL");
	check_result(sys(SYS_rt_sigtimedwait, BAD, 0, 0, 8), -EFAULT, "a set at address 8 gives EFAULT");
	check_result(sys(SYS_rt_sigtimedwait, set, 0, BAD, 8), -EFAULT, "a time at address 8 gives EFAULT");
	sys(SYS_kill, sys(SYS_getpid), SIGUSR1);
	check_result(sys(SYS_rt_sigtimedwait, set, BAD, 0, 8), -EFAULT, "info to address 8 gives EFAULT");
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, set, 0, 8);
}

/* What a process says of a signal to itself comes back, by the kind of its code. */
static void test_info(void)
{
	static const struct {
		const char *name;
		uint32_t signal, code, fields;
	} rows[] = {
		{ "sigqueue: pid, uid, value", SIGUSR1, (uint32_t)-1, 3 },
		{ "a timer: id, overrun, value", SIGUSR1, (uint32_t)-2, 3 },
		{ "a fault: address", SIGSEGV, 1, 1 },
		{ "a child: pid, uid, status and times", SIGCHLD, 1, 5 },
		{ "poll: band, descriptor", SIGPOLL, 1, 2 },
		{ "a call: address, number, kind", SIGSYS, 1, 3 },
		{ "kill: pid, uid", SIGUSR1, 0, 2 },
	};
	uint32_t set[2], pid = (uint32_t)sys(SYS_getpid), said[32] = { 0 }, told[32];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = true;

		set[0] = BIT(rows[i].signal);
		set[1] = 0;
		sys(SYS_rt_sigprocmask, SIG_BLOCK, set, 0, 8);
		said[2] = rows[i].code;
		for (unsigned f = 0; f < 5; f++)
			said[3 + f] = 0x1000 + f;
		check_result(sys(SYS_rt_sigqueueinfo, pid, rows[i].signal, said), 0, rows[i].name);
		check_result(sys(SYS_rt_sigtimedwait, set, told, 0, 8), (int32_t)rows[i].signal, "comes");
		for (unsigned f = 0; f < 5; f++)
			good = good && told[3 + f] == (f < rows[i].fields ? 0x1000 + f : 0);
		check_true(good && told[0] == rows[i].signal && told[2] == rows[i].code, "as it was said");
		sys(SYS_rt_sigprocmask, SIG_UNBLOCK, set, 0, 8);
	}
	check_result(sys(SYS_rt_sigqueueinfo, pid, SIGUSR1, BAD), -EFAULT, "info from address 8 gives EFAULT");
}

static void test_child(void)
{
	uint32_t set[2] = { BIT(SIGCHLD), 0 }, info[32];
	int32_t pid;

	sys(SYS_rt_sigprocmask, SIG_BLOCK, set, 0, 8);
	pid = sys(SYS_fork);
	if (pid == 0)
		sys(SYS_exit_group, 7);
	check_result(sys(SYS_rt_sigtimedwait, set, info, 0, 8), SIGCHLD, "a child's end is told");
	check_true(info[2] == 1 && info[3] == (uint32_t)pid && info[5] == 7, "with its pid and status");
	sys(SYS_waitpid, pid, 0, 0);
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, set, 0, 8);
}

/* i386's number of restart_syscall is another. */
static void test_sleep_over_a_stop(void)
{
	const uint32_t long_time[2] = { 1000, 0 }, nap[2] = { 0, 50000000 };
	uint32_t status = 0;
	int32_t pid = sys(SYS_fork);

	if (pid == 0)
		sys(SYS_exit_group, sys(SYS_nanosleep, long_time, 0));
	sys(SYS_nanosleep, nap, 0);
	sys(SYS_kill, pid, SIGSTOP);
	check_result(sys(SYS_waitpid, pid, &status, WUNTRACED), pid, "a child that sleeps stops");
	sys(SYS_kill, pid, SIGCONT);
	sys(SYS_nanosleep, nap, 0);
	check_result(sys(SYS_waitpid, pid, &status, WNOHANG), 0, "and sleeps on");
	sys(SYS_kill, pid, SIGKILL);
	check_result(sys(SYS_waitpid, pid, &status, 0), pid, "until it is killed");
	check_equal(status, SIGKILL, "which its status says");
}

static void test_alternate_stack(void)
{
	uint32_t stack[3] = { 0x10000, 0, 8192 }, seen[3];

	check_result(sys(SYS_sigaltstack, stack, 0), 0, "sigaltstack takes a stack");
	check_result(sys(SYS_sigaltstack, 0, seen), 0, "and tells it");
	check_true(seen[0] == 0x10000 && seen[1] == 0 && seen[2] == 8192, "as it was");
	check_result(sys(SYS_sigaltstack, BAD, 0), -EFAULT, "from address 8 it gives EFAULT");
	check_result(sys(SYS_sigaltstack, 0, BAD), -EFAULT, "to address 8 EFAULT");
	stack[2] = 100;
	check_result(sys(SYS_sigaltstack, stack, 0), -ENOMEM, "100 bytes give ENOMEM");
	stack[1] = 4;
	check_result(sys(SYS_sigaltstack, stack, 0), -EINVAL, "flag 4 gives EINVAL");
	stack[1] = 2;
	check_result(sys(SYS_sigaltstack, stack, 0), 0, "SS_DISABLE ends it");
	sys(SYS_sigaltstack, 0, seen);
	check_equal(seen[1], 2, "for all to see");
}

void test_signal_calls(void)
{
	check_subject("signals: ");
	test_actions();
	test_masks();
	test_pending();
	test_info();
	test_child();
	test_sleep_over_a_stop();
	test_alternate_stack();
	check_subject("");
}
