/*
 * eventfd and epoll.  Right outcome: every step is ok, exit status 0.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
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

/* Room for who adds little is no room for who adds much, and waits first. */
static void check_writers(void)
{
	int fd = eventfd(0, EFD_SEMAPHORE), status = -1;
	pid_t much, little;

	put(fd, ~0ULL - 1);
	much = fork();
	if (much == 0)
		_exit(put(fd, ~0ULL - 1) != 8);
	usleep(20000);
	little = fork();
	if (little == 0) {
		alarm(10);
		_exit(put(fd, 1) != 8);
	}
	usleep(20000);
	get(fd);
	waitpid(little, &status, 0);
	check_equal(status, 0, "who adds little goes on before who adds much");
	kill(much, SIGKILL);
	waitpid(much, &status, 0);
	close(fd);
}

/* ---- epoll ------------------------------------------------------------------------------ */

static int control(int set, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return epoll_ctl(set, op, fd, &event) ? -errno : 0;
}

/* The events of the first that is ready within `ms`; -1: none, or not with this data. */
static int next(int set, int ms, uint64_t data)
{
	struct epoll_event event;
	int n = epoll_wait(set, &event, 1, ms);

	return n < 0 ? -errno : n == 1 && event.data.u64 == data ? (int)event.events : -1;
}

static void check_control(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), end[2];

	check_equal(pipe(end), 0, "a pipe");
	check_equal(control(set, EPOLL_CTL_MOD, end[0], EPOLLIN, 1), -ENOENT, "what is not in a set cannot change");
	check_equal(control(set, EPOLL_CTL_ADD, end[0], EPOLLIN, 1), 0, "it is added");
	check_equal(control(set, EPOLL_CTL_ADD, end[0], EPOLLIN, 1), -EEXIST, "once");
	check_equal(control(set, EPOLL_CTL_ADD, 99, EPOLLIN, 1), -EBADF, "what is not open, not");
	check_equal(control(set, EPOLL_CTL_ADD, set, EPOLLIN, 1), -EINVAL, "nor the set itself");
	check_equal(control(end[0], EPOLL_CTL_ADD, end[1], EPOLLIN, 1), -EINVAL, "a pipe is no set");
	check_equal(next(set, 0, 1), -1, "nothing is ready");
	check_equal(epoll_wait(set, NULL, 0, 0) < 0 ? -errno : 0, -EINVAL, "no event is too few");
	check_equal(write(end[1], "x", 1), 1, "a byte comes");
	check_equal(next(set, -1, 1), EPOLLIN, "then it is");
	check_equal(next(set, 0, 1), EPOLLIN, "and stays so");
	check_equal(polled(set) & POLLIN, POLLIN, "the set itself is ready");
	check_equal(control(set, EPOLL_CTL_MOD, end[0], EPOLLIN | EPOLLET, 2), 0, "now by its edges");
	check_equal(next(set, 0, 2), EPOLLIN, "it is ready");
	check_equal(next(set, 0, 2), -1, "once");
	check_equal(write(end[1], "x", 1), 1, "another byte");
	check_equal(next(set, 0, 2), EPOLLIN, "is another edge");
	check_equal(control(set, EPOLL_CTL_MOD, end[0], EPOLLIN | EPOLLONESHOT, 3), 0, "now one time");
	check_equal(next(set, 0, 3), EPOLLIN, "it is ready");
	check_equal(write(end[1], "x", 1), 1, "another byte");
	check_equal(next(set, 0, 3), -1, "does not count any more");
	check_equal(control(set, EPOLL_CTL_MOD, end[0], 0, 4), 0, "with no event asked for");
	close(end[1]);
	check_equal(next(set, 0, 4), EPOLLHUP, "a hang-up is one");
	close(end[0]);
	check_equal(next(set, 0, 4), -1, "a file that is closed is in no set");
	close(set);
}

static void check_sets(void)
{
	int set = epoll_create1(0), counter[40], status, sum = 0;
	struct epoll_event events[64];

	for (int i = 0; i < 40; i++) {
		counter[i] = eventfd(0, 0);
		control(set, EPOLL_CTL_ADD, counter[i], EPOLLIN, (uint64_t)i);
	}
	for (int i = 0; i < 40; i += 2)
		put(counter[i], 1);
	check_equal(epoll_wait(set, events, 64, -1), 20, "of forty that are watched twenty are ready");
	check_equal(epoll_wait(set, events, 7, -1), 7, "seven fit");
	for (int i = 0; i < 40; i += 2)
		get(counter[i]);
	check_equal(epoll_wait(set, events, 64, 0), 0, "none is ready then");
	check_equal(control(set, EPOLL_CTL_DEL, counter[1], 0, 0), 0, "one is removed");
	put(counter[1], 1);
	check_equal(next(set, 0, 1), -1, "and does not count any more");
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			_exit(next(set, -1, 5) != EPOLLIN);
	usleep(20000);
	put(counter[5], 1);
	while (wait(&status) > 0)
		sum += status;
	check_equal(sum, 0, "three that wait for a set are told of one that stays ready");
	close(set);
}

/* Of sets that ask to be woken alone one is at least. */
static void check_exclusive(void)
{
	int set[] = { epoll_create1(0), epoll_create1(0) }, counter = eventfd(0, 0), status;
	const uint32_t alone = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLEXCLUSIVE;
	struct pollfd both[] = { { set[0], POLLIN, 0 }, { set[1], POLLIN, 0 } };

	check_equal(control(set[0], EPOLL_CTL_ADD, counter, alone | EPOLLONESHOT, 1), -EINVAL,
		    "EPOLLEXCLUSIVE cannot be asked for once");
	check_equal(control(set[0], EPOLL_CTL_ADD, counter, alone | EPOLLPRI, 1), -EINVAL,
		    "nor with other events than those of reading and writing");
	check_equal(control(set[0], EPOLL_CTL_ADD, set[1], EPOLLIN | EPOLLEXCLUSIVE, 1), -EINVAL,
		    "nor of a set");
	check_equal(control(set[0], EPOLL_CTL_MOD, counter, EPOLLIN | EPOLLEXCLUSIVE, 1), -EINVAL,
		    "nor later");
	check_equal(control(set[0], EPOLL_CTL_ADD, counter, alone, 1), 0, "but by its edges");
	check_equal(control(set[0], EPOLL_CTL_DEL, counter, EPOLLEXCLUSIVE | EPOLLPRI, 1), 0,
		    "which can be removed");
	for (int i = 0; i < 2; i++)
		check_equal(control(set[i], EPOLL_CTL_ADD, counter, EPOLLIN | EPOLLEXCLUSIVE, 7), 0,
			    "set %d is woken alone", i);
	check_equal(control(set[0], EPOLL_CTL_MOD, counter, EPOLLIN, 7), -EINVAL, "for good");
	if (fork() == 0) {
		alarm(20);
		_exit(poll(both, 2, -1) < 1 ||
		      next(both[0].revents ? set[0] : set[1], -1, 7) != EPOLLIN);
	}
	usleep(20000);
	put(counter, 1);
	wait(&status);
	check_equal(status, 0, "who waits for both is told of one at least");
	close(set[0]);
	close(set[1]);
	close(counter);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	check_counter();
	check_semaphore();
	check_waiting();
	check_writers();
	check_control();
	check_sets();
	check_exclusive();
	return check_end();
}
