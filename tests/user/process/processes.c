/*
 * processes: fork, clone and vfork, exit statuses, wait4 and waitid, zombies,
 * orphans, groups and sessions, users; memory of parent and child.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each
 * step, `1..N` at the end, exit status 0. `processes -q` prints failed steps only.
 */
#define _GNU_SOURCE
#include "../../../user/raw_syscall.h"
#include "../lib/check.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static void nap(int milliseconds)
{
	const struct timespec time = { 0, milliseconds * 1000000L };

	nanosleep(&time, NULL);
}

/* A child that exits with `code`, when *go is set, if there is one. */
static pid_t child_exits(int code, const volatile int *go)
{
	pid_t pid = fork();

	if (pid == 0) {
		while (go && !*go)
			nap(1);
		_exit(code);
	}
	return pid;
}

static volatile int *new_flag(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void test_fork(void)
{
	static int data = 1;
	int stack = 2, status = 0;
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		bool good = getppid() == parent && getpid() != parent && data == 1 && stack == 2;

		data = 10;
		stack = 20;
		_exit(good ? 7 : 1);
	}
	check_range(pid, 1, 0x7fffffff, "fork returns the child's pid");
	check_equal(waitpid(pid, &status, 0), pid, "waitpid returns it, too");
	check_equal(status, 7 << 8, "the child saw what it should, and exited with 7");
	check_true(data == 1 && stack == 2, "what the child wrote is not seen here");
	check_equal(sys(SYS_wait4, pid, 0, 0, 0), -ECHILD, "a child can be waited for once");
	check_equal(sys(SYS_wait4, -1, 0, 0, 0), -ECHILD, "without children wait4 gives ECHILD");
	check_equal(sys(SYS_wait4, -1, 0, WNOHANG, 0), -ECHILD, "with WNOHANG, too");
	check_equal(sys(SYS_wait4, -1, 0, 0x100, 0), -EINVAL, "an unknown option gives EINVAL");
	check_equal(sys(SYS_wait4, -0x7fffffff - 1, 0, 0, 0), -ESRCH, "pid -2^31 gives ESRCH");
}

static void test_statuses(void)
{
	static const int codes[] = { 0, 1, 127, 128, 255 };
	struct rusage usage;
	int status;
	pid_t pid;

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		pid = child_exits(codes[i], NULL);
		check_true(wait4(pid, &status, 0, &usage) == pid && status == codes[i] << 8, "exit(%d) is seen", codes[i]);
	}
	pid = fork();
	if (pid == 0) {
		volatile int *nowhere = (int *)(uintptr_t)8;

		__asm__("" : "+r"(nowhere));
		*nowhere = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a child that writes to address 8 ends by SIGSEGV");
	pid = child_exits(3, NULL);
	check_equal(sys(SYS_wait4, pid, 8, 0, 0), -EFAULT, "a bad pointer for the status gives EFAULT");
	check_equal(sys(SYS_wait4, pid, 0, 0, 0), -ECHILD, "and the child is gone");
}

static void test_nohang(void)
{
	volatile int *go = new_flag();
	pid_t slow = child_exits(4, go), quick;
	int status = 99;

	check_equal(sys(SYS_wait4, slow, &status, WNOHANG, 0), 0, "WNOHANG does not wait");
	check_equal(status, 99, "nor writes a status");
	quick = child_exits(5, NULL);
	check_equal(waitpid(-1, &status, 0), quick, "waitpid(-1) gives the first that ends");
	check_equal(WEXITSTATUS(status), 5, "with its status");
	*go = 1;
	check_equal(waitpid(0, &status, 0), slow, "waitpid(0) gives one of the own group");
	check_equal(WEXITSTATUS(status), 4, "with its status");
	munmap((void *)go, PAGE);
}

static void test_waitid(void)
{
	volatile int *go = new_flag();
	pid_t pid = child_exits(6, NULL);
	siginfo_t info;

	memset(&info, 0xff, sizeof(info));
	check_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0, "waitid with WNOWAIT returns 0");
	check_true(info.si_signo == SIGCHLD && info.si_code == CLD_EXITED && info.si_pid == pid && info.si_status == 6,
		   "and says who ended how");
	check_equal(waitid(P_ALL, 0, &info, WEXITED), 0, "the child can be waited for again");
	check_equal(sys(SYS_waitid, P_ALL, 0, &info, WEXITED, 0), -ECHILD, "and then is gone");
	pid = child_exits(0, go);
	memset(&info, 0xff, sizeof(info));
	check_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0, "with WNOHANG and nothing to tell it returns 0");
	check_true(info.si_signo == 0 && info.si_pid == 0, "and clears what it would have told");
	*go = 1;
	check_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED), 0, "it takes NULL");
	check_equal(sys(SYS_waitid, P_ALL, 0, 0, 0, 0), -EINVAL, "waitid for nothing gives EINVAL");
	check_equal(sys(SYS_waitid, P_PID, 0, 0, WEXITED, 0), -EINVAL, "waitid for pid 0 gives EINVAL");
	check_equal(sys(SYS_waitid, 17, 0, 0, WEXITED, 0), -EINVAL, "waitid for 17 gives EINVAL");
	munmap((void *)go, PAGE);
}

/* The child shares the memory; the parent stands still until it has ended. */
static void test_vfork(void)
{
	volatile int *word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		nap(20);
		*word = 5;
		_exit(9);
	}
	check_equal(*word, 5, "vfork's parent goes on when the child has ended, and sees what it wrote");
	check_true(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 9, "and can wait for it");
	munmap((void *)word, PAGE);
}

/* Who waits for its vfork child can be killed; the child lives on. */
static void test_vfork_killed(void)
{
	volatile pid_t *word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork(), found = 0;
	int status = 0;

	if (pid == 0 && vfork() == 0) {
		*word = getpid();
		for (;;)
			pause();
	}
	for (int i = 0; i < 2000 && !*word; i++)
		nap(1);
	kill(pid, SIGKILL);
	for (int i = 0; i < 2000 && found == 0; i++) {
		found = waitpid(pid, &status, WNOHANG);
		nap(1);
	}
	check_true(found == pid && WTERMSIG(status) == SIGKILL, "a parent that waits for its vfork child is killed");
	check_equal(kill(*word, SIGKILL), 0, "the child lives on");
	if (found == 0)
		waitpid(pid, NULL, 0);
	munmap((void *)word, PAGE);
}

static void test_shared_memory(void)
{
	volatile int *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	shared[0] = private[0] = 1;
	pid = fork();
	if (pid == 0) {
		if (shared[0] == 1 && private[0] == 1) {
			shared[0] = private[0] = 2;
			shared[3 * PAGE / sizeof(int)] = 3; /* nobody touched it before */
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	check_equal(shared[0], 2, "what a child writes to shared memory is seen");
	check_equal(shared[3 * PAGE / sizeof(int)], 3, "in a page that was untouched at the fork, too");
	check_equal(private[0], 1, "in private memory it is not");
	madvise((void *)shared, 4 * PAGE, MADV_DONTNEED);
	madvise((void *)private, PAGE, MADV_DONTNEED);
	check_equal(shared[0], 2, "MADV_DONTNEED keeps what is shared");
	check_equal(private[0], 0, "and drops what is private");
	munmap((void *)shared, 2 * PAGE);
	check_equal(shared[3 * PAGE / sizeof(int)], 3, "a part of shared memory stays when another is unmapped");
	munmap((void *)(shared + 2 * PAGE / sizeof(int)), 2 * PAGE);
	munmap((void *)private, PAGE);
}

#define ORPHANS 20 /* each asks for its parent without a pause, while the parent ends */

/*
 * A grandchild tells in shared memory who its parent is, before and after. All
 * in a child of its own: this program may be init, to which orphans go.
 */
static int orphan_steps(volatile pid_t *seen)
{
	pid_t child = fork();

	if (child == 0) {
		if (fork() == 0) {
			seen[0] = getppid();
			for (int i = 0; i < 5000000 && (seen[1] = getppid()) == seen[0]; i++)
				;
			seen[2] = 1;
			_exit(0);
		}
		while (!seen[0])
			sched_yield();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	for (int i = 0; i < 1000 && !seen[2]; i++)
		nap(1);
	if (seen[0] != child)
		return 1; /* its parent was not the child */
	if (!seen[2] || seen[1] == child || seen[1] == getpid())
		return 2; /* it got no other parent, or the wrong one */
	if (getppid() == 1 && seen[1] != 1)
		return 3; /* there is an init, and it did not get it */
	return sys(SYS_wait4, -1, 0, WNOHANG, 0) == -ECHILD ? 0 : 4; /* it is ours */
}

static void test_orphan(void)
{
	volatile pid_t *seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;

	for (int i = 0; i < ORPHANS && status == 0; i++) {
		pid_t pid;

		seen[0] = seen[1] = seen[2] = 0;
		pid = fork();
		if (pid == 0)
			_exit(orphan_steps(seen));
		waitpid(pid, &status, 0);
	}
	check_equal(status, 0, "an orphan gets another parent at once, and not its grandparent");
	munmap((void *)seen, PAGE);
}

/* Two generations: the grandchild has ended, unreaped, before the child ends. */
static void leave_zombie_to_init(volatile int *grandchild)
{
	if (fork() == 0) {
		siginfo_t info;
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		*grandchild = pid;
		waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
		nap(20); /* until init sleeps */
		_exit(0);
	}
	waitpid(-1, NULL, 0);
}

/*
 * Init sleeps in wait4 while an orphan comes to it that has ended already.  Its own
 * child, which waits for that, keeps it waiting otherwise.
 */
static void test_orphan_ended(void)
{
	volatile int *go = new_flag();
	int status = -1;
	pid_t child, found;

	if (getpid() != 1) {
		check_skip("not init", "an orphan that has ended wakes init");
		munmap((void *)go, PAGE);
		return;
	}
	while (waitpid(-1, NULL, 0) > 0) /* the orphans of earlier steps */
		;
	child = fork();
	if (child == 0) {
		leave_zombie_to_init(&go[1]);
		for (int i = 0; i < 5000 && !*go; i++)
			nap(1);
		_exit(*go ? 0 : 1);
	}
	found = waitpid(-1, NULL, 0);
	*go = 1;
	check_equal(found, go[1], "an orphan that has ended wakes init");
	if (found != child)
		waitpid(child, &status, 0);
	check_equal(status, 0, "which waited for it, not for its own child");
	munmap((void *)go, PAGE);
}

static void test_groups(void)
{
	pid_t pid, group = getpgrp();
	int status;

	check_equal(getpgid(0), group, "getpgid(0) is getpgrp()");
	check_equal(sys(SYS_getpgid, 0x7ffffff0), -ESRCH, "getpgid of nobody gives ESRCH");
	check_equal(sys(SYS_setpgid, 0, -1), -EINVAL, "setpgid to group -1 gives EINVAL");
	pid = fork();
	if (pid == 0) {
		bool good = getpgrp() == group && getsid(0) == getsid(getppid());

		good = good && setpgid(0, 0) == 0 && getpgrp() == getpid();
		good = good && sys(SYS_setsid) == -EPERM; /* it leads a group */
		nap(20);
		_exit(good ? 8 : 1);
	}
	for (int i = 0; i < 2000 && getpgid(pid) != pid; i++)
		nap(1);
	check_equal(waitpid(-pid, &status, 0), pid, "waitpid(-group) gives its member");
	check_equal(WEXITSTATUS(status), 8, "the child made itself a group");
	pid = fork();
	if (pid == 0)
		_exit(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid() ? 8 : 1);
	waitpid(pid, &status, 0);
	check_equal(WEXITSTATUS(status), 8, "another made itself a session");
}

/* Two children: the second goes into the first one's group. */
static void test_joining(void)
{
	siginfo_t info;
	pid_t pid[2];

	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			for (;;)
				pause();
	}
	check_equal(setpgid(pid[0], 0), 0, "a parent makes its child a group");
	check_equal(setpgid(pid[1], pid[0]), 0, "and puts another into it");
	check_equal(getpgid(pid[1]), pid[0], "where it is");
	check_equal(sys(SYS_setpgid, pid[1], 0x7ffffff0), -EPERM, "a group that nobody is in gives EPERM");
	check_equal(sys(SYS_setpgid, 1, pid[0]), getpid() == 1 ? -EPERM : -ESRCH, "who is no child is not moved");
	check_equal(kill(-pid[0], SIGKILL), 0, "a signal to the group");
	check_equal(sys(SYS_waitid, P_PGID, pid[0], &info, WEXITED, 0), 0, "ends one of it");
	check_equal(sys(SYS_waitid, P_PGID, pid[0], &info, WEXITED, 0), 0, "and the other");
	check_equal(kill(-pid[0], 0), -1, "then there is no group");
	pid[0] = fork();
	if (pid[0] == 0)
		_exit(0);
	do /* orphans end here, too, if this is init */
		info.si_pid = 0;
	while (sys(SYS_waitid, P_PGID, 0, &info, WEXITED, 0) == 0 && info.si_pid != pid[0]);
	check_equal(info.si_pid, pid[0], "group 0 is the own one, in which a child is");
}

/* What setuid changes depends on who calls it. */
static bool set_one_id(void)
{
	uid_t u[3];
	gid_t g[3];

	if (sys(SYS_setgid, 5) || sys(SYS_getresgid, &g[0], &g[1], &g[2]) || g[0] != 5 || g[1] != 5 || g[2] != 5)
		return false;
	if (sys(SYS_setuid, -1) != -EINVAL || sys(SYS_setresuid, 7, 7, 0))
		return false;
	if (sys(SYS_setgid, 6) != -EPERM || sys(SYS_setuid, 8) != -EPERM || sys(SYS_setuid, 7))
		return false;
	if (sys(SYS_setuid, 0) || sys(SYS_getresuid, &u[0], &u[1], &u[2]) || u[0] != 7 || u[1] != 0 || u[2] != 0)
		return false;
	if (sys(SYS_setuid, 9) || sys(SYS_getresuid, &u[0], &u[1], &u[2]))
		return false;
	return u[0] == 9 && u[1] == 9 && u[2] == 9;
}

static void test_users(void)
{
	uid_t real = 99, effective = 99, saved = 99;
	int status;
	pid_t pid;

	check_equal(getresuid(&real, &effective, &saved), 0, "getresuid returns 0");
	check_true(real == getuid() && effective == geteuid(), "and the ids");
	if (effective != 0) {
		check_skip("not root", "root gives up its rights");
		return;
	}
	pid = fork();
	if (pid == 0) {
		bool good = setresgid(2, 2, 2) == 0 && setresuid(1, 1, 1) == 0 && getuid() == 1 && getegid() == 2;

		good = good && sys(SYS_setresuid, 0, 0, 0) == -EPERM && sys(SYS_setuid, 0) == -EPERM;
		good = good && setresuid(-1, 1, -1) == 0 && geteuid() == 1;
		good = good && sys(SYS_reboot, 0, 0, 0) == -EPERM;
		_exit(good ? 8 : 1);
	}
	waitpid(pid, &status, 0);
	check_equal(WEXITSTATUS(status), 8, "root gives up its rights for good");
	check_equal(getuid(), 0, "and its parent does not");
	pid = fork();
	if (pid == 0)
		_exit(set_one_id() ? 8 : 1);
	waitpid(pid, &status, 0);
	check_equal(WEXITSTATUS(status), 8, "setuid changes all for root, and the effective one for others");
	check_equal(sys(SYS_getresuid, 8, &real, &saved), -EFAULT, "getresuid to address 8 gives EFAULT");
}

static void test_clone(void)
{
	static const struct {
		uint64_t flags;
		int64_t result;
		const char *what;
	} refused[] = {
		{ CLONE_THREAD, -EINVAL, "CLONE_THREAD without CLONE_SIGHAND" },
		{ CLONE_SIGHAND, -EINVAL, "CLONE_SIGHAND without CLONE_VM" },
		{ CLONE_THREAD | CLONE_SIGHAND, -EINVAL, "both without CLONE_VM" },
	};
	int parent_tid = 0, child_tid = 0, status;
	int64_t pid;

	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		check_equal(sys(SYS_clone, refused[i].flags, 0, 0, 0, 0), refused[i].result, "%s", refused[i].what);
	pid = sys(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent_tid, &child_tid, 0);
	if (pid == 0)
		_exit(child_tid == sys(SYS_getpid) ? 8 : 1);
	check_equal(parent_tid, pid, "CLONE_PARENT_SETTID tells the parent");
	waitpid((pid_t)pid, &status, 0);
	check_equal(WEXITSTATUS(status), 8, "CLONE_CHILD_SETTID tells the child");
	check_equal(child_tid, 0, "in the child's memory only");
	pid = sys(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		_exit(3);
	check_equal(sys(SYS_wait4, pid, &status, 0, 0), -ECHILD, "a child without a signal is for __WCLONE");
	check_equal(sys(SYS_wait4, pid, &status, 0x80000000, 0), pid, "with it, wait4 finds it");
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	test_fork();
	test_statuses();
	test_nohang();
	test_waitid();
	test_vfork();
	test_vfork_killed();
	test_shared_memory();
	test_groups();
	test_joining();
	test_users();
	test_clone();
	test_orphan();
	test_orphan_ended();
	return check_end();
}
