/* trace.c: children of the regression programs, and ptrace; bugs.h. */
#include "bugs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

long trace(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data) < 0 ? -errno : 0;
}

int wait_for(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

pid_t make_child(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		_exit(1);
	}
	if (pid == 0)
		catching = false;
	return pid;
}

int in_child(void (*fn)(void))
{
	pid_t pid = make_child();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	return wait_for(pid);
}

pid_t trace_start(void (*fn)(void))
{
	pid_t pid = make_child();

	if (pid == 0) {
		trace(TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		fn();
		_exit(0);
	}
	check_equal(wait_for(pid), STOPPED(SIGSTOP), "a child to be traced stops");
	return pid;
}

uint64_t trace_peek_user(pid_t pid, unsigned long offset)
{
	uint64_t value = 0;

	if (trace(PEEKUSER, pid, offset, (unsigned long)&value))
		return 0xbadbadbadbad;
	return value;
}

int trace_to_end(pid_t pid, int *traps)
{
	int status, signal = 0;

	*traps = 0;
	do {
		if (trace(CONT, pid, 0, (unsigned long)signal))
			return -1;
		status = wait_for(pid);
		signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
		*traps += signal == SIGTRAP;
		if (signal == SIGTRAP)
			signal = 0;
	} while (WIFSTOPPED(status));
	return status;
}

void trace_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	while (WIFSTOPPED(wait_for(pid)))
		;
}
