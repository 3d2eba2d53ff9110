/*
 * numbers: descriptors, and how they are copied, shared, limited and closed.  Right outcome:
 * every step is ok, exit status 0.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int got(long result)
{
	return result < 0 ? -errno : (int)result;
}

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void new_pipe(int end[2], int flags)
{
	if (pipe2(end, flags))
		exit(1);
}

static void close_both(const int end[2])
{
	close(end[0]);
	close(end[1]);
}

static void check_dup(void)
{
	int end[2], fd;

	new_pipe(end, 0);
	check_equal(end[0], 3, "a pipe's first end is the lowest free number");
	check_equal(end[1], 4, "and its second the next");
	fd = dup(end[1]);
	check_equal(fd, 5, "dup gives the lowest free number");
	close(end[1]);
	check_equal(write(fd, "x", 1), 1, "a copy still writes when the first is closed");
	check_equal(dup2(fd, 200), 200, "dup2 gives the number asked for");
	check_equal(got(dup2(fd, -1)), -EBADF, "dup2 to -1 gives EBADF");
	check_equal(got(dup2(99, 6)), -EBADF, "dup2 of a closed one gives EBADF");
	check_equal(dup2(fd, fd), fd, "dup2 to itself gives that");
	check_equal(got(dup3(fd, fd, 0)), -EINVAL, "dup3 to itself gives EINVAL");
	check_equal(dup3(fd, 7, O_CLOEXEC), 7, "dup3 gives the number asked for");
	check_equal(fcntl(7, F_GETFD), FD_CLOEXEC, "dup3 sets FD_CLOEXEC");
	check_equal(fcntl(200, F_GETFD), 0, "dup2 does not");
	check_equal(fcntl(fd, F_DUPFD, 130), 130, "F_DUPFD gives the lowest from its argument");
	check_equal(fcntl(fd, F_DUPFD_CLOEXEC, 130), 131, "and the next one then");
	check_equal(fcntl(131, F_GETFD), FD_CLOEXEC, "F_DUPFD_CLOEXEC sets FD_CLOEXEC");
	check_equal(syscall(SYS_close_range, 6, 199, 4), 0, "close_range marks a range");
	check_equal(fcntl(130, F_GETFD), FD_CLOEXEC, "one in it is to be closed at exec");
	check_equal(syscall(SYS_close_range, 6, ~0U, 0), 0, "close_range closes a range");
	check_true(!is_open(7) && !is_open(130) && !is_open(200), "all in it are closed");
	check_true(is_open(end[0]) && is_open(fd), "those below are not");
	close(fd);
	close(end[0]);
}

static void check_limit(void)
{
	struct rlimit old, few = { 20, 20 };
	int end[2], fd, n = 0;

	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	new_pipe(end, 0);
	while ((fd = dup(end[0])) >= 0)
		n++;
	check_equal(errno, EMFILE, "at RLIMIT_NOFILE dup gives EMFILE");
	check_equal(n, 15, "so many more could be had");
	check_equal(got(pipe(end)), -EMFILE, "pipe gives EMFILE, too");
	check_equal(got(fcntl(0, F_DUPFD, 20)), -EINVAL, "F_DUPFD from the limit on gives EINVAL");
	check_equal(got(dup2(0, 20)), -EBADF, "dup2 to the limit gives EBADF");
	few.rlim_cur = old.rlim_max < 3000 ? old.rlim_max : 3000;
	setrlimit(RLIMIT_NOFILE, &few);
	while ((fd = dup(0)) >= 0)
		n = fd;
	check_equal(n, (int)few.rlim_cur - 1, "thousands can be had, up to the limit");
	check_true(is_open(1500), "one in the middle is open");
	close(1500);
	check_equal(dup(0), 1500, "a number that is closed is the next to be had");
	syscall(SYS_close_range, 3, ~0U, 0);
	setrlimit(RLIMIT_NOFILE, &old);
}

static int closer(void *arg)
{
	close(*(int *)arg);
	return 0;
}

static void check_shared(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	int end[2], status;
	pid_t child;

	new_pipe(end, 0);
	child = clone(closer, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &end[0]);
	waitpid(child, &status, 0);
	check_true(!is_open(end[0]), "what a child with CLONE_FILES closes is closed");
	child = clone(closer, stack + sizeof(stack), SIGCHLD, &end[1]);
	waitpid(child, &status, 0);
	check_true(is_open(end[1]), "what a child without closes is not");
	close(end[1]);
}

static void *ask_when_told(void *arg)
{
	const int *fd = arg;
	char c;

	return (void *)(long)(read(fd[0], &c, 1) == 1 && is_open(fd[2]));
}

/* The others' table stays theirs: with one of its own for the thread, or by refusing that. */
static void check_unshare(void)
{
	int fd[3], hold[2], result;
	pthread_t thread;
	void *is_there;
	pid_t child;

	new_pipe(fd, 0);
	new_pipe(hold, 0);
	fd[2] = dup(1);
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		char c;

		_exit(read(hold[0], &c, 1) != 1);
	}
	pthread_create(&thread, NULL, ask_when_told, fd);
	result = got(syscall(SYS_close_range, fd[2], fd[2], 2 /* CLOSE_RANGE_UNSHARE */));
	check_true(result == 0 || result == -EINVAL, "a thread may have a table of its own, or not");
	write(fd[1], "x", 1);
	pthread_join(thread, &is_there);
	check_true(is_there != NULL, "and what it closes then is open in the others'");
	write(hold[1], "x", 1);
	waitpid(child, NULL, 0);
	close(fd[2]);
	close_both(fd);
	close_both(hold);
}

/* Opened with O_PATH a name is a number, and no open file. */
static void check_path(void)
{
	int fd = open("/dev/null", O_PATH), copy = dup(fd), n;
	struct flock lock = { .l_type = F_RDLCK };

	check_equal(fcntl(copy, F_GETFL) & O_PATH, O_PATH, "a name that is open can be copied, and is O_PATH");
	check_equal(got(ioctl(fd, FIONREAD, &n)), -EBADF, "ioctl of it gives EBADF");
	check_equal(got(fcntl(fd, F_SETFL, O_NONBLOCK)), -EBADF, "so does F_SETFL");
	check_equal(got(fcntl(fd, F_GETLK, &lock)), -EBADF, "F_GETLK");
	check_equal(got(flock(fd, LOCK_SH)), -EBADF, "flock");
	check_equal(got(fsync(fd)), -EBADF, "fsync");
	check_equal(got(lseek(fd, 0, SEEK_SET)), -EBADF, "lseek");
	check_equal(got((long)mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0)), -EBADF, "and mmap");
	close(fd);
	close(copy);
	fd = open("/dev/null", O_RDONLY);
	check_equal(got(fsync(fd)), -EINVAL, "fsync of what has no contents gives EINVAL");
	close(fd);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	check_dup();
	check_limit();
	check_shared();
	check_unshare();
	check_path();
	return check_end();
}
