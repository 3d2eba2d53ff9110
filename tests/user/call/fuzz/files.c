/*
 * Files, pipes, sets of them, mappings and the terminal, used at random; good ones beside them,
 * whose bytes must come through; forks up to RLIMIT_NPROC; memory taken until there is none.
 *
 * All names are below FUZZ_FILES, which the supervisor empties behind each lot, for children
 * end where they are.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ACTS 700
#define FDS 24
#define MAPS 0x40000000UL
#define MAP_PAGES 16

static void nothing(int signal)
{
	(void)signal;
}

/* What sleeps is woken. */
static void tick_every(long us)
{
	const struct itimerval every = { { 0, us }, { 0, us } };
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGXFSZ, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* ---- At random ----------------------------------------------------------------------------- */

#define OWN 15 /* names of our own come first */

static const char *one_of(unsigned n)
{
	static const char *const names[] = {
		"a", "b", "c", "e", "d", "d/a", "d/b", "d/d", ".", "d/..", "link", "fifo", "", "a/b",
		"nowhere", "..", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/console",
		"/proc/self/maps", "/proc/self/fd", "/proc/self/fd/5", "/proc/self/stat",
	};

	return fuzz_one_in(40) ? (const char *)fuzz_value() :
				 names[fuzz_below(n ? n : sizeof(names) / sizeof(*names))];
}

static const char *any_name(void)
{
	return one_of(0);
}

/* What changes names, changes ours: others want to find theirs. */
static const char *name(void)
{
	return one_of(OWN);
}

static int fd(void)
{
	return fuzz_one_in(30) ? (int)fuzz_value() : 3 + (int)fuzz_below(FDS);
}

static void *memory(void)
{
	if (fuzz_one_in(20))
		return (void *)fuzz_value();
	return (void *)((fuzz_one_in(3) ? MAPS : FUZZ_MEMORY) + fuzz_below(MAP_PAGES << 12));
}

static size_t length(void)
{
	static const size_t lengths[] = { 0, 1, 7, 100, 4095, 4096, 4097, 8192, 20000, 65536, 70000 };

	return fuzz_one_in(40) ? fuzz_value() : lengths[fuzz_below(sizeof(lengths) / sizeof(*lengths))];
}

static off_t place(void)
{
	return fuzz_one_in(40) ? (off_t)fuzz_value() : (off_t)fuzz_below(100000);
}

static int open_flags(void)
{
	static const int flags[] = { O_CREAT, O_TRUNC, O_APPEND, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH };
	int how = (int)fuzz_below(3) | (fuzz_one_in(8) ? 0 : O_NONBLOCK) | (fuzz_one_in(2) ? O_CREAT : 0);

	for (unsigned n = fuzz_below(3); n > 0; n--)
		how |= flags[fuzz_below(sizeof(flags) / sizeof(*flags))];
	return how;
}

static void descriptor(void)
{
	int end[2];

	switch (fuzz_below(10)) {
	case 0: pipe2(end, fuzz_one_in(8) ? 0 : O_NONBLOCK); break;
	case 1: eventfd(fuzz_below(3), fuzz_one_in(8) ? 0 : EFD_NONBLOCK); break;
	case 2: epoll_create1(0); break;
	case 3: dup(fd()); break;
	case 4: dup2(fd(), 3 + (int)fuzz_below(FDS)); break;
	case 5: fcntl(fd(), (int)fuzz_below(12), fuzz_value()); break;
	case 6: syscall(SYS_close_range, 3 + fuzz_below(FDS), 3 + fuzz_below(FDS), fuzz_below(8)); break;
	case 7: ioctl(fd(), fuzz_one_in(2) ? FIONREAD : FIONBIO, memory()); break;
	default: close(3 + (int)fuzz_below(FDS)); break;
	}
}

static void named(void)
{
	switch (fuzz_below(14)) {
	case 0: mkdir("d", 0700); break;
	case 1: rmdir(name()); break;
	case 2: case 3: rename(name(), name()); break;
	case 4: link(name(), name()); break;
	case 5: symlink(name(), "link"); break;
	case 6: case 7: unlink(name()); break;
	case 8: mkfifo("fifo", 0600); break;
	case 9: truncate(name(), place()); break;
	case 10: chmod(name(), (mode_t)fuzz_below(07777)); break;
	case 11: syscall(SYS_statx, AT_FDCWD, any_name(), fuzz_below(2) << 8, 0xfff, memory()); break;
	case 12: syscall(SYS_readlink, any_name(), memory(), length()); break;
	default: utimensat(AT_FDCWD, name(), fuzz_one_in(2) ? NULL : memory(), 0); break;
	}
}

static void bytes(void)
{
	const struct iovec pieces[] = { { memory(), length() }, { memory(), length() } };
	off_t from = place();

	switch (fuzz_below(13)) {
	case 0: case 1: case 2: write(fd(), memory(), length()); break;
	case 3: case 4: case 5: read(fd(), memory(), length()); break;
	case 6: pwrite(fd(), memory(), length(), place()); break;
	case 7: pread(fd(), memory(), length(), place()); break;
	case 8: writev(fd(), pieces, 2); break;
	case 9: readv(fd(), pieces, 2); break;
	case 10: sendfile(fd(), fd(), fuzz_one_in(2) ? NULL : &from, length()); break;
	case 11: lseek(fd(), place(), (int)fuzz_below(4)); break;
	default: syscall(SYS_getdents64, fd(), memory(), length()); break;
	}
}

static void whole(void)
{
	const struct flock lock = { .l_type = (short)fuzz_below(4), .l_start = place(), .l_len = place() };

	switch (fuzz_below(7)) {
	case 0: case 1: ftruncate(fd(), place()); break;
	case 2: syscall(SYS_fallocate, fd(), fuzz_below(3), place(), length()); break;
	case 3: fcntl(fd(), fuzz_one_in(2) ? F_SETLKW : F_SETLK, &lock); break;
	case 4: flock(fd(), (int)fuzz_below(16)); break;
	case 5: fsync(fd()); break;
	default: fcntl(fd(), F_SETPIPE_SZ, length()); break;
	}
}

static void mapping(void)
{
	uint64_t at = MAPS + fuzz_below(MAP_PAGES) * FUZZ_PAGE, size = (1 + fuzz_below(MAP_PAGES)) * FUZZ_PAGE;

	switch (fuzz_below(8)) {
	case 0: case 1: case 2:
		mmap((void *)at, size, (int)fuzz_below(4), (fuzz_one_in(2) ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED |
		     (fuzz_one_in(4) ? MAP_POPULATE : 0), fd(), (off_t)(fuzz_below(20) * FUZZ_PAGE));
		break;
	case 3: munmap((void *)at, size); break;
	case 4: msync((void *)at, size, (int)fuzz_below(8)); break;
	case 5: mprotect((void *)at, size, (int)fuzz_below(4)); break;
	default:
		for (unsigned i = 0; i < 8; i++)
			fuzz_store(MAPS + fuzz_below(MAP_PAGES * 512) * 8, fuzz_random());
	}
}

static void waiting(void)
{
	struct pollfd polled[] = { { fd(), (short)fuzz_below(0x40), 0 }, { fd(), POLLIN | POLLOUT, 0 } };
	struct epoll_event event = { .events = fuzz_one_in(2) ? EPOLLIN | EPOLLET : (uint32_t)fuzz_value() };
	int ep = fd();

	switch (fuzz_below(4)) {
	case 0: poll(polled, 2, (int)fuzz_below(3)); break;
	case 1: case 2: epoll_ctl(ep, 1 + (int)fuzz_below(3), fd(), &event); break;
	default: syscall(SYS_epoll_wait, ep, memory(), fuzz_below(20), fuzz_below(3)); break;
	}
}

/* What others see of it stays: settings of input alone change. */
static void terminal(void)
{
	static const unsigned long requests[] = { TCGETS, TIOCGWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCSCTTY, TIOCNOTTY, FIONREAD };
	int tty = open(fuzz_one_in(2) ? "/dev/tty" : "/dev/console", O_RDWR | O_NONBLOCK);
	struct termios settings;

	if (tty < 0)
		return;
	ioctl(tty, requests[fuzz_below(sizeof(requests) / sizeof(*requests))], memory());
	if (tcgetattr(tty, &settings) == 0) {
		settings.c_lflag ^= fuzz_one_in(2) ? ICANON : ISIG;
		settings.c_cc[VMIN] = (cc_t)fuzz_below(4);
		tcsetattr(tty, (int)fuzz_below(3), &settings);
	}
	read(tty, memory(), length());
	close(tty);
}

static void act(void)
{
	int pid;

	switch (fuzz_below(20)) {
	case 0: case 1: case 2: case 3: open(any_name(), open_flags(), 0600); break;
	case 4: case 5: descriptor(); break;
	case 6: case 7: case 8: named(); break;
	case 9: case 10: case 11: case 12: bytes(); break;
	case 13: case 14: whole(); break;
	case 15: case 16: mapping(); break;
	case 17: case 18: waiting(); break;
	default:
		if (fuzz_one_in(10))
			terminal();
		else if (fuzz_one_in(30) && (pid = fork()) >= 0)
			fuzz_last_child = pid ? pid : getpid();
	}
	fuzz_counts->calls++;
}

/* Two of three have a directory of their own, else one for all. */
static void enter(void)
{
	char own[64];

	mkdir(FUZZ_FILES, 01777);
	snprintf(own, sizeof(own), FUZZ_FILES "/%d", fuzz_one_in(3) ? 0 : (int)getpid());
	mkdir(own, 0777);
	if (chdir(own) && chdir(FUZZ_FILES))
		_exit(0); /* no memory */
}

void fuzz_files(void)
{
	umask(0);
	enter();
	if (fuzz_one_in(2))
		fuzz_become_nobody();
	fuzz_catch_faults();
	tick_every(5000);
	for (unsigned i = 0; i < ACTS; i++)
		act();
}

/* ---- What comes through ------------------------------------------------------------------------- */

#define STREAM (300 * 1024UL)
#define PIECE 5000

static uint8_t byte_at(uint64_t seed, uint64_t i)
{
	return (uint8_t)((i * 0x9e3779b97f4a7c15 ^ seed) >> 29);
}

/* What says that there is no memory is no fault. */
static void gave_up(void)
{
	_exit(errno == ENOMEM || errno == ENOSPC || errno == EAGAIN || errno == ENFILE ? 0 : 1);
}

static void write_all(int to, const uint8_t *from, size_t n)
{
	while (n > 0) {
		ssize_t got = write(to, from, n);

		if (got <= 0)
			gave_up();
		from += got;
		n -= (size_t)got;
	}
}

static void write_stream(int to, uint64_t seed)
{
	static uint8_t piece[PIECE];

	for (uint64_t i = 0; i < STREAM;) {
		size_t n = 1 + fuzz_below(PIECE);

		for (size_t k = 0; k < n; k++)
			piece[k] = byte_at(seed, i + k);
		write_all(to, piece, n);
		i += n;
	}
}

/* A child writes to a pipe, we from there to a file, which is mapped and must be what it was. */
void fuzz_stream(void)
{
	uint64_t seed = fuzz_random();
	static uint8_t piece[PIECE];
	int end[2], file, status;
	uint64_t size = 0;
	uint8_t *map;
	ssize_t n;
	pid_t pid;

	umask(0);
	enter();
	file = open(".", O_TMPFILE | O_RDWR, 0600);
	if (file < 0 || pipe(end) || (pid = fork()) < 0)
		gave_up();
	if (pid == 0) {
		close(end[0]);
		write_stream(end[1], seed);
		_exit(0);
	}
	close(end[1]);
	while ((n = read(end[0], piece, 1 + fuzz_below(PIECE))) > 0) {
		write_all(file, piece, (size_t)n);
		size += (uint64_t)n;
	}
	if (waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status)))
		_exit(1);
	if (!WIFEXITED(status) || size < STREAM)
		_exit(0); /* the memory of the one who wrote was wanted */
	map = mmap(NULL, size, PROT_READ, fuzz_one_in(2) ? MAP_SHARED : MAP_PRIVATE, file, 0);
	if (map == MAP_FAILED)
		gave_up();
	for (uint64_t i = 0; i < size; i++)
		if (map[i] != byte_at(seed, i))
			_exit(1);
	_exit(0);
}

/* ---- Forks up to a limit ------------------------------------------------------------------------- */

void fuzz_forks(void)
{
	unsigned limit = 3 + fuzz_below(20), rounds = 5;
	const struct rlimit most = { limit, limit };

	fuzz_become_nobody();
	setrlimit(RLIMIT_NPROC, &most);
	while (rounds-- > 0) {
		unsigned made = 0;
		pid_t pid[64];

		while (made < 64 && (pid[made] = fork()) > 0)
			made++;
		if (made < 64 && pid[made] == 0) {
			while (fork() >= 0) /* the children's children count, too */
				;
			for (;;)
				pause();
		}
		if (made >= limit || (made < 64 && errno != EAGAIN && errno != ENOMEM))
			_exit(1);
		fuzz_counts->calls += made;
		kill(-1, SIGKILL); /* all of this user but us: the children's children, too */
		while (waitpid(-1, NULL, 0) > 0)
			;
		if (errno != ECHILD)
			_exit(1);
	}
	_exit(0);
}

/* ---- Memory until there is none --------------------------------------------------------------------- */

#define HOG_BYTES (16UL << 20)

/* Whoever has taken all of it must end, and not this small one. */
void fuzz_hog(void)
{
	unsigned rounds = 2;

	fuzz_become_nobody();
	while (rounds-- > 0) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			while (mmap(NULL, HOG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
				    -1, 0) != MAP_FAILED)
				fuzz_counts->calls++;
			_exit(0);
		}
		if (pid > 0 && (waitpid(pid, &status, 0) != pid || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)))
			_exit(1);
	}
	_exit(0);
}
