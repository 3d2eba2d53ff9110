/*
 * locks: fcntl()'s locks on ranges of files, and flock()'s on whole ones.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at
 * the end, exit status 0.  `locks -q` prints failed steps only.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[64];

static int got(long result)
{
	return result < 0 ? -errno : (int)result;
}

static int lock(int fd, int command, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return got(fcntl(fd, command, &l));
}

static int set(int fd, int type, off_t start, off_t len)
{
	return lock(fd, F_SETLK, type, start, len);
}

/* May another process lock the range?  0 or -EAGAIN. */
static int others_may(int fd, int type, off_t start, off_t len)
{
	int status;

	if (fork() == 0)
		_exit(-set(fd, type, start, len));
	wait(&status);
	return -WEXITSTATUS(status);
}

static void test_ranges(int fd)
{
	check_equal(set(fd, F_WRLCK, 10, 10), 0, "a range is locked");
	check_equal(set(fd, F_WRLCK, 10, 10), 0, "again, by the same");
	check_equal(others_may(fd, F_WRLCK, 10, 10), -EAGAIN, "and not by another");
	check_equal(others_may(fd, F_RDLCK, 19, 1), -EAGAIN, "nor its last byte to read");
	check_equal(others_may(fd, F_WRLCK, 20, 10), 0, "what is behind is free");
	check_equal(others_may(fd, F_WRLCK, 0, 10), 0, "and what is in front");
	check_equal(others_may(fd, F_WRLCK, 0, 0), -EAGAIN, "not all there is");
	check_equal(set(fd, F_UNLCK, 13, 2), 0, "the middle is let go");
	check_equal(others_may(fd, F_WRLCK, 13, 2), 0, "then it is free");
	check_equal(others_may(fd, F_WRLCK, 12, 1), -EAGAIN, "not in front of it");
	check_equal(others_may(fd, F_WRLCK, 15, 1), -EAGAIN, "nor behind");
	check_equal(set(fd, F_RDLCK, 10, 3), 0, "to write becomes to read");
	check_equal(others_may(fd, F_RDLCK, 10, 3), 0, "which others may, too");
	check_equal(others_may(fd, F_WRLCK, 10, 3), -EAGAIN, "but not write");
	check_equal(set(fd, F_UNLCK, 0, 0), 0, "all is let go");
	check_equal(others_may(fd, F_WRLCK, 0, 0), 0, "all is free");
	check_equal(set(fd, F_WRLCK, 20, -5), 0, "a length below 0 is what lies in front");
	check_equal(others_may(fd, F_WRLCK, 15, 1), -EAGAIN, "from there");
	check_equal(others_may(fd, F_WRLCK, 20, 1), 0, "to there");
	set(fd, F_UNLCK, 0, 0);
}

static void test_get(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 3, .l_len = 100 };
	pid_t parent = getpid();
	int status;

	set(fd, F_WRLCK, 7, 0);
	check_equal(fcntl(fd, F_GETLK, &l), 0, "F_GETLK tells");
	check_equal(l.l_type, F_UNLCK, "that one's own is not in the way");
	if (fork() == 0) {
		l.l_type = F_RDLCK;
		fcntl(fd, F_GETLK, &l);
		_exit(l.l_type != F_WRLCK || l.l_start != 7 || l.l_len != 0 || l.l_pid != parent);
	}
	wait(&status);
	check_equal(status, 0, "and another's, and whose");
	check_equal(lock(fd, F_GETLK, F_UNLCK, 0, 0), -EINVAL, "to let go is nothing to ask for");
}

/* What another process is told that is in its way: -type, or start and length. */
static int in_the_way(int fd, off_t *len)
{
	static int answer[2];
	int end[2];

	pipe(end);
	if (fork() == 0) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		fcntl(fd, F_GETLK, &l);
		answer[0] = l.l_type == F_UNLCK ? -1 : (int)l.l_start;
		answer[1] = (int)l.l_len;
		write(end[1], answer, sizeof(answer));
		_exit(0);
	}
	wait(NULL);
	read(end[0], answer, sizeof(answer));
	close(end[0]);
	close(end[1]);
	*len = answer[1];
	return answer[0];
}

static void test_joined(int fd)
{
	off_t len;

	set(fd, F_WRLCK, 40, 10);
	set(fd, F_WRLCK, 20, 10);
	check_equal(in_the_way(fd, &len), 20, "of two F_GETLK tells the one that begins first");
	check_equal(len, 10, "alone");
	set(fd, F_WRLCK, 30, 10);
	check_equal(in_the_way(fd, &len), 20, "those that touch");
	check_equal(len, 30, "are one");
	set(fd, F_RDLCK, 25, 5);
	check_equal(in_the_way(fd, &len) == 20 && len == 5, 1, "but not with one of another type");
	set(fd, F_UNLCK, 0, 0);
	check_equal(in_the_way(fd, &len), -1, "and all go together");
}

/* One of two that wait for each other is told, whichever came second. */
static void test_deadlock(int fd)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	int status, own, end[2];
	char c;

	pipe(end);
	set(fd, F_WRLCK, 0, 1);
	sigaction(SIGALRM, &action, NULL);
	if (fork() == 0) {
		set(fd, F_WRLCK, 1, 1);
		write(end[1], "x", 1);
		alarm(20); /* nobody is told: the parent gets the lock then */
		_exit(-lock(fd, F_SETLKW, F_WRLCK, 0, 1));
	}
	read(end[0], &c, 1);
	own = lock(fd, F_SETLKW, F_WRLCK, 1, 1);
	set(fd, F_UNLCK, 0, 0);
	wait(&status);
	check_equal(WIFEXITED(status) ? (own == -EDEADLK) + (WEXITSTATUS(status) == EDEADLK) : -1, 1,
		    "of two who wait for each other one is told");
	check_equal(own == -EDEADLK ? WEXITSTATUS(status) : own, 0, "and the other has what he waited for");
	close(end[0]);
	close(end[1]);
}

static void test_ends(int fd)
{
	int second = open(name, O_RDWR), copy;

	check_equal(others_may(fd, F_WRLCK, 7, 1), -EAGAIN, "there is a lock");
	close(second);
	check_equal(others_may(fd, F_WRLCK, 7, 1), 0, "which ends when any number of the file is closed");
	set(fd, F_WRLCK, 0, 0);
	copy = dup(fd);
	check_equal(others_may(fd, F_WRLCK, 0, 0), -EAGAIN, "not when one is made");
	dup2(1, copy);
	check_equal(others_may(fd, F_WRLCK, 0, 0), 0, "but when one of its copies is closed, by dup2, too");
	close(copy);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_waiting(int fd)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int status, end[2];
	char c;

	pipe(end);
	set(fd, F_WRLCK, 0, 1);
	if (fork() == 0) {
		write(end[1], "x", 1);
		_exit(-lock(fd, F_SETLKW, F_WRLCK, 0, 0));
	}
	read(end[0], &c, 1);
	usleep(20000);
	check_equal(waitpid(-1, &status, WNOHANG), 0, "F_SETLKW waits");
	set(fd, F_UNLCK, 0, 0);
	wait(&status);
	check_equal(status, 0, "until the range is free");
	check_equal(set(fd, F_WRLCK, 0, 0), 0, "who has ended has no locks");
	if (fork() == 0) {
		sigaction(SIGALRM, &action, NULL);
		alarm(1);
		_exit(-lock(fd, F_SETLKW, F_WRLCK, 0, 0));
	}
	wait(&status);
	check_equal(WEXITSTATUS(status), EINTR, "a signal ends the wait");
	set(fd, F_UNLCK, 0, 0);
	close(end[0]);
	close(end[1]);
}

static void test_wrong(int fd)
{
	int in = open(name, O_RDONLY), out = open(name, O_WRONLY);

	check_equal(set(in, F_WRLCK, 0, 0), -EBADF, "who cannot write locks nothing to write");
	check_equal(set(out, F_RDLCK, 0, 0), -EBADF, "nor who cannot read to read");
	check_equal(set(fd, 3, 0, 0), -EINVAL, "there are three types");
	check_equal(set(fd, F_RDLCK, -1, 0), -EINVAL, "no byte is in front of the first");
	check_equal(set(fd, F_RDLCK, 5, -6), -EINVAL, "however one counts");
	check_equal(set(99, F_RDLCK, 0, 0), -EBADF, "what is not open has no locks");
	close(in);
	close(out);
}

/* A bad address comes before all but the descriptor and the command. */
static void test_bad_address(int fd)
{
	static const int command[] = { F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW };
	int out = open(name, O_WRONLY), end[2];

	pipe(end);
	for (unsigned i = 0; i < sizeof(command) / sizeof(command[0]); i++) {
		check_equal(got(fcntl(fd, command[i], 8)), -EFAULT, "command %d: a bad address", command[i]);
		check_equal(got(fcntl(fd, command[i], -8L)), -EFAULT, "of the kernel");
		check_equal(got(fcntl(out, command[i], 8)), -EFAULT, "where only a type would be wrong");
		check_equal(got(fcntl(end[0], command[i], 8)), -EFAULT, "of a pipe");
		check_equal(got(fcntl(99, command[i], 8)), -EBADF, "of nothing");
	}
	check_equal(got(fcntl(fd, F_OFD_SETLKW + 1, 8)), -EINVAL, "no such command, and a bad address");
	close(out);
	close(end[0]);
	close(end[1]);
}

/* ---- Of an open file ------------------------------------------------------------------- */

static int set_of_file(int fd, int type, off_t start, off_t len)
{
	return lock(fd, F_OFD_SETLK, type, start, len);
}

static void test_of_file(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 1 };
	int other = open(name, O_RDWR), copy, status;

	check_equal(got(fcntl(fd, F_OFD_SETLK, &l)), -EINVAL, "F_OFD_SETLK wants a pid of 0");
	check_equal(got(fcntl(fd, F_OFD_GETLK, &l)), -EINVAL, "so does F_OFD_GETLK");
	check_equal(set_of_file(fd, F_WRLCK, 10, 10), 0, "an open file has a lock");
	check_equal(set_of_file(fd, F_WRLCK, 10, 10), 0, "again, by the same");
	check_equal(set_of_file(other, F_RDLCK, 19, 1), -EAGAIN, "another of the same process may not");
	check_equal(set(fd, F_WRLCK, 10, 1), -EAGAIN, "nor the process itself");
	check_equal(others_may(other, F_RDLCK, 10, 1), -EAGAIN, "nor another");
	check_equal(set_of_file(other, F_WRLCK, 20, 10), 0, "what is behind is free");
	check_equal(fcntl(other, F_GETLK, (l.l_pid = 0, l.l_start = 0, l.l_len = 20, &l)), 0, "F_GETLK tells");
	check_equal(l.l_start == 10 && l.l_len == 10 ? l.l_pid : 0, -1, "that it is of no process");
	l = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET };
	check_equal(fcntl(fd, F_OFD_GETLK, &l), 0, "F_OFD_GETLK tells");
	check_equal(l.l_type == F_WRLCK ? l.l_start : -1, 20, "the other's");
	copy = dup(fd);
	close(fd);
	check_equal(set_of_file(other, F_WRLCK, 10, 1), -EAGAIN, "a copy keeps it");
	if (fork() == 0)
		_exit(-set_of_file(copy, F_UNLCK, 10, 5));
	wait(&status);
	check_equal(status, 0, "a child lets go of some");
	check_equal(set_of_file(other, F_WRLCK, 10, 5), 0, "which is free then");
	check_equal(set_of_file(other, F_WRLCK, 15, 1), -EAGAIN, "not the rest");
	close(open(name, O_RDWR));
	check_equal(set_of_file(other, F_WRLCK, 15, 1), -EAGAIN, "that another number of the file is closed ends nothing");
	close(copy);
	check_equal(set_of_file(other, F_WRLCK, 0, 0), 0, "the file's end does");
	close(other);
}

/* Who waits for an open file's lock is told of no deadlock: others may let go of it. */
static void test_waiting_for_file(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int fd = open(name, O_RDWR), status, end[2];
	char c;

	pipe(end);
	set_of_file(fd, F_WRLCK, 0, 1);
	if (fork() == 0) {
		int own = open(name, O_RDWR);

		sigaction(SIGALRM, &action, NULL);
		set_of_file(own, F_WRLCK, 1, 1);
		write(end[1], "x", 1);
		ualarm(200000, 100000);
		_exit(-lock(own, F_OFD_SETLKW, F_WRLCK, 0, 1));
	}
	read(end[0], &c, 1);
	check_equal(lock(fd, F_OFD_SETLKW, F_WRLCK, 1, 1), 0, "F_OFD_SETLKW waits until the range is free");
	wait(&status);
	check_equal(WEXITSTATUS(status), EINTR, "which a signal had ended for who waited for the waiter");
	close(fd);
	close(end[0]);
	close(end[1]);
}

static void test_flock(void)
{
	int a = open(name, O_RDWR), b = open(name, O_RDWR), c = dup(a);

	check_equal(flock(a, LOCK_EX), 0, "a file is locked whole");
	check_equal(got(flock(b, LOCK_EX | LOCK_NB)), -EWOULDBLOCK, "not twice");
	check_equal(got(flock(b, LOCK_SH | LOCK_NB)), -EWOULDBLOCK, "nor shared");
	check_equal(flock(c, LOCK_EX | LOCK_NB), 0, "a copy is the same file");
	check_equal(set(b, F_WRLCK, 0, 0), 0, "fcntl's locks are others");
	close(a);
	check_equal(got(flock(b, LOCK_SH | LOCK_NB)), -EWOULDBLOCK, "the copy keeps it");
	check_equal(flock(c, LOCK_SH | LOCK_NB), 0, "it becomes shared");
	check_equal(flock(b, LOCK_SH | LOCK_NB), 0, "with another");
	check_equal(got(flock(c, LOCK_EX | LOCK_NB)), -EWOULDBLOCK, "and not back");
	close(c);
	check_equal(flock(b, LOCK_EX | LOCK_NB), 0, "but when that is closed");
	check_equal(flock(b, LOCK_UN), 0, "it is let go");
	check_equal(got(flock(b, LOCK_SH | LOCK_EX)), -EINVAL, "one way at a time");
	check_equal(got(flock(99, LOCK_SH)), -EBADF, "of what is open");
	close(b);
}

int main(int argc, char **argv)
{
	int fd;

	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	snprintf(name, sizeof(name), "/tmp/locks-%d", (int)getpid());
	fd = open(name, O_RDWR | O_CREAT, 0644);
	test_ranges(fd);
	test_get(fd);
	set(fd, F_UNLCK, 0, 0);
	test_joined(fd);
	test_deadlock(fd);
	set(fd, F_WRLCK, 7, 0);
	test_ends(fd);
	test_waiting(fd);
	test_wrong(fd);
	test_bad_address(fd);
	test_of_file(open(name, O_RDWR));
	test_waiting_for_file();
	test_flock();
	close(fd);
	check_equal(unlink(name), 0, "all is gone");
	return check_end();
}
