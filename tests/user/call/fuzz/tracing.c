/*
 * Random requests of ptrace, with hostile registers and words, and random
 * signals, to a child that makes calls, faults and catches signals.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUESTS 150
#define PATIENCE 20

static void caught(int number)
{
	(void)number;
}

__attribute__((noreturn)) static void be_traced(void)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGTRAP, SIGILL, 40 };

	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], caught);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	for (unsigned i = 0; i < 10000; i++) {
		const uint64_t arg[6] = { 0 };

		fuzz_call(SYS_getpid, 0, 0, 0, 0);
		fuzz_int80(20, arg, false, 0);
		if (i % 8 == 0)
			__asm__ volatile("int3");
		if (i % 16 == 0)
			raise(SIGUSR1);
	}
	_exit(0);
}

static uint64_t any_request(void)
{
	static const uint16_t usual[] = {
		PTRACE_PEEKUSER, PTRACE_POKEUSER, PTRACE_POKEDATA, PTRACE_CONT, PTRACE_CONT,
		PTRACE_SINGLESTEP, PTRACE_SYSCALL, PTRACE_GETREGS, PTRACE_SETREGS,
		PTRACE_SETFPREGS, PTRACE_GETFPREGS, PTRACE_ATTACH, PTRACE_DETACH,
	};

	switch (fuzz_below(8)) {
	case 0: return fuzz_below(32);
	case 1: return 0x4200 + fuzz_below(17);
	case 2: return fuzz_value();
	default: return usual[fuzz_below(sizeof(usual) / sizeof(*usual))];
	}
}

/* Of struct user: the registers, or the debug registers. */
static uint64_t any_word(void)
{
	switch (fuzz_below(4)) {
	case 0: return 848 + 8 * fuzz_below(8);
	case 1: return fuzz_value();
	default: return 8 * fuzz_below(27);
	}
}

static void change_registers(pid_t child)
{
	struct user_regs_struct regs;
	uint64_t *word = (uint64_t *)&regs;

	if (ptrace(PTRACE_GETREGS, child, 0, &regs))
		return;
	for (unsigned n = 1 + fuzz_below(4); n > 0; n--)
		word[fuzz_below(sizeof(regs) / 8)] = fuzz_one_in(3) ? fuzz_selector() : fuzz_value();
	ptrace(PTRACE_SETREGS, child, 0, &regs);
}

/* False: the child has gone. */
static bool is_there(pid_t child)
{
	for (unsigned i = 0; i < PATIENCE; i++) {
		int status;
		pid_t found = waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED);

		if (found < 0 || (found == child && !WIFSTOPPED(status) && !WIFCONTINUED(status)))
			return false;
		if (found == child)
			return true;
		fuzz_call(SYS_sched_yield, 0, 0, 0, 0);
	}
	if (fuzz_one_in(4))
		kill(child, SIGSTOP);
	return true;
}

static pid_t new_child(void)
{
	pid_t child = fork();

	if (child == 0)
		be_traced();
	fuzz_last_child = child;
	return child;
}

void fuzz_tracing(void)
{
	pid_t child;

	fuzz_become_nobody();
	child = new_child();
	for (unsigned i = 0; i < REQUESTS && child > 0; i++) {
		uint64_t request = any_request();
		bool own = request == PTRACE_TRACEME;

		if (!is_there(child)) {
			child = new_child();
			continue;
		}
		if (fuzz_one_in(4))
			change_registers(child);
		if (fuzz_one_in(10))
			kill(child, 1 + (int)fuzz_below(64));
		fuzz_call(SYS_ptrace, request, own ? 0 : (uint64_t)child, any_word(), fuzz_value());
		fuzz_counts->calls++;
	}
	kill(child, SIGKILL);
}
