/*
 * tracing: what a tracer of system calls needs: stops at calls and events, what they say of
 * themselves, calls that the tracer makes in the kernel's place, PTRACE_SEIZE.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N`
 * at the end, exit status 0. `tracing -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "tracing/tracing.h"

static void calls(void)
{
	syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
	syscall(SYS_close, -1);
	_exit(7);
}

static void stops_at_calls(void)
{
	struct user_regs_struct regs;
	struct call_info info;
	unsigned long message = 99;
	siginfo_t si;
	pid_t pid = begin(calls, PTRACE_O_TRACESYSGOOD);

	info = info_of(pid);
	check_equal(info.op, 0, "a stop before a signal is none at a call");
	check_equal(to_call(pid, PTRACE_SYSCALL, SYS_getppid), CALL_STOP, "it stops at getppid");
	info = info_of(pid);
	for (unsigned i = 0; i < 6; i++)
		check_equal((int64_t)info.args[i], i + 1, "argument %u", i + 1);
	check_equal((int64_t)info.arch, 0xc000003e, "the architecture");
	trace(PTRACE_GETREGS, pid, 0, &regs);
	check_equal((int64_t)regs.orig_rax, SYS_getppid, "the call's number is in orig_rax");
	check_equal((int64_t)regs.rax, -ENOSYS, "and -ENOSYS in rax");
	check_equal((int64_t)regs.rip, (int64_t)info.ip, "RIP is the information's");
	check_equal((int64_t)regs.rcx, (int64_t)regs.rip, "RCX is as SYSCALL leaves it");
	check_equal((int64_t)regs.r11, (int64_t)regs.eflags, "and R11");
	check_equal((int64_t)(regs.eflags & 0x10100), 0, "neither TF nor RF is set");
	check_equal(trace(PTRACE_GETSIGINFO, pid, 0, &si), 0, "the stop has a siginfo");
	check_equal(si.si_code, SIGTRAP | 0x80, "which says what it is");
	check_equal(si.si_pid, pid, "of the process itself");
	check_equal(trace(PTRACE_GETEVENTMSG, pid, 0, &message), 0, "and a message");
	check_equal((int64_t)message, 1, "that of a call's beginning");

	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "it stops behind getppid");
	info = info_of(pid);
	check_equal(info.op, 2, "which is an end");
	check_equal(info.rval, getpid(), "it has its result");
	check_equal(info.is_error, 0, "and no error");
	check_equal(to_call(pid, PTRACE_SYSCALL, SYS_close), CALL_STOP, "it stops at close");
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "and behind it");
	info = info_of(pid);
	check_equal(info.rval, -EBADF, "close(-1) is EBADF");
	check_equal(info.is_error, 1, "an error");
	check_equal(go_on(PTRACE_CONT, pid), 7 << 8, "then it goes on to its end");
}

static void without_good(void)
{
	siginfo_t si;
	pid_t pid = begin(calls, 0);

	check_equal(go_on(PTRACE_SYSCALL, pid), STOPPED(SIGTRAP), "without TRACESYSGOOD it is a SIGTRAP");
	trace(PTRACE_GETSIGINFO, pid, 0, &si);
	check_equal(si.si_code, SIGTRAP, "with its own code");
	end(pid);
}

/* Exits with what getppid gave it. */
static void asks(void)
{
	_exit((int)syscall(SYS_getppid));
}

static void changed(void)
{
	struct user_regs_struct regs;
	pid_t pid = begin(asks, PTRACE_O_TRACESYSGOOD);

	to_call(pid, PTRACE_SYSCALL, SYS_getppid);
	trace(PTRACE_GETREGS, pid, 0, &regs);
	regs.orig_rax = -1ul;
	regs.rax = 42;
	trace(PTRACE_SETREGS, pid, 0, &regs);
	check_equal(go_on(PTRACE_CONT, pid), 42 << 8, "a call of number -1 is not made");
	pid = begin(asks, PTRACE_O_TRACESYSGOOD);
	to_call(pid, PTRACE_SYSCALL, SYS_getppid);
	trace(PTRACE_GETREGS, pid, 0, &regs);
	regs.orig_rax = SYS_close;
	regs.rdi = -1ul;
	trace(PTRACE_SETREGS, pid, 0, &regs);
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "another call may be made for it");
	check_equal(info_of(pid).rval, -EBADF, "with that one's result");
	trace(PTRACE_GETREGS, pid, 0, &regs);
	regs.rax = 43;
	trace(PTRACE_SETREGS, pid, 0, &regs);
	check_equal(go_on(PTRACE_CONT, pid), 43 << 8, "which may be changed");
}

static void emulated(void)
{
	struct user_regs_struct regs;
	pid_t pid = begin(asks, PTRACE_O_TRACESYSGOOD);
	unsigned long rip;
	int status;

	check_equal(to_call(pid, SYSEMU, SYS_getppid), CALL_STOP, "SYSEMU stops at a call");
	trace(PTRACE_GETREGS, pid, 0, &regs);
	regs.rax = 44;
	rip = regs.rip;
	trace(PTRACE_SETREGS, pid, 0, &regs);
	check_equal(go_on(SYSEMU, pid), CALL_STOP, "and not behind it");
	check_equal((int64_t)info_of(pid).nr, SYS_exit_group, "but at the next");
	check_equal((int64_t)info_of(pid).args[0], 44, "the tracer has given the result");
	end(pid);

	pid = begin(asks, PTRACE_O_TRACESYSGOOD);
	to_call(pid, SYSEMU, SYS_getppid);
	check_equal(go_on(SYSEMU_SINGLESTEP, pid), STOPPED(SIGTRAP), "SYSEMU_SINGLESTEP steps");
	trace(PTRACE_GETREGS, pid, 0, &regs);
	check_true(regs.rip != rip, "on from there");
	do
		status = go_on(SYSEMU_SINGLESTEP, pid);
	while (status == STOPPED(SIGTRAP));
	check_equal(status, CALL_STOP, "and stops at the next call");
	end(pid);
}

static volatile int handled;

static void on_usr1(int signal)
{
	handled = signal;
}

static void waits(void)
{
	signal(SIGUSR1, on_usr1);
	syscall(SYS_getppid);
	pause();
	_exit(handled);
}

/* Signals, their return, and a call that one ends. */
static void with_signals(void)
{
	int status;
	siginfo_t si;
	pid_t pid = begin(waits, PTRACE_O_TRACESYSGOOD);

	to_call(pid, PTRACE_SYSCALL, SYS_pause);
	trace_n(PTRACE_SYSCALL, pid, 0);
	kill(pid, SIGUSR1);
	status = wait_for(pid);
	check_equal(status, CALL_STOP, "a signal ends pause");
	check_equal(info_of(pid).rval, -514, "which is -ERESTARTNOHAND to the tracer");
	check_equal(go_on(PTRACE_SYSCALL, pid), STOPPED(SIGUSR1), "then it stops before SIGUSR1");
	check_equal(trace(PTRACE_GETSIGINFO, pid, 0, &si), 0, "which has a siginfo");
	check_equal(si.si_pid, getpid(), "of its sender");
	check_equal(si.si_code, SI_USER, "by kill");
	si.si_pid = 4321;
	check_equal(trace(PTRACE_SETSIGINFO, pid, 0, &si), 0, "it is changed");
	trace(PTRACE_GETSIGINFO, pid, 0, &si);
	check_equal(si.si_pid, 4321, "and is so");
	check_equal(trace_n(PTRACE_SYSCALL, pid, SIGUSR1), 0, "it goes on with SIGUSR1");
	check_equal(wait_for(pid), CALL_STOP, "to the handler's return");
	check_equal((int64_t)info_of(pid).nr, SYS_rt_sigreturn, "which is a call");
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "that ends");
	check_equal(info_of(pid).op, 2, "at the place of the signal");
	check_equal(info_of(pid).rval, -EINTR, "where pause was ended");
	check_equal(go_on(PTRACE_CONT, pid), SIGUSR1 << 8, "the handler ran");
}

static void unblocks(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGUSR1, on_usr1);
	raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(handled);
}

/* What a tracer says of a signal may be of none that there is. */
static void of_no_signal(void)
{
	unsigned long mask = 1ul << (SIGUSR1 - 1);
	pid_t pid = begin(unblocks, 0);
	siginfo_t si;

	check_equal(go_on(PTRACE_CONT, pid), STOPPED(SIGUSR1), "it stops before SIGUSR1");
	trace(PTRACE_GETSIGINFO, pid, 0, &si);
	si.si_signo = 0x10000000;
	check_equal(trace(PTRACE_SETSIGINFO, pid, 0, &si), 0, "its siginfo is of no signal");
	check_equal(trace(SETSIGMASK, pid, 8, &mask), 0, "SIGUSR1 is blocked");
	trace_n(PTRACE_CONT, pid, SIGUSR1);
	check_equal(wait_for(pid), STOPPED(SIGUSR1), "it waits until it is not");
	trace(PTRACE_GETSIGINFO, pid, 0, &si);
	check_equal(si.si_signo, SIGUSR1, "with a siginfo of its own");
	trace_n(PTRACE_CONT, pid, SIGUSR1);
	check_equal(wait_for(pid), SIGUSR1 << 8, "the handler ran");
}

static void masks(void)
{
	unsigned long mask = 0;
	pid_t pid = begin(calls, 0);

	check_equal(trace(GETSIGMASK, pid, 8, &mask), 0, "the mask is read");
	check_equal(trace(GETSIGMASK, pid, 4, &mask), -EINVAL, "it has 8 bytes");
	mask = ~0ul;
	check_equal(trace(SETSIGMASK, pid, 8, &mask), 0, "it is written");
	trace(GETSIGMASK, pid, 8, &mask);
	check_equal((int64_t)~mask, 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1), "all but two are blocked");
	end(pid);
}

static void bad_options(void)
{
	unsigned long word;
	pid_t pid = begin(calls, 0);

	check_equal(trace_n(PTRACE_SETOPTIONS, pid, 1 << 30), -EINVAL, "an unknown option is refused");
	check_equal(trace_n(PTRACE_SYSCALL, pid, 65), -EIO, "to go on with signal 65");
	check_equal(trace(PTRACE_GETSIGINFO, pid, 0, (void *)16), -EFAULT, "a siginfo to nowhere");
	check_equal(trace_n(INTERRUPT, pid, 0), -EIO, "one that was not seized is not interrupted");
	check_equal(trace(GET_SYSCALL_INFO, pid, 4, &word), 24, "a short buffer is told how long it should be");
	end(pid);
	check_equal(trace_n(PTRACE_SETOPTIONS, pid, 0), -ESRCH, "nobody has options");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 9;
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	stops_at_calls();
	without_good();
	changed();
	emulated();
	with_signals();
	of_no_signal();
	masks();
	events_of_forks();
	events_of_clones();
	events_of_exec();
	bad_options();
	seized();
	stops_of_their_own();
	killed_with_tracer();
	tracer_goes();
	listens();
	registers();
	calls_by_int80();
	calls_of_32_bits();
	return check_end();
}
