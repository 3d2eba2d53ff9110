/*
 * Events: what a tracer is told of forks, threads and exec, and of children that are its, too.
 */
#define _GNU_SOURCE
#include "../../../../user/raw_clone.h"
#include "tracing.h"

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

void events_of_forks(void)
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

/* musl's clone() refuses CLONE_THREAD from version 1.2.5 on. */
static void makes_thread(void)
{
	raw_clone(in_thread, stack + sizeof(stack),
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL);
	syscall(SYS_getppid);
	_exit(6);
}

void events_of_clones(void)
{
	unsigned long thread = 0;
	pid_t pid = begin(makes_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD);

	check_equal(go_on(PTRACE_CONT, pid), EVENT(PTRACE_EVENT_CLONE), "a new thread is an event");
	trace(PTRACE_GETEVENTMSG, pid, 0, &thread);
	check_equal(wait_for((pid_t)thread), STOPPED(SIGSTOP), "the thread stops first");
	check_equal(to_call((pid_t)thread, PTRACE_SYSCALL, SYS_exit), CALL_STOP, "its calls are seen");
	check_equal(to_call(pid, PTRACE_SYSCALL, SYS_getppid), CALL_STOP, "and its maker's, while it stands");
	trace_n(PTRACE_CONT, (pid_t)thread, 0);
	wait_for((pid_t)thread); /* Linux tells of its end, too */
	trace_n(PTRACE_CONT, pid, 0);
	check_equal(wait_for(pid), 6 << 8, "both end");
}

static void execs(void)
{
	execl("/proc/self/exe", "tracing", "nothing", (char *)NULL);
}

void events_of_exec(void)
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
