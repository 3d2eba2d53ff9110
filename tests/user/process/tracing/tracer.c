/*
 * A tracer's calls, each in a line.
 */
#define _GNU_SOURCE
#include "tracing.h"

long trace(long request, pid_t pid, unsigned long addr, void *data)
{
	long result = syscall(SYS_ptrace, request, pid, addr, data);

	return result < 0 ? -errno : result;
}

long trace_n(long request, pid_t pid, unsigned long value)
{
	return trace(request, pid, 0, (void *)value);
}

int wait_for(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

pid_t begin(void (*what)(void), unsigned long options)
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

int go_on(long request, pid_t pid)
{
	trace_n(request, pid, 0);
	return wait_for(pid);
}

void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

struct call_info info_of(pid_t pid)
{
	struct call_info info;

	memset(&info, 0xff, sizeof(info));
	check_true(trace(GET_SYSCALL_INFO, pid, sizeof(info), &info) >= 24, "a stop has its information");
	return info;
}

int to_call(pid_t pid, long request, long nr)
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
