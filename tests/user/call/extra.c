/*
 * extra: calls that programs make beside others: users and groups in other ways, priorities,
 * times, room for files.
 *
 * Right outcome, on Linux and on Postern alike, as root: a line `ok N - ...` for each step,
 * `1..N` at the end, exit status 0.  `extra -q` prints failed steps only.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000
#define OTHER 1001
#define SHARED 2000 /* a group */

static char name[64];

static int got(long result)
{
	return result < 0 ? -errno : (int)result;
}

/* What fn() says in a child of its own. */
static int in_child(int (*fn)(void))
{
	int status;

	if (fork() == 0)
		_exit(fn());
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* ---- Two ids at once --------------------------------------------------------------------- */

/* The C library would tell other threads. */
static int set_two(long uid, long euid)
{
	return got(syscall(SYS_setreuid, uid, euid));
}

static int are(uid_t real, uid_t effective, uid_t saved)
{
	uid_t r, e, s;

	getresuid(&r, &e, &s);
	return r == real && e == effective && s == saved;
}

/* The number of the first step that is wrong. */
static int user_ids(void)
{
	if (set_two(-1, USER) || !are(0, USER, USER)) /* another than the real one is saved, too */
		return 1;
	if (set_two(-1, OTHER) != -EPERM || set_two(OTHER, -1) != -EPERM || !are(0, USER, USER))
		return 2;
	if (set_two(USER, 0) || !are(USER, 0, 0)) /* changed places */
		return 3;
	if (set_two(-1, USER) || !are(USER, USER, 0)) /* the real one: what was saved stays */
		return 4;
	if (set_two(0, -1) != -EPERM) /* it does not become the real one */
		return 5;
	if (set_two(-1, 0) || !are(USER, 0, 0)) /* but again the effective one */
		return 6;
	if (set_two(OTHER, OTHER) || !are(OTHER, OTHER, OTHER) || set_two(-1, 0) != -EPERM)
		return 7;
	return set_two(-1, -1) || !are(OTHER, OTHER, OTHER) ? 8 : 0;
}

static int group_ids(void)
{
	gid_t r, e, s;

	if (syscall(SYS_setregid, USER, OTHER) || getresgid(&r, &e, &s) || r != USER || e != OTHER || s != OTHER)
		return 1;
	if (syscall(SYS_setresuid, USER, USER, USER) || syscall(SYS_setregid, OTHER, -1L))
		return 2;
	return syscall(SYS_setregid, -1L, USER) != -1 || errno != EPERM ? 3 : 0;
}

/* ---- Other groups ------------------------------------------------------------------------- */

/* A file that its group alone may read; the user is of it, and then not. */
static int reads_as_group(void)
{
	const gid_t groups[] = { 5, 7, SHARED };
	gid_t back[3] = { 0 };
	int fd;

	if (syscall(SYS_setgroups, 3, groups) || syscall(SYS_getgroups, 0, NULL) != 3)
		return 1;
	if (syscall(SYS_getgroups, 3, back) != 3 || memcmp(groups, back, sizeof(back)))
		return 2;
	if (syscall(SYS_getgroups, 2, back) != -1 || errno != EINVAL)
		return 3;
	if (syscall(SYS_setresgid, USER, USER, USER) || syscall(SYS_setresuid, USER, USER, USER))
		return 4;
	fd = open(name, O_RDONLY);
	if (fd < 0 || open(name, O_WRONLY) != -1 || errno != EACCES)
		return 5;
	if (syscall(SYS_setgroups, 0, NULL) != -1 || errno != EPERM)
		return 6;
	return 0;
}

static int reads_as_other(void)
{
	const gid_t groups[] = { 5, 7 };

	if (syscall(SYS_setgroups, 2, groups) || syscall(SYS_setresgid, USER, USER, USER) ||
	    syscall(SYS_setresuid, USER, USER, USER))
		return 1;
	return open(name, O_RDONLY) != -1 || errno != EACCES ? 2 : 0;
}

/* Who owns a file gives it to a group of his, and may make it run as that. */
static int gives_to_group(void)
{
	const gid_t groups[] = { SHARED };
	struct stat st;

	if (syscall(SYS_setgroups, 1, groups) || syscall(SYS_setresgid, USER, USER, USER) ||
	    syscall(SYS_setresuid, USER, USER, USER))
		return 1;
	if (chown(name, -1, OTHER) != -1 || errno != EPERM || chown(name, -1, SHARED))
		return 2;
	return chmod(name, 02750) || stat(name, &st) || st.st_gid != SHARED || !(st.st_mode & S_ISGID) ? 3 : 0;
}

static void test_groups(void)
{
	static gid_t many[65537];

	check_equal(got(syscall(SYS_setgroups, 65537, many)), -EINVAL, "nobody is in 65537 groups");
	check_equal(got(syscall(SYS_setgroups, 2, (void *)8)), -EFAULT, "setgroups from a bad address gives EFAULT");
	check_equal(got(syscall(SYS_getgroups, -1, many)), -EINVAL, "getgroups of -1 gives EINVAL");
	check_equal(chown(name, 0, SHARED) || chmod(name, 040), 0, "a file is its group's alone");
	check_equal(in_child(reads_as_group), 0, "who has that among his other groups reads it");
	check_equal(in_child(reads_as_other), 0, "and nobody else");
	check_equal(chown(name, USER, USER), 0, "a file is a user's");
	check_equal(in_child(gives_to_group), 0, "who gives it to a group that he is in");
}

/* ---- Priorities ------------------------------------------------------------------------------ */

static long nice_of(int which, int who)
{
	return got(syscall(SYS_getpriority, which, who));
}

static int set_nice(int which, int who, int nice)
{
	return got(syscall(SYS_setpriority, which, who, nice));
}

/* As a user: lower, and not back, and not another's. */
static int nice_of_user(void)
{
	if (syscall(SYS_setresuid, USER, USER, USER))
		return 1;
	if (set_nice(PRIO_PROCESS, 0, 5) || nice_of(PRIO_PROCESS, 0) != 15)
		return 2;
	if (set_nice(PRIO_PROCESS, 0, 4) != -EACCES || set_nice(PRIO_PROCESS, getppid(), 10) != -EPERM)
		return 3;
	return set_nice(PRIO_USER, 0, 100) || nice_of(PRIO_USER, USER) != 1 ? 4 : 0;
}

static volatile struct {
	uint64_t count[2];
	int done;
} *race;

static void spin(int which)
{
	struct rusage usage;
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	if (which)
		set_nice(PRIO_PROCESS, 0, 19);
	do {
		for (int i = 0; i < 1000; i++)
			race->count[which]++;
		getrusage(RUSAGE_SELF, &usage);
	} while (which || usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec < 400000);
	_exit(0);
}

/* Two that spin on one CPU. */
static void test_turns(void)
{
	pid_t pid[2];

	race = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 1; i >= 0; i--) {
		pid[i] = fork();
		if (pid[i] == 0)
			spin(i);
	}
	waitpid(pid[0], NULL, 0);
	kill(pid[1], SIGKILL);
	waitpid(pid[1], NULL, 0);
	check_true(race->count[0] > 3 * race->count[1], "nice 19 has short turns beside nice 0: %llu to %llu",
		   (unsigned long long)race->count[1], (unsigned long long)race->count[0]);
}

static int nice_is_5(void)
{
	return nice_of(PRIO_PROCESS, 0) != 15;
}

static int nice_of_group(void)
{
	setpgid(0, 0);
	return set_nice(PRIO_PGRP, 0, 5) ? 1 : in_child(nice_is_5);
}

static void test_priorities(void)
{
	check_equal(nice_of(PRIO_PROCESS, 0), 20, "getpriority says 20 for nice 0");
	check_equal(set_nice(PRIO_PROCESS, 0, -30), 0, "root may have any");
	check_equal(nice_of(PRIO_PROCESS, 0), 40, "-20 is the highest");
	check_equal(set_nice(PRIO_PROCESS, 0, 0), 0, "and back");
	check_equal(in_child(nice_of_user), 0, "a user may have less, and not more again");
	check_equal(in_child(nice_of_group), 0, "a group has it, and whoever is born into it");
	check_equal(nice_of(PRIO_PROCESS, 0), 20, "nobody else");
	check_equal(nice_of(3, 0), -EINVAL, "there are three kinds");
	check_equal(set_nice(-1, 0, 0), -EINVAL, "not more");
	check_equal(nice_of(PRIO_PROCESS, 0x7ffffff0), -ESRCH, "nobody has no priority");
	check_equal(set_nice(PRIO_PGRP, 0x7ffffff0, 0), -ESRCH, "nor an empty group");
	test_turns();
}

/* ---- Times, and room for files --------------------------------------------------------------- */

static void test_times(void)
{
	struct tms t = { 0 };
	clock_t now = times(&t), later;

	check_true(now != -1 && t.tms_utime >= 0 && t.tms_cutime > 0, "times() counts, and children's");
	usleep(30000);
	later = times(NULL);
	check_range(later - now, 2, 6000, "in hundredths of a second, of sleep, too");
	check_equal(got(syscall(SYS_times, 8)), -EFAULT, "times to a bad address gives EFAULT");
}

static void test_room(void)
{
	int fd = open(name, O_RDWR | O_TRUNC), in = open(name, O_RDONLY), end[2];
	struct stat st;

	pipe(end);
	check_equal(got(fallocate(fd, 0, 5000, 5000)), 0, "a file has room before it is written");
	check_equal(fstat(fd, &st) || st.st_size != 10000, 0, "and is so long then");
	check_equal(got(fallocate(fd, 0, 0, 100)), 0, "or as long as it was");
	check_equal(fstat(fd, &st) || st.st_size != 10000, 0, "if that was longer");
	check_equal(got(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50000)), 0, "room behind its end is taken");
	check_equal(fstat(fd, &st) || st.st_size != 10000, 0, "and the end stays");
	check_equal(got(fallocate(fd, 0, -1, 1)), -EINVAL, "not in front of it");
	check_equal(got(fallocate(fd, 0, 0, 0)), -EINVAL, "nor none");
	check_equal(got(fallocate(in, 0, 0, 1)), -EBADF, "nor for who cannot write");
	check_equal(got(fallocate(end[1], 0, 0, 1)), -ESPIPE, "a pipe takes no room");
	check_equal(got(fallocate(99, 0, 0, 1)), -EBADF, "nor what is not open");
	check_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0, "advice is taken");
	check_equal(posix_fadvise(fd, 0, 0, 6), EINVAL, "of six kinds");
	check_equal(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL), EINVAL, "for a length");
	check_equal(posix_fadvise(end[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE, "not on pipes");
	check_equal(posix_fadvise(99, 0, 0, POSIX_FADV_NORMAL), EBADF, "nor on what is not open");
	close(end[0]);
	close(end[1]);
	close(in);
	close(fd);
}

/* ---- Flags that are not for all ---------------------------------------------------------------- */

static int opens_unseen(void)
{
	if (syscall(SYS_setresuid, OTHER, OTHER, OTHER) || open("/", O_RDONLY) < 0)
		return 1;
	return open("/", O_RDONLY | O_NOATIME) != -1 || errno != EPERM ? 2 : 0;
}

static int no_other_root(void)
{
	return syscall(SYS_setresuid, OTHER, OTHER, OTHER) || chroot("/") != -1 || errno != EPERM;
}

static void test_flags(void)
{
	int fd = open(name, O_RDWR);
	char to[8];

	check_equal(in_child(opens_unseen), 0, "O_NOATIME is for a file's owner");
	check_true(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_POPULATE, fd, 0) != MAP_FAILED,
		   "MAP_SHARED_VALIDATE is MAP_SHARED");
	check_equal(got((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0)), -EOPNOTSUPP,
		    "and refuses a flag that is not here");
	check_equal(got(chmod("/proc/self", 0555)), -EPERM, "what is computed keeps its mode");
	check_equal(got(chown("/proc/self", 1, 1)), -EPERM, "and its owner");
	check_equal(chroot("/"), 0, "the root may be the root");
	check_equal(got(chroot("/nowhere")), -ENOENT, "but not what is not there");
	check_equal(got(chroot(name)), -ENOTDIR, "nor a file");
	check_equal(in_child(no_other_root), 0, "nor for a user");
	check_equal(got(readlink("", to, sizeof(to))), -ENOENT, "readlink of an empty path gives ENOENT");
	close(fd);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	snprintf(name, sizeof(name), "/tmp/extra-%d", (int)getpid());
	close(open(name, O_RDWR | O_CREAT, 0600));
	check_equal(in_child(user_ids), 0, "setreuid changes users as Linux's does");
	check_equal(in_child(group_ids), 0, "setregid groups");
	test_groups();
	test_priorities();
	test_times();
	test_room();
	test_flags();
	check_equal(unlink(name), 0, "all is gone");
	return check_end();
}
