/*
 * tracing: what a tracer of system calls needs: stops at calls and events, what they say of
 * themselves, calls that the tracer makes in the kernel's place, PTRACE_SEIZE.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N`
 * at the end, exit status 0. `tracing -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOPPED(status) ((status) << 8 | 0x7f)
#define CALL_STOP STOPPED(SIGTRAP | 0x80)
#define EVENT(event) STOPPED(SIGTRAP | (event) << 8)
#define SEIZE 0x4206
#define INTERRUPT 0x4207
#define GETSIGMASK 0x420a
#define SETSIGMASK 0x420b
#define GET_SYSCALL_INFO 0x420e
#define SYSEMU 31
#define SYSEMU_SINGLESTEP 32
#define EVENT_STOP 128

struct call_info {
	unsigned char op, pad[3];
	unsigned arch;
	unsigned long ip, sp;
	union {
		struct {
			unsigned long nr, args[6];
		};
		struct {
			long rval;
			unsigned char is_error;
		};
	};
};

static long trace(long request, pid_t pid, unsigned long addr, void *data)
{
	long result = syscall(SYS_ptrace, request, pid, addr, data);

	return result < 0 ? -errno : result;
}

static long trace_n(long request, pid_t pid, unsigned long value)
{
	return trace(request, pid, 0, (void *)value);
}

static int wait_for(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

/* A child that is traced, stopped before it does what it is for. */
static pid_t begin(void (*what)(void), unsigned long options)
{
	pid_t pid = fork();

	if (pid == 0) {
		trace(PTRACE_TRACEME, 0, 0, NULL);
		raise(SIGSTOP);
		what();
		_exit(0);
	}
	if (wait_for(pid) != STOPPED(SIGSTOP))
		check_true(false, "a traced child stops");
	check_equal(trace_n(PTRACE_SETOPTIONS, pid, options), 0, "options %#lx are set", options);
	return pid;
}

static int go_on(long request, pid_t pid)
{
	trace_n(request, pid, 0);
	return wait_for(pid);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

static struct call_info info_of(pid_t pid)
{
	struct call_info info;

	memset(&info, 0xff, sizeof(info));
	check_true(trace(GET_SYSCALL_INFO, pid, sizeof(info), &info) >= 24, "a stop has its information");
	return info;
}

/* ---- Calls ------------------------------------------------------------------------- */

static void calls(void)
{
	syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
	syscall(SYS_close, -1);
	_exit(7);
}

/* On to the beginning of call `nr`. */
static int to_call(pid_t pid, long request, long nr)
{
	struct call_info info;
	int status;

	do {
		status = go_on(request, pid);
		if (status != CALL_STOP)
			return status;
		info = info_of(pid);
	} while (info.op != 1 || (long)info.nr != nr);
	return status;
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

/* ---- Events ------------------------------------------------------------------------- */

static void forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	waitpid(pid, NULL, 0);
	pid = vfork();
	if (pid == 0)
		_exit(4);
	waitpid(pid, NULL, 0);
	_exit(5);
}

/* At an event that has made a child, which is the tracer's, too. */
static void check_new_child(pid_t pid, const char *name)
{
	unsigned long child = 0;
	siginfo_t si;

	trace(PTRACE_GETEVENTMSG, pid, 0, &child);
	trace(PTRACE_GETSIGINFO, pid, 0, &si);
	check_equal(si.si_code >> 8 << 8 | SIGTRAP, si.si_code, "%s: its siginfo has the event", name);
	check_equal(wait_for((pid_t)child), STOPPED(SIGSTOP), "%s: the child stops first", name);
	check_equal(trace_n(PTRACE_DETACH, (pid_t)child, 0), 0, "%s: and is let go", name);
}

static void events_of_forks(void)
{
	pid_t pid = begin(forks, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT);
	unsigned long message = 0;
	int status;

	check_equal(go_on(PTRACE_CONT, pid), EVENT(PTRACE_EVENT_FORK), "fork is an event");
	check_new_child(pid, "fork");
	check_equal(go_on(PTRACE_CONT, pid), STOPPED(SIGCHLD), "its child ends");
	check_equal(go_on(PTRACE_CONT, pid), EVENT(PTRACE_EVENT_VFORK), "vfork is an event");
	check_new_child(pid, "vfork");
	status = go_on(PTRACE_CONT, pid);
	if (status == STOPPED(SIGCHLD))
		status = go_on(PTRACE_CONT, pid);
	check_equal(status, EVENT(PTRACE_EVENT_VFORK_DONE), "so is its end");
	status = go_on(PTRACE_CONT, pid);
	if (status == STOPPED(SIGCHLD))
		status = go_on(PTRACE_CONT, pid);
	check_equal(status, EVENT(PTRACE_EVENT_EXIT), "so is the end of the process");
	trace(PTRACE_GETEVENTMSG, pid, 0, &message);
	check_equal((int64_t)message, 5 << 8, "with its status");
	check_equal(go_on(PTRACE_CONT, pid), 5 << 8, "then it ends");
}

static char stack[65536] __attribute__((aligned(16)));

static int in_thread(void *unused)
{
	(void)unused;
	syscall(SYS_exit, 0);
	return 0;
}

static void makes_thread(void)
{
	clone(in_thread, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
	      CLONE_THREAD, NULL);
	syscall(SYS_getppid);
	_exit(6);
}

static void events_of_clones(void)
{
	unsigned long thread = 0;
	pid_t pid = begin(makes_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD);

	check_equal(go_on(PTRACE_CONT, pid), EVENT(PTRACE_EVENT_CLONE), "a new thread is an event");
	trace(PTRACE_GETEVENTMSG, pid, 0, &thread);
	check_equal(wait_for((pid_t)thread), STOPPED(SIGSTOP), "the thread stops first");
	check_equal(to_call((pid_t)thread, PTRACE_SYSCALL, SYS_exit), CALL_STOP, "its calls are seen");
	check_equal(to_call(pid, PTRACE_SYSCALL, SYS_getppid), CALL_STOP, "and its maker's, while it stands");
	trace_n(PTRACE_CONT, (pid_t)thread, 0);
	trace_n(PTRACE_CONT, pid, 0);
	check_equal(wait_for(pid), 6 << 8, "both end");
}

static const char *self;

static void execs(void)
{
	execl(self, self, "nothing", (char *)NULL);
}

static void events_of_exec(void)
{
	unsigned long message = 0;
	pid_t pid = begin(execs, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
	struct call_info info;

	check_equal(to_call(pid, PTRACE_SYSCALL, SYS_execve), CALL_STOP, "it stops at execve");
	check_equal(go_on(PTRACE_SYSCALL, pid), EVENT(PTRACE_EVENT_EXEC), "which is an event");
	trace(PTRACE_GETEVENTMSG, pid, 0, &message);
	check_equal((int64_t)message, pid, "of this thread");
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "and ends");
	info = info_of(pid);
	check_equal(info.op, 2, "behind it");
	check_equal(info.rval, 0, "well");
	check_equal(go_on(PTRACE_SYSCALL, pid), CALL_STOP, "the new program's calls are seen");
	check_equal(info_of(pid).op, 1, "from their beginning");
	check_equal(go_on(PTRACE_CONT, pid), 9 << 8, "it is the new one");
	pid = begin(execs, 0);
	check_equal(go_on(PTRACE_CONT, pid), STOPPED(SIGTRAP), "without the option exec is a SIGTRAP");
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

/* ---- Seized ------------------------------------------------------------------------- */

static pid_t bystander(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void seized(void)
{
	int status;
	siginfo_t si;
	pid_t pid = bystander();

	check_equal(trace(SEIZE, pid, 1, NULL), -EIO, "SEIZE has no address");
	check_equal(trace_n(SEIZE, pid, 1 << 30), -EIO, "nor unknown options");
	check_equal(trace_n(SEIZE, pid, PTRACE_O_TRACESYSGOOD), 0, "a child is seized");
	check_equal(waitpid(pid, &status, WNOHANG), 0, "and does not stop");
	check_equal(trace_n(SEIZE, pid, 0), -EPERM, "not twice");
	check_equal(trace_n(INTERRUPT, pid, 0), 0, "it is interrupted");
	check_equal(wait_for(pid), EVENT(EVENT_STOP), "and stops");
	check_equal(trace(PTRACE_GETSIGINFO, pid, 0, &si), 0, "with a siginfo");
	check_equal(si.si_code, SIGTRAP | EVENT_STOP << 8, "of that event");
	check_equal(to_call(pid, PTRACE_SYSCALL, SYS_pause), CALL_STOP, "it goes on to pause, or goes on with it");
	trace_n(PTRACE_SYSCALL, pid, 0);
	kill(pid, SIGSTOP);
	status = wait_for(pid);
	while (status == CALL_STOP)
		status = go_on(PTRACE_SYSCALL, pid);
	check_equal(status, STOPPED(SIGSTOP), "SIGSTOP is a signal first");
	trace_n(PTRACE_CONT, pid, SIGSTOP);
	check_equal(wait_for(pid), STOPPED(SIGSTOP | EVENT_STOP << 8), "and then a stop");
	check_equal(trace(PTRACE_GETSIGINFO, pid, 0, &si), -EINVAL, "which has no siginfo");
	check_equal(trace_n(PTRACE_DETACH, pid, 0), 0, "it is let go");
	end(pid);
}

/* A tracer that ends takes with it whom it wants to. */
static void killed_with_tracer(void)
{
	pid_t pid = bystander(), tracer = fork();

	if (tracer == 0)
		_exit(trace_n(SEIZE, pid, PTRACE_O_EXITKILL) ? 1 : 0);
	check_equal(wait_for(tracer), 0, "a tracer seizes its sibling, and ends");
	check_equal(wait_for(pid), SIGKILL, "which ends with it");
}

static void spins(void)
{
	for (;;)
		syscall(SYS_getppid);
}

/* Its calls are made while the tracer is there, and when it has gone. */
static void tracer_goes(void)
{
	int status;
	pid_t pid = fork(), tracer;

	if (pid == 0)
		spins();
	tracer = fork();
	if (tracer == 0) {
		trace(PTRACE_ATTACH, pid, 0, NULL);
		waitpid(pid, NULL, __WALL);
		for (int i = 0; i < 5; i++) {
			trace_n(PTRACE_SYSCALL, pid, 0);
			waitpid(pid, NULL, __WALL);
		}
		trace_n(PTRACE_SYSCALL, pid, 0);
		_exit(0);
	}
	check_equal(wait_for(tracer), 0, "a tracer of calls ends");
	usleep(20000);
	check_equal(waitpid(pid, &status, WNOHANG), 0, "and its tracee makes calls");
	kill(pid, SIGTERM);
	check_equal(wait_for(pid), SIGTERM, "until it is ended");
}

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
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
	killed_with_tracer();
	tracer_goes();
	return check_end();
}
