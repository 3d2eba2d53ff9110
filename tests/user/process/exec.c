/*
 * exec: execve: arguments, environment, what a new program finds in its
 * registers, /proc/self/exe, and refusals that change nothing.
 *
 * `exec args N ...` and others, below, are what it runs itself as.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `exec -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define PAGE 4096
#define MANY 1000
#define LONG 60000

struct action { /* the kernel's */
	unsigned long handler, flags, restorer, mask;
};

/* One signal has a handler, one is ignored, both in ways of their own; what an exec leaves. */
static void set_actions(void)
{
	struct action a = { (unsigned long)exit, 0x04000000 | SA_NODEFER, (unsigned long)exit, ~0UL };

	sys(SYS_rt_sigaction, SIGUSR1, &a, 0, 8);
	a.handler = 1; /* SIG_IGN */
	sys(SYS_rt_sigaction, SIGUSR2, &a, 0, 8);
}

static bool actions_are_fresh(void)
{
	bool good = true;

	for (int s = 1; s <= 64; s++) {
		struct action a = { 99, 99, 0, 99 };

		sys(SYS_rt_sigaction, s, 0, &a, 8);
		good &= a.handler == (s == SIGUSR2) && a.flags == 0 && a.mask == 0;
	}
	return good;
}

/* Its exit code, or -1. */
static int run(const char *path, char *const argv[], char *const envp[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		set_actions();
		__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm15, %%xmm15; fld1" : : : "xmm0", "xmm15");
		execve(path, argv, envp);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- What the new program does --------------------------------------------------- */

static bool fpu_is_fresh(void)
{
	static unsigned char image[512] __attribute__((aligned(16)));

	__asm__ volatile("fxsave %0" : "=m"(image));
	for (int i = 160; i < 160 + 16 * 16; i++)
		if (image[i] && i >= 160 + 15 * 16) /* xmm15: the C library leaves it alone */
			return false;
	return image[4] == 0; /* the x87 stack is empty */
}

static int as_child(int argc, char **argv)
{
	if (strcmp(argv[1], "args") == 0)
		return argc == 4 && strcmp(argv[2], "") == 0 && strcmp(argv[3], "two words") == 0 &&
		       getenv("ONE") && strcmp(getenv("ONE"), "1") == 0 && !getenv("PATH") && environ[0] && !environ[1];
	if (strcmp(argv[1], "many") == 0)
		return argc == MANY && strlen(argv[MANY - 1]) == 5 && !environ[0];
	if (strcmp(argv[1], "long") == 0)
		return argc == 3 && strlen(argv[2]) == LONG && !environ[0];
	if (strcmp(argv[1], "closed") == 0)
		return sys(SYS_write, 2, "", 0) == -EBADF && sys(SYS_write, 1, "", 0) == 0;
	if (strcmp(argv[1], "signals") == 0)
		return actions_are_fresh();
	if (strcmp(argv[1], "fpu") == 0)
		return fpu_is_fresh();
	if (strcmp(argv[1], "fn") == 0)
		return strcmp((const char *)getauxval(AT_EXECFN), SELF) == 0;
	if (strcmp(argv[1], "again") == 0) {
		char *const next[] = { argv[0], (char *)"args", (char *)"", (char *)"two words", NULL };
		char *const env[] = { (char *)"ONE=1", NULL };

		execve(SELF, next, env);
	}
	return 98;
}

/* ---- Steps --------------------------------------------------------------------------- */

static void test_arguments(void)
{
	static char text[LONG + 1], *many[MANY + 1];
	char *const one[] = { (char *)"ONE=1", NULL }, *const none[] = { NULL };
	char *const args[] = { (char *)"exec", (char *)"args", (char *)"", (char *)"two words", NULL };
	char *const again[] = { (char *)"exec", (char *)"again", NULL }, *const fn[] = { (char *)"exec", (char *)"fn", NULL };
	char *const closed[] = { (char *)"exec", (char *)"closed", NULL };
	char *const fpu[] = { (char *)"exec", (char *)"fpu", NULL };
	char *const signals[] = { (char *)"exec", (char *)"signals", NULL };
	char *const long_one[] = { (char *)"exec", (char *)"long", text, NULL };

	memset(text, 'x', LONG);
	for (int i = 0; i < MANY; i++)
		many[i] = (char *)"12345";
	many[1] = (char *)"many";
	check_equal(run(SELF, args, one), 1, "arguments and environment arrive");
	check_equal(run(SELF, again, none), 1, "a program that was executed executes another");
	check_equal(run(SELF, many, none), 1, "a thousand arguments arrive");
	check_equal(run(SELF, long_one, none), 1, "one of 60,000 characters arrives");
	check_equal(run(SELF, fn, one), 1, "AT_EXECFN is the path");
	sys(SYS_fcntl, 2, F_SETFD, FD_CLOEXEC);
	check_equal(run(SELF, closed, none), 1, "a descriptor that wants it is closed");
	sys(SYS_fcntl, 2, F_SETFD, 0);
	check_equal(run(SELF, fpu, one), 1, "floating-point registers are fresh");
	check_equal(run(SELF, signals, one), 1, "no handler is left, and what is ignored stays so");
}

/* What registers are at the start, tests/user/gate/regs.c knows. */
static void test_registers(const char *self)
{
	char path[512], *const args[] = { (char *)"regs", NULL };
	const char *slash = strrchr(self, '/');
	pid_t pid;
	int status = -1;

	snprintf(path, sizeof(path), "%.*s/regs", (int)(slash ? slash - self : 1), slash ? self : ".");
	pid = fork();
	if (pid == 0) {
		close(1); /* it prints: to where nobody sees it */
		execve(path, args, environ);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	check_equal(status, 0, "a program that is executed begins with clean registers");
}

static void test_link(const char *self)
{
	char path[512];
	struct stat by_link, by_name;
	long n = readlink(SELF, path, sizeof(path) - 1);

	check_range(n, 1, sizeof(path) - 1, "readlink of /proc/self/exe returns a length");
	path[n > 0 ? n : 0] = 0;
	check_true(path[0] == '/' && strcmp(strrchr(path, '/'), "/exec") == 0, "it leads to this program");
	check_equal(readlink(SELF, path, 3), 3, "a small buffer gets a part");
	check_equal(sys(SYS_readlink, SELF, path, 0), -EINVAL, "none gives EINVAL");
	check_equal(sys(SYS_readlink, SELF, 8, 10), -EFAULT, "a bad buffer gives EFAULT");
	check_equal(sys(SYS_readlink, "/nothing", path, 10), -ENOENT, "no such file gives ENOENT");
	check_equal(sys(SYS_readlink, self, path, 10), -EINVAL, "no link gives EINVAL");
	check_true(stat(SELF, &by_link) == 0 && stat(self, &by_name) == 0, "stat finds it by both names");
	check_true(by_link.st_size == by_name.st_size && by_link.st_ino == by_name.st_ino && S_ISREG(by_link.st_mode),
		   "and sees the same file");
	check_true(fstat(1, &by_name) == 0 && by_name.st_nlink > 0, "fstat sees what stdout is");
	check_equal(sys(SYS_fstat, 99, &by_name), -EBADF, "fstat of fd 99 gives EBADF");
	check_equal(sys(SYS_stat, "/nothing", &by_name), -ENOENT, "stat of nothing gives ENOENT");
	check_equal(sys(SYS_newfstatat, 1, "", &by_name, 0x1000), 0, "newfstatat of a descriptor returns 0");
	check_equal(sys(SYS_newfstatat, 1, "", &by_name, 0), -ENOENT, "and ENOENT without the flag");
}

/* Each in a program that must go on as if nothing had been. */
static void test_refusals(void)
{
	static char long_path[5000];
	char *const args[] = { (char *)"exec", NULL };
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char **pointers = (char **)(page + PAGE) - 2;
	unsigned long before = 0x1234, after;
	char name[16];

	munmap(page + PAGE, PAGE);
	memset(long_path, 'a', sizeof(long_path) - 1);
	check_equal(sys(SYS_execve, "/nothing", args, environ), -ENOENT, "no such file gives ENOENT");
	check_equal(sys(SYS_execve, "", args, environ), -ENOENT, "no path gives ENOENT");
	check_equal(sys(SYS_execve, long_path, args, environ), -ENAMETOOLONG, "a long path gives ENAMETOOLONG");
	check_equal(sys(SYS_execve, "/", args, environ), -EACCES, "a directory gives EACCES");
	check_equal(sys(SYS_execve, 0, args, environ), -EFAULT, "path NULL gives EFAULT");
	check_equal(sys(SYS_execve, 0xffffffff80000000, args, environ), -EFAULT, "a path in the kernel gives EFAULT");
	check_equal(sys(SYS_execve, SELF, 8, environ), -EFAULT, "arguments at 8 give EFAULT");
	check_equal(sys(SYS_execve, SELF, args, 0xffff888000000000), -EFAULT, "an environment in the kernel gives EFAULT");
	pointers[0] = (char *)"x";
	pointers[1] = (char *)8;
	check_equal(sys(SYS_execve, SELF, pointers, environ), -EFAULT, "an argument at 8 gives EFAULT");
	pointers[1] = (char *)"y";
	check_equal(sys(SYS_execve, SELF, pointers, environ), -EFAULT, "an array that ends with its page gives EFAULT");
	memset(page, 'x', PAGE - 1);
	__asm__ volatile("movq %1, %%xmm9\n" : "=m"(after) : "r"(before) : "xmm9");
	prctl(PR_SET_NAME, "still me");
	check_equal(sys(SYS_execve, "/nothing", args, environ), -ENOENT, "after the last refusal");
	__asm__ volatile("movq %%xmm9, %0" : "=r"(after));
	prctl(PR_GET_NAME, name);
	check_true(after == before && strcmp(name, "still me") == 0, "registers and name are as before");
	munmap(page, PAGE);
}

static void test_too_big(void)
{
	const size_t huge = 64ul << 20;
	char *text = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *args[] = { (char *)"exec", text, NULL };

	memset(text, 'x', 1 << 20);
	check_equal(sys(SYS_execve, SELF, args, environ), -E2BIG, "an argument of 1 MiB gives E2BIG");
	munmap(text, huge);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-q") != 0)
		return as_child(argc, argv);
	check_begin(argc > 1);
	test_arguments();
	test_registers(argv[0]);
	test_link(argv[0]);
	test_refusals();
	test_too_big();
	return check_end();
}
