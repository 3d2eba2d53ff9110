/*
 * eventfd, and sockets, which are not here.  Right outcome: every step is ok, exit status 0.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t get(int fd)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof(n));

	return got < 0 ? -errno : got == sizeof(n) ? (int64_t)n : -1;
}

static int64_t put(int fd, uint64_t n)
{
	ssize_t got = write(fd, &n, sizeof(n));

	return got < 0 ? -errno : got;
}

static int polled(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static void check_counter(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), small = 0;

	check_equal(polled(fd), POLLIN | POLLOUT, "a counter of 3 can be read, and added to");
	check_equal(get(fd), 3, "a read takes all");
	check_equal(get(fd), -EAGAIN, "of 0 it gives EAGAIN");
	check_equal(polled(fd), POLLOUT, "which poll knows");
	check_equal(put(fd, 2), 8, "a write adds");
	check_equal(put(fd, 5), 8, "and again");
	check_equal(get(fd), 7, "their sum is read");
	check_equal(put(fd, ~0ULL), -EINVAL, "the largest number gives EINVAL");
	check_equal(put(fd, ~0ULL - 1), 8, "one less is the most that it holds");
	check_equal(polled(fd), POLLIN, "it cannot be added to then");
	check_equal(put(fd, 1), -EAGAIN, "1 more gives EAGAIN");
	check_equal(read(fd, &small, 4) < 0 ? -errno : 0, -EINVAL, "four bytes are too few to read");
	check_equal(write(fd, &small, 4) < 0 ? -errno : 0, -EINVAL, "or to write");
	close(fd);
}

static void check_semaphore(void)
{
	int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);

	check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC, "EFD_CLOEXEC is heard");
	check_equal(get(fd), 1, "a semaphore gives 1");
	check_equal(get(fd), 1, "as often as it was told");
	check_equal(get(fd), -EAGAIN, "and no more");
	close(fd);
}

/* Children that wait get one each; a writer waits until there is room. */
static void check_waiting(void)
{
	int fd = eventfd(0, EFD_SEMAPHORE), full = eventfd(5, 0), status, sum = 0;

	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			_exit(get(fd) != 1);
	usleep(20000);
	put(fd, 4);
	while (wait(&status) > 0)
		sum += status;
	check_equal(sum, 0, "four that wait are woken by one write of 4");
	if (fork() == 0)
		_exit(put(full, ~0ULL - 3) != 8);
	usleep(20000);
	check_equal(get(full), 5, "a writer for whom there is no room waits");
	wait(&status);
	check_equal(status, 0, "and goes on when there is");
	check_equal(get(full), (int64_t)(~0ULL - 3), "with what it adds");
	close(fd);
	close(full);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	check_counter();
	check_semaphore();
	check_waiting();
	return check_end();
}
