/*
 * witness: what this processor makes of each case of fault.c, doors.c and entry32.c,
 * and what the other test programs print here: tests/emulators.py compares it
 * between emulators.
 *
 * Each case runs in a child that is traced. At its first signal one line tells
 * the signal and all registers, as ptrace shows them:
 *
 *	fault N: signal S r15 R r14 R ... gs R
 *	fault N: exit E
 *	program PATH:			(what it prints follows)
 *	program PATH: status W		(wait's word)
 */
#define _GNU_SOURCE 1

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRACEME = 0, CONT = 7, KILL = 8, GETREGS = 12 };

#define NO_CASE 255

static char *const environment[] = { NULL };

/* Linux's struct user_regs_struct, all of 64 bits. */
static const char *const names[] = { "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10",
	"r9", "r8", "ax", "cx", "dx", "si", "di", "orig_ax", "ip", "cs", "flags", "sp", "ss",
	"fs_base", "gs_base", "ds", "es", "fs", "gs" };

#define NR_REGS (sizeof(names) / sizeof(names[0]))

/* Wait's word for a program; argv[0] is its path. */
static int run(const char *const argv[])
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execve(argv[0], (char *const *)argv, environment);
		_exit(NO_CASE);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* One case; its first stop is behind exec. */
static void watch(const char *path, int number, const char *digits)
{
	const char *const argv[] = { path, "-case", digits, NULL };
	const char *name = strrchr(path, '/') + 1;
	unsigned long regs[NR_REGS] = { 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_ptrace, TRACEME, 0, 0, 0);
		execve(argv[0], (char *const *)argv, environment);
		_exit(NO_CASE);
	}
	waitpid(pid, &status, 0);
	syscall(SYS_ptrace, CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	if (!WIFSTOPPED(status)) {
		printf("%s %d: exit %d\n", name, number, WEXITSTATUS(status));
		return;
	}
	syscall(SYS_ptrace, GETREGS, pid, 0, regs);
	printf("%s %d: signal %d", name, number, WSTOPSIG(status));
	for (unsigned i = 0; i < NR_REGS; i++)
		printf(" %s %lx", names[i], regs[i]);
	printf("\n");
	syscall(SYS_ptrace, KILL, pid, 0, 0);
	waitpid(pid, &status, 0);
}

/* All cases of a program that has -case and -expect. */
static void watch_all(const char *path)
{
	for (int i = 0; i < NO_CASE; i++) {
		char digits[8];
		const char *const ask[] = { path, "-expect", digits, NULL };

		snprintf(digits, sizeof(digits), "%d", i);
		if (WEXITSTATUS(run(ask)) == NO_CASE)
			break;
		watch(path, i, digits);
	}
}

int main(void)
{
	static const char *const bad[] = { "/bin/fault", "/bin/doors", "/bin/entry32" };
	static const char *const good[] = { "/bin/abi", "/bin/regs", "/bin/signals",
		"/bin/ldt", "/bin/umip", "/bin/int80", "/bin/ia32", "/bin/signals32",
		"/bin/ptrace", "/bin/fsgs", "/bin/ioports", "/bin/mappings" };

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		watch_all(bad[i]);
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *const argv[] = { good[i], NULL };
		int status;

		printf("program %s:\n", good[i]);
		status = run(argv);
		printf("program %s: status %x\n", good[i], status);
	}
	return 0;
}
