/*
 * limits: every limit that is enforced, with the errno or signal that tells of
 * it, and what may be set.  A case that lowers a limit is a child of its own.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `limits -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"
#include "limits.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define RT 40
#define NR_OPEN 1048576

/* ---- What may be set ------------------------------------------------------------ */

static int another_user(void)
{
	struct rlimit l = { 100, 200 };

	if (become(USER))
		return CANNOT;
	if (sys(SYS_prlimit64, getppid(), RLIMIT_MSGQUEUE, 0, &l) != -EPERM)
		return 1;
	sys(SYS_getrlimit, RLIMIT_NOFILE, &l);
	if (l.rlim_max < NR_OPEN && set(RLIMIT_NOFILE, 10, l.rlim_max + 1) != -EPERM)
		return 2;
	return set(RLIMIT_NOFILE, 10, 20) ? 3 : 0;
}

/* One real id that differs is enough. */
static int another_group(void)
{
	struct rlimit l;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	if (sys(SYS_setresgid, USER, USER, USER) || sys(SYS_setresuid, 0, USER, 0))
		return CANNOT;
	if (sys(SYS_prlimit64, pid, RLIMIT_CORE, 0, &l) != -EPERM)
		return 1;
	sys(SYS_setresuid, 0, 0, 0);
	kill(pid, SIGKILL);
	return 0;
}

static void test_setting(void)
{
	struct rlimit nproc, pending, l;

	sys(SYS_getrlimit, RLIMIT_NPROC, &nproc);
	sys(SYS_getrlimit, RLIMIT_SIGPENDING, &pending);
	check_true(nproc.rlim_max > 0 && nproc.rlim_max != RLIM_INFINITY, "memory limits how many processes a user has");
	check_true(pending.rlim_max > 0 && pending.rlim_max != RLIM_INFINITY, "and its queued signals");
	check_equal(set(RLIMIT_NOFILE, 1024, NR_OPEN + 1), -EPERM, "RLIMIT_NOFILE above nr_open gives EPERM");
	check_equal(set(RLIMIT_NOFILE, NR_OPEN + 2, NR_OPEN + 1), -EINVAL, "soft above hard counts before that");
	check_child(another_user, 0, "a user raises no hard limit, and has no say in root's");
	check_child(another_group, 0, "nor who has root's user alone");
	check_equal(sys(SYS_prlimit64, gettid(), RLIMIT_CORE, 0, &l), 0, "prlimit64 takes the number of a thread");
}

/* ---- RLIMIT_NPROC ---------------------------------------------------------------- */

static pid_t made[8];
static int made_count;

/* How many of them there can be; -1: the error was another than EAGAIN. */
static int children(int wanted)
{
	for (made_count = 0; made_count < wanted; made_count++) {
		long pid = sys(SYS_fork);

		if (pid == 0)
			for (;;)
				pause();
		if (pid < 0)
			return pid == -EAGAIN ? made_count : -1;
		made[made_count] = (pid_t)pid;
	}
	return made_count;
}

static void end_children(void)
{
	while (made_count > 0) {
		kill(made[--made_count], SIGKILL);
		waitpid(made[made_count], NULL, 0);
	}
}

static int nproc(void)
{
	int count;

	if (set(RLIMIT_NPROC, 3, 3) || become(USER))
		return CANNOT;
	count = children(5);
	end_children();
	if (count != 2)
		return 1;
	count = children(1);
	end_children();
	return count == 1 ? 0 : 2;
}

/* A zombie counts until it is waited for. */
static int nproc_zombie(void)
{
	siginfo_t info;

	if (set(RLIMIT_NPROC, 2, 2) || become(USER))
		return CANNOT;
	if (fork() == 0)
		_exit(0);
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	if (children(1) != 0)
		return 1;
	wait(NULL);
	if (children(1) != 1)
		return 2;
	end_children();
	return 0;
}

static int nproc_of_root(void)
{
	if (set(RLIMIT_NPROC, 0, 0) || getuid() != 0)
		return CANNOT;
	if (children(1) != 1)
		return 1;
	end_children();
	if (sys(SYS_setresuid, USER, 0, 0)) /* root's rights, another's processes */
		return CANNOT;
	if (children(1) != 1)
		return 2;
	end_children();
	return 0;
}

/* setuid() above the limit works; execve is what fails. */
static int nproc_exec(void)
{
	const char *const argv[] = { "none", NULL };
	int became[2];
	char byte;
	long err;

	if (pipe(became))
		return CANNOT;
	for (int i = 0; i < 3; i++) {
		made[i] = fork();
		if (made[i] == 0) {
			become(USER);
			write(became[1], "", 1);
			for (;;)
				pause();
		}
	}
	made_count = 3;
	for (int i = 0; i < 3; i++)
		read(became[0], &byte, 1);
	if (set(RLIMIT_NPROC, 2, 2) || become(USER))
		return CANNOT;
	err = sys(SYS_execve, "/none", argv, argv + 1);
	end_children();
	if (err != -EAGAIN)
		return 1;
	return sys(SYS_execve, "/none", argv, argv + 1) == -ENOENT ? 0 : 2;
}

static void test_nproc(void)
{
	check_child(nproc, 0, "RLIMIT_NPROC: fork gives EAGAIN at the limit of the user, and goes on below it");
	check_child(nproc_zombie, 0, "a zombie counts");
	check_child(nproc_of_root, 0, "root and who has its rights may have more");
	check_child(nproc_exec, 0, "setuid() above the limit works, execve then gives EAGAIN, until it is below");
}

/* ---- RLIMIT_SIGPENDING ------------------------------------------------------------- */

static long queue(int signal, int value)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value.sival_int = value;
	return sys(SYS_rt_sigqueueinfo, getpid(), signal, &info);
}

static void block_all(void)
{
	uint64_t all = ~0ul;

	sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, 0, 8);
}

static int take(int signal, siginfo_t *info)
{
	const uint64_t set = 1ul << (signal - 1);
	const struct timespec none = { 0, 0 };

	memset(info, 0xee, sizeof(*info));
	return (int)sys(SYS_rt_sigtimedwait, &set, info, &none, 8);
}

static int pending_limit(void)
{
	siginfo_t info;

	block_all();
	if (become(USER))
		return CANNOT;
	set(RLIMIT_SIGPENDING, 2, 2);
	if (queue(RT, 1) || queue(RT + 1, 2))
		return 1;
	if (queue(RT, 3) != -EAGAIN)
		return 2;
	if (sys(SYS_tgkill, getpid(), sys(SYS_gettid), RT) != -EAGAIN)
		return 3;
	if (kill(getpid(), RT + 2)) /* kill never fails for it, and loses who sent it */
		return 4;
	if (take(RT + 2, &info) != RT + 2 || info.si_pid != 0)
		return 5;
	if (kill(getpid(), SIGUSR1) || take(SIGUSR1, &info) != SIGUSR1 || info.si_pid != getpid())
		return 6; /* a standard signal of kill's is kept above the limit */
	if (sys(SYS_tgkill, getpid(), sys(SYS_gettid), SIGUSR1) || take(SIGUSR1, &info) != SIGUSR1 || info.si_pid != 0)
		return 7; /* one of tgkill's is not */
	if (take(RT, &info) != RT || queue(RT, 4))
		return 8;
	return take(RT, &info) == RT && info.si_value.sival_int == 4 ? 0 : 9;
}

static int pending_none(void)
{
	block_all();
	return set(RLIMIT_SIGPENDING, 0, 0) ? 1 : queue(RT, 1) == -EAGAIN ? 0 : 2;
}

/* The count is the user's, whatever the process. */
static int pending_together(void)
{
	pid_t pid;

	block_all();
	if (set(RLIMIT_SIGPENDING, 5, 5) || become(USER))
		return CANNOT;
	for (int i = 0; i < 4; i++)
		queue(RT, i);
	pid = fork(); /* with nothing pending */
	if (pid == 0)
		_exit(queue(RT, 1) ? 1 : queue(RT, 1) == -EAGAIN ? 0 : 2);
	return wait(&pid) > 0 && WIFEXITED(pid) ? WEXITSTATUS(pid) : 3;
}

static void test_sigpending(void)
{
	check_child(pending_limit, 0, "RLIMIT_SIGPENDING: what is queued above it gives EAGAIN, or is pending without its info");
	check_child(pending_none, 0, "with a limit of 0 nothing is queued");
	check_child(pending_together, 0, "processes of one user share it");
}

/* ---- RLIMIT_AS and RLIMIT_DATA -------------------------------------------------------- */

#define SOME (4ul << 20)
#define LARGE (1ul << 36) /* more than any limit that is set here */

static long map(uint64_t at, uint64_t size, int prot, int flags)
{
	return sys(SYS_mmap, at, size, prot, MAP_ANONYMOUS | flags, -1, 0);
}

/* Lowers the limit until mmap of 2 * SOME is too much, and of SOME is not. */
static int lower(int which)
{
	for (uint64_t soft = SOME; soft < LARGE; soft += SOME) {
		long at;

		set(which, soft, RLIM_INFINITY);
		at = map(0, SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE);
		if (at == -ENOMEM)
			continue;
		sys(SYS_munmap, at, SOME);
		at = map(0, 2 * SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE);
		return at == -ENOMEM ? 0 : 1;
	}
	return 1;
}

static int limit_as(void)
{
	long at, brk = sys(SYS_brk, 0);

	if (lower(RLIMIT_AS))
		return 1;
	if (map(0, 2 * SOME, PROT_NONE, MAP_PRIVATE) != -ENOMEM)
		return 2;
	if (map(0, 2 * SOME, PROT_READ, MAP_SHARED) != -ENOMEM)
		return 3;
	if (sys(SYS_brk, brk + 2 * SOME) != brk)
		return 4;
	at = map(0, SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	if (at < 0)
		return 5;
	if (sys(SYS_mremap, at, SOME, 2 * SOME, MREMAP_MAYMOVE) != -ENOMEM)
		return 6;
	if (map((uint64_t)at, SOME, PROT_READ, MAP_PRIVATE | MAP_FIXED) != at)
		return 7; /* what is replaced does not count */
	sys(SYS_munmap, at, SOME);
	return map(0, SOME, PROT_READ, MAP_PRIVATE) > 0 ? 0 : 8;
}

static int limit_data(void)
{
	long at, brk = sys(SYS_brk, 0);

	if (lower(RLIMIT_DATA))
		return 1;
	if (sys(SYS_brk, brk + 2 * SOME) != brk)
		return 2;
	if (map(0, 2 * SOME, PROT_READ | PROT_WRITE, MAP_SHARED) < 0)
		return 3; /* private writable memory alone counts */
	at = map(0, 2 * SOME, PROT_READ, MAP_PRIVATE);
	if (at < 0)
		return 4;
	if (sys(SYS_mprotect, at, 2 * SOME, PROT_READ | PROT_WRITE) != -ENOMEM)
		return 5;
	return sys(SYS_mprotect, at, SOME, PROT_READ | PROT_WRITE) ? 6 : 0;
}

static void test_memory(void)
{
	check_child(limit_as, 0, "RLIMIT_AS: mmap and mremap give ENOMEM above it, brk stays, what is replaced is free");
	check_child(limit_data, 0, "RLIMIT_DATA: so do private writable areas, and mprotect that makes them");
}

/* ---- RLIMIT_CPU ------------------------------------------------------------------------ */

static volatile sig_atomic_t told;

static void count(int signal)
{
	told += signal == SIGXCPU;
}

static int cpu_soft(void)
{
	set(RLIMIT_CPU, 1, 10);
	while (told == 0) /* for ever */
		;
	return 1;
}

static volatile int *moved; /* shared: what the next case looks at */

/* Its time is above both limits when they are lowered, the soft one again, then the hard. */
static int cpu_each_second(void)
{
	struct rlimit l;

	signal(SIGXCPU, count);
	set(RLIMIT_CPU, 1, 100);
	for (int seen = 0; seen < 2; seen++) {
		while (told == seen)
			;
		sys(SYS_getrlimit, RLIMIT_CPU, &l);
		if (l.rlim_cur != 2 || l.rlim_max != 100)
			return 1;
		set(RLIMIT_CPU, 1, 100);
	}
	*moved = 1;
	set(RLIMIT_CPU, 1, 1);
	while (told < 4)
		;
	return 1;
}

static void test_cpu(void)
{
	moved = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check_child(cpu_soft, 256 + SIGXCPU, "RLIMIT_CPU: SIGXCPU at the soft limit");
	check_child(cpu_each_second, 256 + SIGKILL, "SIGKILL at the hard limit");
	check_true(*moved, "SIGXCPU before that, each time with the soft limit moved by a second");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_setting();
	test_nproc();
	test_sigpending();
	test_memory();
	test_cpu();
	return check_end();
}
