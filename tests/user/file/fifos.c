/*
 * fifos: pipes with names; and what sendfile copies from files.
 *
 * Right outcome, on Linux and on Postern alike: a line `ok N - ...` for each step, `1..N` at
 * the end, exit status 0.  `fifos -q` prints failed steps only.
 */
#define _GNU_SOURCE 1
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 10000

static char name[64], place[64], other[64];
static char bytes[SIZE], back[SIZE];

static int got(long result)
{
	return result < 0 ? -errno : (int)result;
}

static int polled(int fd, int events)
{
	struct pollfd p = { fd, (short)events, 0 };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static void test_at_once(void)
{
	int in, out, both;
	char c = 0;

	check_equal(got(open(name, O_WRONLY | O_NONBLOCK)), -ENXIO, "without a reader, who must not wait gets ENXIO");
	in = open(name, O_RDONLY | O_NONBLOCK);
	check_true(in >= 0, "to read it can be opened");
	check_equal(got(read(in, &c, 1)), 0, "then it is at its end");
	check_equal(polled(in, POLLIN), 0, "but waits for its first writer");
	out = open(name, O_WRONLY | O_NONBLOCK);
	check_true(out >= 0, "now it can be written");
	check_equal(got(read(in, &c, 1)), -EAGAIN, "and is empty");
	check_equal(write(out, "x", 1), 1, "a byte goes in");
	check_equal(polled(in, POLLIN), POLLIN, "is there");
	check_true(read(in, &c, 1) == 1 && c == 'x', "and comes out");
	check_equal(got(lseek(in, 0, SEEK_CUR)), -ESPIPE, "it has no place");
	close(out);
	check_equal(polled(in, POLLIN), POLLHUP, "without its writer it has ended");
	both = open(name, O_RDWR);
	check_true(both >= 0, "one can have both ends");
	check_equal(polled(in, POLLIN), 0, "which is a writer again");
	close(in);
	check_equal(write(both, "y", 1), 1, "writes");
	check_true(read(both, &c, 1) == 1 && c == 'y', "and reads");
	write(both, "z", 1);
	close(both);
	in = open(name, O_RDONLY | O_NONBLOCK);
	check_equal(got(read(in, &c, 1)), 0, "what nobody had open is gone");
	close(in);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_waiting(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int fd, status;
	char c = 0;

	if (fork() == 0) {
		fd = open(name, O_WRONLY);
		_exit(write(fd, "w", 1) != 1);
	}
	fd = open(name, O_RDONLY);
	check_true(read(fd, &c, 1) == 1 && c == 'w', "reader and writer wait for each other");
	check_equal(read(fd, &c, 1), 0, "until the writer goes");
	wait(&status);
	check_equal(status, 0, "who could write");
	close(fd);
	if (fork() == 0) {
		usleep(20000);
		fd = open(name, O_RDONLY);
		_exit(read(fd, &c, 1) != 1);
	}
	fd = open(name, O_WRONLY);
	check_equal(write(fd, "r", 1), 1, "the other way round, too");
	close(fd);
	wait(&status);
	check_equal(status, 0, "with the same end");
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	check_equal(got(open(name, O_RDONLY)), -EINTR, "a signal ends the wait");
	check_equal(got(open(name, O_WRONLY | O_NONBLOCK)), -ENXIO, "and nobody reads then");
	fd = open(name, O_PATH);
	check_true(fd >= 0, "O_PATH waits for nobody");
	close(fd);
}

static void test_sendfile(void)
{
	int in = open(place, O_RDWR | O_CREAT, 0644), out = open(other, O_RDWR | O_CREAT, 0644), end[2];
	off_t at = 100;

	for (int i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 13 % 251);
	write(in, bytes, SIZE);
	lseek(in, 50, SEEK_SET);
	check_equal(sendfile(out, in, &at, 5000), 5000, "bytes go from file to file");
	check_equal(at, 5100, "the place moves");
	check_equal(lseek(in, 0, SEEK_CUR), 50, "the file's own does not");
	check_true(pread(out, back, SIZE, 0) == 5000 && !memcmp(back, bytes + 100, 5000), "they are the same");
	check_equal(sendfile(out, in, NULL, SIZE), SIZE - 50, "up to the end, from the file's place");
	check_equal(lseek(in, 0, SEEK_CUR), SIZE, "which moves then");
	check_equal(sendfile(out, in, NULL, 1), 0, "behind the end there is nothing");
	pipe2(end, O_NONBLOCK);
	at = 0;
	check_equal(sendfile(end[1], in, &at, SIZE), SIZE, "into a pipe");
	check_true(read(end[0], back, SIZE) == SIZE && !memcmp(back, bytes, SIZE), "as well");
	while (write(end[1], bytes, 4096) == 4096)
		;
	at = 0;
	check_equal(got(sendfile(end[1], in, &at, SIZE)), -EAGAIN, "a full one takes none");
	check_equal(at, 0, "and the place stays");
	check_equal(got(sendfile(out, end[0], NULL, 1)), -EINVAL, "from a pipe it cannot");
	check_equal(got(sendfile(out, end[0], &at, 1)), -ESPIPE, "for that has no place");
	check_equal(got(sendfile(99, in, NULL, 1)), -EBADF, "what is not open cannot be written");
	check_equal(got(sendfile(out, 99, NULL, 1)), -EBADF, "nor read");
	check_equal(got(sendfile(end[0], in, NULL, 1)), -EBADF, "nor the wrong end be used");
	close(end[0]);
	close(end[1]);
	close(in);
	close(out);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	snprintf(name, sizeof(name), "/tmp/fifo-%d", (int)getpid());
	snprintf(place, sizeof(place), "/tmp/from-%d", (int)getpid());
	snprintf(other, sizeof(other), "/tmp/to-%d", (int)getpid());
	check_equal(mkfifo(name, 0600), 0, "a pipe gets a name");
	test_at_once();
	test_waiting();
	test_sendfile();
	check_equal(unlink(name) + unlink(place) + unlink(other), 0, "all is gone");
	return check_end();
}
