/*
 * PTRACE_SEIZE and INTERRUPT, and what becomes of a tracee whose tracer ends.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "../../../../user/raw_clone.h"
#include "tracing.h"

static void pause_for_ever(void)
{
	for (;;)
		pause();
}

static pid_t bystander(void)
{
	pid_t pid = fork();

	if (pid == 0)
		pause_for_ever();
	return pid;
}

void seized(void)
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
	check_equal(trace(PTRACE_GETSIGINFO, pid, 0, &si), 0, "which has a siginfo");
	check_equal(si.si_code, SIGSTOP | EVENT_STOP << 8, "of that stop");
	check_equal(si.si_signo, SIGSTOP, "and its signal");
	check_equal(trace_n(PTRACE_DETACH, pid, 0), 0, "it is let go");
	end(pid);
}

/* In a stop that is left to itself. */
void listens(void)
{
	struct user_regs_struct regs;
	int status;
	siginfo_t si;
	pid_t pid = begin(pause_for_ever, 0);

	check_equal(trace_n(LISTEN, pid, 0), -EIO, "who was not seized does not listen");
	end(pid);
	pid = bystander();
	trace_n(SEIZE, pid, 0);
	check_equal(trace_n(LISTEN, pid, 0), -ESRCH, "nor who runs");
	kill(pid, SIGSTOP);
	check_equal(wait_for(pid), STOPPED(SIGSTOP), "SIGSTOP comes");
	check_equal(trace_n(LISTEN, pid, 0), -EIO, "which is no stop to listen in");
	trace_n(PTRACE_CONT, pid, SIGSTOP);
	check_equal(wait_for(pid), STOPPED(SIGSTOP | EVENT_STOP << 8), "but it makes one");
	check_equal(trace_n(LISTEN, pid, 0), 0, "it listens");
	check_equal(trace(PTRACE_GETREGS, pid, 0, &regs), -ESRCH, "and is not looked at");
	check_equal(trace_n(LISTEN, pid, 0), -ESRCH, "nor told to listen");
	check_equal(waitpid(pid, &status, WNOHANG | __WALL), 0, "nothing happens");
	check_equal(trace_n(INTERRUPT, pid, 0), 0, "it is interrupted");
	check_equal(wait_for(pid), STOPPED(SIGSTOP | EVENT_STOP << 8), "and stops as it did");
	check_equal(trace(PTRACE_GETREGS, pid, 0, &regs), 0, "to be looked at");
	check_equal(trace_n(LISTEN, pid, 0), 0, "it listens again");
	kill(pid, SIGCONT);
	check_equal(wait_for(pid), EVENT(EVENT_STOP), "SIGCONT is heard");
	trace(PTRACE_GETSIGINFO, pid, 0, &si);
	check_equal(si.si_code, SIGTRAP | EVENT_STOP << 8, "as an event");
	check_equal(go_on(PTRACE_CONT, pid), STOPPED(SIGCONT), "and then comes");
	trace_n(PTRACE_CONT, pid, SIGCONT);
	kill(pid, SIGCONT);
	check_equal(wait_for(pid), EVENT(EVENT_STOP), "where nothing is stopped, too");
	check_equal(go_on(PTRACE_CONT, pid), STOPPED(SIGCONT), "with the signal behind it");
	trace_n(PTRACE_CONT, pid, 0);
	kill(pid, SIGSTOP);
	wait_for(pid);
	trace_n(PTRACE_CONT, pid, SIGSTOP);
	wait_for(pid);
	trace_n(LISTEN, pid, 0);
	kill(pid, SIGKILL);
	check_equal(wait_for(pid), SIGKILL, "SIGKILL ends who listens");
}

static char stack[65536] __attribute__((aligned(16)));

static int pauses(void *unused)
{
	for (;;)
		pause();
	return unused != NULL;
}

/* All threads of a process are stopped; then both are traced, one after the other. */
void stops_of_their_own(void)
{
	volatile int *tid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		*tid = (int)raw_clone(pauses, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES |
				      CLONE_SIGHAND | CLONE_THREAD, NULL, NULL);
		pauses(NULL);
	}
	while (!*tid)
		sched_yield();
	kill(pid, SIGSTOP);
	check_equal(waitpid(pid, &status, WUNTRACED), pid, "a process of two threads stops");
	check_equal(trace_n(PTRACE_ATTACH, pid, 0), 0, "its leader is traced");
	check_equal(wait_for(pid), STOPPED(SIGSTOP), "and stops for itself");
	check_equal(trace_n(PTRACE_ATTACH, *tid, 0), 0, "then the other one");
	check_equal(wait_for(*tid), STOPPED(SIGSTOP), "which does, too");
	check_equal(trace_n(PTRACE_SETOPTIONS, pid, 0), 0, "the leader is still there to be looked at");
	check_equal(trace_n(PTRACE_CONT, pid, 0), 0, "and goes on");
	kill(pid, SIGKILL);
	wait_for(*tid); /* Linux tells of its end, too */
	check_equal(wait_for(pid), SIGKILL, "both end");
}

/* A tracer that ends takes with it whom it wants to. */
void killed_with_tracer(void)
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
void tracer_goes(void)
{
	int status;
	pid_t pid = fork(), tracer;

	if (pid == 0)
		spins();
	tracer = fork();
	if (tracer == 0) {
		trace(PTRACE_ATTACH, pid, 0, NULL);
		waitpid(pid, NULL, __WALL);
		/* Else Linux sends the SIGTRAP of a stop that nobody saw. */
		trace_n(PTRACE_SETOPTIONS, pid, PTRACE_O_TRACESYSGOOD);
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
