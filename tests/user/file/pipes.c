/*
 * Pipes, and waiting for them.  Right outcome: every step is ok, exit status 0.
 */
#define _GNU_SOURCE
#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 65536 /* of a new pipe */
#define PAGE 4096

static int got(long result)
{
	return result < 0 ? -errno : (int)result;
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

/* ---- Pipes ------------------------------------------------------------------------------- */

static char page[PAGE], many[2 * SIZE];

static void check_bytes(void)
{
	int end[2], n = -1;
	char back[8] = "";
	struct iovec out[3] = { { (void *)"ab", 2 }, { NULL, 0 }, { (void *)"cde", 3 } };
	struct iovec in[2] = { { back, 1 }, { back + 1, 6 } };

	new_pipe(end, 0);
	check_equal(write(end[1], "abc", 3), 3, "three bytes go into a pipe");
	check_equal(ioctl(end[0], FIONREAD, &n), 0, "FIONREAD is known");
	check_equal(n, 3, "it says three");
	check_equal(read(end[0], back, 2), 2, "two are read");
	check_equal(read(end[0], back + 2, 6), 1, "and then the last");
	check_true(!memcmp(back, "abc", 3), "they are the same, in order");
	check_equal(writev(end[1], out, 3), 5, "writev writes all pieces");
	check_equal(readv(end[0], in, 2), 5, "readv reads what is there");
	check_true(!memcmp(back, "abcde", 5), "these are the same, too");
	check_equal(got(write(end[0], "x", 1)), -EBADF, "the end to read cannot be written");
	check_equal(got(read(end[1], back, 1)), -EBADF, "nor the other be read");
	check_equal(got(write(end[0], (void *)-8, 1)), -EBADF, "whatever the address");
	check_equal(got(read(end[1], (void *)-8, 1)), -EBADF, "of either");
	check_equal(got(readv(end[1], (void *)8, 1)), -EBADF, "or of what says it");
	check_equal(got(writev(end[0], (void *)8, -1)), -EBADF, "and how many these are");
	check_equal(got(pread(end[1], (void *)-8, 1, 0)), -ESPIPE, "that there is no place comes before");
	check_equal(got(lseek(end[0], 0, SEEK_CUR)), -ESPIPE, "lseek gives ESPIPE");
	check_equal(got(pread(end[0], back, 1, 0)), -ESPIPE, "pread gives ESPIPE");
	check_equal(got(write(end[1], (void *)8, 3)), -EFAULT, "a bad address gives EFAULT");
	write(end[1], "xyz", 3);
	check_equal(got(read(end[0], (void *)8, 3)), -EFAULT, "to read, too");
	check_equal(read(end[0], back, 8), 3, "and takes nothing");
	close(end[1]);
	check_equal(read(end[0], back, 1), 0, "without writers, the end is read");
	close(end[0]);
}

/* The array of pieces is taken as it was when the call began. */
static void check_pieces(void)
{
	char right[4] = "", wrong[4] = "", rest[16];
	const struct iovec evil = { wrong, 4 };
	struct iovec in[2] = { { &in[1], sizeof(in[1]) }, { right, 4 } }, many_in[9];
	int end[2];

	new_pipe(end, 0);
	write(end[1], &evil, sizeof(evil));
	write(end[1], "abcd", 4);
	check_equal(readv(end[0], in, 2), sizeof(evil) + 4, "readv into its own array");
	check_true(!memcmp(right, "abcd", 4) && !wrong[0], "goes where that said at first");
	many_in[0] = (struct iovec){ &many_in[1], sizeof(evil) };
	for (int i = 1; i < 9; i++)
		many_in[i] = (struct iovec){ rest + i, 1 };
	write(end[1], &evil, sizeof(evil));
	write(end[1], "abcdefgh", 8);
	check_equal(readv(end[0], many_in, 9), sizeof(evil) + 8, "and into one of nine");
	check_true(!memcmp(rest + 1, "abcdefgh", 8) && !wrong[0], "as well");
	check_equal(got(readv(end[0], in, 1025)), -EINVAL, "more than UIO_MAXIOV give EINVAL");
	close_both(end);
}

/* A pipe that is never empty, for longer than its counters' first rounds. */
static void check_never_empty(void)
{
	static char pattern[5003 + 251];
	int end[2], wrong = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (char)(i % 251);
	new_pipe(end, 0);
	write(end[1], pattern, 5003);
	for (int i = 1; i < 1000; i++) {
		write(end[1], pattern + i * 5003 % 251, 5003);
		wrong += read(end[0], many, 5003) != 5003 || memcmp(many, pattern + at % 251, 5003);
		at += 5003;
	}
	check_equal(wrong, 0, "millions of bytes go through a pipe that is never empty");
	close_both(end);
}

/* A page for a write that failed, where the ring's first page is: it is not lost. */
static void check_failed_write(void)
{
	int end[2];

	new_pipe(end, 0);
	write(end[1], many, SIZE);
	read(end[0], many, PAGE);
	check_equal(got(write(end[1], (void *)8, 1)), -EFAULT, "a write fails at the ring's begin");
	check_equal(read(end[0], many, SIZE), SIZE - PAGE, "what is there is read");
	check_equal(write(end[1], "x", 1), 1, "and the pipe goes on");
	check_equal(read(end[0], many, SIZE), 1, "as before");
	close_both(end);
}

static void check_full(void)
{
	int end[2], total = 0, n;

	new_pipe(end, O_NONBLOCK);
	check_equal(fcntl(end[1], F_GETFL), O_WRONLY | O_NONBLOCK, "F_GETFL tells what it is");
	check_equal(got(read(end[0], page, 1)), -EAGAIN, "an empty one that must not wait gives EAGAIN");
	check_equal(fcntl(end[0], F_GETPIPE_SZ), SIZE, "a pipe has room for 64 KiB");
	check_equal(write(end[1], many, sizeof(many)), SIZE, "a write that is too large is cut to that");
	check_equal(got(write(end[1], "x", 1)), -EAGAIN, "a full one gives EAGAIN");
	check_equal(read(end[0], page, 100), 100, "some is read");
	check_equal(got(write(end[1], page, PIPE_BUF)), -EAGAIN, "PIPE_BUF bytes stay together: EAGAIN");
	check_equal(read(end[0], page, PAGE - 100), PAGE - 100, "a page is read");
	check_equal(write(end[1], page, PIPE_BUF), PIPE_BUF, "then they fit");
	check_equal(got(fcntl(end[1], F_SETPIPE_SZ, PAGE)), -EBUSY, "what is full cannot shrink");
	check_equal(fcntl(end[1], F_SETPIPE_SZ, 2 * SIZE), 2 * SIZE, "it can grow");
	memset(page, 'p', 3);
	check_equal(write(end[1], page, 3), 3, "and then takes more");
	while ((n = read(end[0], many, 5000)) > 0)
		total += n;
	check_equal(total, SIZE + 3, "all that went in comes out");
	check_equal(many[(total - 1) % 5000], 'p', "and the last is the last");
	check_equal(fcntl(end[1], F_SETPIPE_SZ, 1), PAGE, "an empty one shrinks to a page");
	for (int i = 0; i < 3; i++) {
		write(end[1], page, 3000);
		read(end[0], page, 3000);
	}
	check_equal(write(end[1], page, PAGE), PAGE, "which it can use whole, again and again");
	close_both(end);
}

static volatile int pipes_broken;

static void on_sigpipe(int signal)
{
	(void)signal;
	pipes_broken++;
}

static void check_sigpipe(void)
{
	int end[2], status;
	pid_t child;

	new_pipe(end, 0);
	close(end[0]);
	signal(SIGPIPE, SIG_IGN);
	check_equal(got(write(end[1], "x", 1)), -EPIPE, "without readers, a write gives EPIPE");
	signal(SIGPIPE, on_sigpipe);
	write(end[1], "x", 1);
	check_equal(pipes_broken, 1, "and SIGPIPE, once");
	signal(SIGPIPE, SIG_DFL);
	child = fork();
	if (!child) {
		write(end[1], "x", 1);
		_exit(0);
	}
	waitpid(child, &status, 0);
	check_equal(status, SIGPIPE, "which ends who does not expect it");
	close(end[1]);
}

/* A child that writes a known stream in pieces of odd sizes. */
static void write_stream(int fd, unsigned total)
{
	unsigned char bytes[9000];

	for (unsigned at = 0, step = 1; at < total; step = step * 7 % 8999 + 1) {
		unsigned n = step < total - at ? step : total - at;

		for (unsigned i = 0; i < n; i++)
			bytes[i] = (unsigned char)((at + i) * 251 >> 3);
		if (write(fd, bytes, n) != (int)n)
			_exit(1);
		at += n;
	}
	_exit(0);
}

static void check_stream(void)
{
	static unsigned char bytes[SIZE];
	const unsigned total = 1000003;
	unsigned at = 0, wrong = 0;
	int end[2], n, status;
	pid_t child;

	new_pipe(end, 0);
	child = fork();
	if (!child)
		write_stream(end[1], total);
	close(end[1]);
	while ((n = read(end[0], bytes, at % 3 ? 777 : sizeof(bytes))) > 0) {
		for (int i = 0; i < n; i++, at++)
			wrong += bytes[i] != (unsigned char)(at * 251 >> 3);
	}
	waitpid(child, &status, 0);
	check_equal(at, total, "a million bytes come from a child");
	check_equal(wrong, 0, "all of them right");
	check_equal(status, 0, "and it could write all");
	close(end[0]);
}

/* Several write lines of PIPE_BUF bytes at most at once: none is torn. */
static void check_together(void)
{
	int end[2], status, torn = 0, lines = 0;

	new_pipe(end, 0);
	for (int c = 0; c < 3; c++) {
		if (fork())
			continue;
		memset(page, 'a' + c, sizeof(page));
		for (int i = 0; i < 40; i++)
			write(end[1], page, 3001);
		_exit(0);
	}
	close(end[1]);
	for (;;) {
		int n = 0, more;

		while (n < 3001 && (more = read(end[0], page + n, 3001 - n)) > 0)
			n += more;
		if (!n)
			break;
		lines++;
		torn += page[0] != page[3000] || page[0] != page[1500];
	}
	while (wait(&status) > 0)
		;
	check_equal(lines, 120, "lines of three children come");
	check_equal(torn, 0, "each whole");
	close(end[0]);
}

static void *read_one(void *arg)
{
	char c;

	return (void *)(long)read(*(int *)arg, &c, 1);
}

/* Whatever one close or write wakes, all who can go on do. */
static void check_readers(void)
{
	pthread_t thread[4];
	int end[2];
	long ends = 0, bytes = 0;
	void *result;

	new_pipe(end, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, read_one, &end[0]);
	usleep(20000);
	write(end[1], "xy", 2);
	usleep(20000);
	close(end[1]);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		bytes += (long)result == 1;
		ends += (long)result == 0;
	}
	check_equal(bytes, 2, "of four readers two get a byte");
	check_equal(ends, 2, "and two the end");
	close(end[0]);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void interrupt_soon(int flags)
{
	const struct itimerval soon = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

static void no_interrupts(void)
{
	const struct itimerval none = { 0 };

	setitimer(ITIMER_REAL, &none, NULL);
}

static void check_interrupted(void)
{
	struct pollfd fd = { .events = POLLIN };
	int end[2];
	char c;

	new_pipe(end, 0);
	fd.fd = end[0];
	interrupt_soon(0);
	check_equal(got(read(end[0], &c, 1)), -EINTR, "a signal ends a read");
	interrupt_soon(SA_RESTART);
	check_equal(got(poll(&fd, 1, -1)), -EINTR, "and poll, whatever SA_RESTART says");
	check_equal(got(select(0, NULL, NULL, NULL, NULL)), -EINTR, "and select");
	if (!fork()) {
		no_interrupts();
		usleep(70000);
		write(end[1], "z", 1);
		_exit(0);
	}
	check_equal(read(end[0], &c, 1), 1, "with SA_RESTART a read goes on");
	no_interrupts();
	wait(NULL);
	close_both(end);
}

/* ---- Waiting ------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int polled(int fd, int events)
{
	struct pollfd p = { fd, (short)events, 0 };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static void check_poll(void)
{
	struct pollfd set[12] = { 0 };
	int end[2];
	int64_t start = now_ms();

	check_equal(poll(NULL, 0, 30), 0, "poll of nothing is a sleep");
	check_range(now_ms() - start, 29, 10000, "of so many milliseconds");
	new_pipe(end, 0);
	check_equal(polled(end[0], POLLIN), 0, "an empty pipe has nothing to read");
	check_equal(polled(end[1], POLLOUT | POLLIN), POLLOUT, "and room to write");
	check_equal(polled(99, POLLIN), POLLNVAL, "a number that is not open is POLLNVAL");
	check_equal(polled(-5, POLLIN), 0, "a negative one nothing");
	for (int i = 0; i < 12; i++)
		set[i] = (struct pollfd){ end[0], POLLIN, 0 };
	if (!fork()) {
		usleep(20000);
		write(end[1], "z", 1);
		_exit(0);
	}
	check_equal(poll(set, 12, -1), 12, "poll waits until there is something, twelve times over");
	check_equal(set[11].revents, POLLIN, "which is POLLIN");
	wait(NULL);
	close(end[1]);
	check_equal(polled(end[0], POLLIN), POLLIN | POLLHUP, "a byte, and no writer any more");
	check_equal(polled(end[0], 0), POLLHUP, "POLLHUP comes unasked");
	close(end[0]);
	new_pipe(end, 0);
	close(end[0]);
	check_equal(polled(end[1], POLLOUT), POLLOUT | POLLERR, "without readers it is POLLERR");
	close(end[1]);
	check_equal(got(syscall(SYS_poll, NULL, 1000000000, 0)), -EINVAL, "too many give EINVAL");
	check_equal(got(syscall(SYS_poll, 8, 1, 0)), -EFAULT, "a bad address gives EFAULT");
	check_equal(polled(1, POLLOUT), POLLOUT, "the console can be written");
}

static void check_select(void)
{
	struct timeval tv = { 0, 20000 };
	struct timespec ts = { 0, 1 };
	fd_set in, out;
	int end[2];

	new_pipe(end, 0);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(end[0], &in);
	FD_SET(end[1], &out);
	check_equal(select(end[1] + 1, &in, &out, NULL, NULL), 1, "select tells which is ready");
	check_true(!FD_ISSET(end[0], &in) && FD_ISSET(end[1], &out), "the end to write");
	FD_SET(end[0], &in);
	check_equal(syscall(SYS_select, end[1] + 1, &in, NULL, NULL, &tv), 0,
		    "after its time it says none");
	check_true(!FD_ISSET(end[0], &in), "and has cleared the set");
	check_equal(tv.tv_usec, 0, "and the time");
	write(end[1], "x", 1);
	FD_SET(end[0], &in);
	FD_SET(end[1], &in);
	check_equal(pselect(end[1] + 1, &in, NULL, NULL, &ts, NULL), 1, "pselect finds a byte");
	close(end[1]);
	FD_SET(end[1], &in);
	check_equal(got(select(end[1] + 1, &in, NULL, NULL, &tv)), -EBADF, "one that is closed is EBADF");
	check_equal(got(select(-1, NULL, NULL, NULL, &tv)), -EINVAL, "a negative count is EINVAL");
	close(end[0]);
}

/* A blocked signal comes inside ppoll, and the mask is as before behind it. */
static void check_mask(void)
{
	struct timespec long_time = { 100, 0 };
	sigset_t alarm, none, now;

	sigemptyset(&none);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	interrupt_soon(0);
	check_equal(got(ppoll(NULL, 0, &long_time, &none)), -EINTR, "a signal that ppoll lets in ends it");
	check_equal(got(pselect(0, NULL, NULL, NULL, &long_time, &none)), -EINTR, "and pselect");
	sigprocmask(SIG_BLOCK, NULL, &now);
	check_equal(sigismember(&now, SIGALRM), 1, "and is blocked again");
	no_interrupts();
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

int main(int argc, char **argv)
{
	check_begin(argc > 1 && strcmp(argv[1], "-q") == 0);
	check_bytes();
	check_pieces();
	check_never_empty();
	check_failed_write();
	check_full();
	check_sigpipe();
	check_stream();
	check_together();
	check_readers();
	check_interrupted();
	check_poll();
	check_select();
	check_mask();
	return check_end();
}
