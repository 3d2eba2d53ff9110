/*
 * paths.c: pointers of the calls that change files, and of those that wait for them.
 *
 * Paths lead nowhere, so that nothing is changed; what must be open is a file of 16 bytes
 * without a name.
 */
#include "hostile.h"
#include "../../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define AT (uint64_t)AT_FDCWD
#define SAME (~0ul) /* no other owner, no other group */
#define FILE_FD 30
#define SET_FD 31 /* of epoll, with the next in it, which is always ready */
#define READY_FD 32
#define STATX_BYTES 256
#define STATX_ALL 0x7ff

static const char nowhere[] = "/nowhere/at/all";
static const char root[] = "/";
static const char newlines[16] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
static const uint64_t times[4], no_time[2], no_signals[2] = { 0, 8 };
static char buffer[STATX_BYTES];
static const struct epoll_event event = { .events = EPOLLIN };
static const struct iovec none = { buffer, 0 }, one = { buffer, 1 };

static void to_root(void)
{
	(void)!chdir("/");
}

/* The two that a pipe got. */
static void close_pipe(void)
{
	close(3);
	close(4);
}

#define PATH sizeof(nowhere), .image = nowhere, .good = -ENOENT
#define IOVEC sizeof(struct iovec), .good = 1, .image = &one
#define EVENT sizeof(event)
#define TIMES 32, .image = times, .good = -ENOENT, .flags = NULL_GOOD

static const struct pointer_row rows[] = {
	{ POINTER(access), { P, 0 }, PATH },
	{ POINTER(chdir), { P }, PATH },
	{ POINTER(chroot), { P }, PATH },
	{ POINTER(chmod), { P, 0 }, PATH },
	{ POINTER(chown), { P, SAME, SAME }, PATH },
	{ POINTER(lchown), { P, SAME, SAME }, PATH },
	{ POINTER(creat), { P, 0 }, PATH },
	{ POINTER(mkdir), { P, 0 }, PATH },
	{ POINTER(rmdir), { P }, PATH },
	{ POINTER(unlink), { P }, PATH },
	{ POINTER(mknod), { P, S_IFREG | 0600, 0 }, PATH },
	{ POINTER(truncate), { P, 0 }, PATH },
	{ POINTER(rename), { P, TO(nowhere) }, PATH },
	{ POINTER(rename), { TO(nowhere), P }, PATH },
	{ POINTER(link), { P, TO(nowhere) }, PATH },
	{ POINTER(link), { TO(root), P }, PATH },
	{ POINTER(symlink), { P, TO(nowhere) }, PATH },
	{ POINTER(symlink), { TO(root), P }, PATH },
	{ POINTER(faccessat), { AT, P, 0 }, PATH },
	{ POINTER(faccessat2), { AT, P, 0, 0 }, PATH },
	{ POINTER(fchmodat), { AT, P, 0 }, PATH },
	{ POINTER(fchownat), { AT, P, SAME, SAME, 0 }, PATH },
	{ POINTER(mkdirat), { AT, P, 0 }, PATH },
	{ POINTER(mknodat), { AT, P, S_IFREG | 0600, 0 }, PATH },
	{ POINTER(unlinkat), { AT, P, 0 }, PATH },
	{ POINTER(renameat), { AT, P, AT, TO(nowhere) }, PATH },
	{ POINTER(renameat), { AT, TO(nowhere), AT, P }, PATH },
	{ POINTER(renameat2), { AT, P, AT, TO(nowhere), 0 }, PATH },
	{ POINTER(renameat2), { AT, TO(nowhere), AT, P, 0 }, PATH },
	{ POINTER(linkat), { AT, P, AT, TO(nowhere), 0 }, PATH },
	{ POINTER(linkat), { AT, TO(root), AT, P, 0 }, PATH },
	{ POINTER(symlinkat), { P, AT, TO(nowhere) }, PATH },
	{ POINTER(symlinkat), { TO(root), AT, P }, PATH },
	{ POINTER(utime), { P, 0 }, PATH },
	{ POINTER(utime), { TO(nowhere), P }, 16, .image = times, .good = -ENOENT, .flags = NULL_GOOD },
	{ POINTER(utimes), { P, 0 }, PATH },
	{ POINTER(utimes), { TO(nowhere), P }, TIMES },
	{ POINTER(futimesat), { AT, P, 0 }, PATH },
	{ POINTER(futimesat), { AT, TO(nowhere), P }, TIMES },
	{ POINTER(utimensat), { AT, P, 0, 0 }, PATH },
	{ POINTER(utimensat), { AT, TO(nowhere), P, 0 }, TIMES },
	{ POINTER(statx), { AT, P, 0, STATX_ALL, TO(buffer) }, PATH },
	{ POINTER(statx), { AT, TO(root), 0, STATX_ALL, P }, STATX_BYTES, .unit = 1 },
	{ POINTER(statfs), { P, TO(buffer) }, PATH },
	{ POINTER(statfs), { TO(root), P }, sizeof(struct statfs), .unit = 1 },
	{ POINTER(fstatfs), { FILE_FD, P }, sizeof(struct statfs), .unit = 1 },
	{ POINTER(getcwd), { P, 64 }, 2, .unit = 1, .good = 2, .before = to_root },

	{ POINTER(pread64), { FILE_FD, P, 16, 0 }, 16, .good = 16, .flags = EITHER },
	{ POINTER(pwrite64), { FILE_FD, P, 16, 0 }, 16, .image = newlines, .good = 16, .flags = EITHER },
	{ POINTER(readv), { 0, P, 1 }, sizeof(none), .image = &none },
	{ POINTER(preadv), { FILE_FD, P, 1, 0, 0 }, IOVEC },
	{ POINTER(preadv2), { FILE_FD, P, 1, 0, 0, 0 }, IOVEC },
	{ POINTER(pwritev), { FILE_FD, P, 1, 0, 0 }, IOVEC },
	{ POINTER(pwritev2), { FILE_FD, P, 1, 0, 0, 0 }, IOVEC },

	/* The offset is read, and written back. */
	{ POINTER(sendfile), { FILE_FD, 99, P, 1 }, 8, .good = -EBADF, .flags = NULL_GOOD },
	{ POINTER(pipe), { P }, 8, .after = close_pipe },
	{ POINTER(pipe2), { P, 0 }, 8, .after = close_pipe },
	/* Of a struct pollfd, revents is written. */
	{ POINTER(poll), { P, 1, 0 }, 8, .good = NONNEGATIVE, .hole_end = 6 },
	{ POINTER(ppoll), { P, 1, TO(no_time), 0, 8 }, 8, .good = NONNEGATIVE, .hole_end = 6 },
	{ POINTER(ppoll), { 0, 0, P, 0, 8 }, 16, .image = no_time, .flags = NULL_SKIP },
	{ POINTER(ppoll), { 0, 0, TO(no_time), P, 8 }, 8, .image = no_signals, .flags = NULL_GOOD },
	{ POINTER(select), { 0, 0, 0, 0, P }, 16, .image = no_time, .flags = NULL_SKIP },
	{ POINTER(pselect6), { 0, 0, 0, 0, P, 0 }, 16, .image = no_time, .flags = NULL_SKIP },
	{ POINTER(pselect6), { 0, 0, 0, 0, TO(no_time), P }, 16, .image = no_signals, .flags = NULL_GOOD },
	{ POINTER(epoll_ctl), { SET_FD, EPOLL_CTL_MOD, READY_FD, P }, EVENT, .image = &event },
	{ POINTER(epoll_wait), { SET_FD, P, 1, 0 }, EVENT, .good = 1 },
	{ POINTER(epoll_pwait), { SET_FD, P, 1, 0, 0, 8 }, EVENT, .good = 1 },
	{ POINTER(epoll_pwait), { SET_FD, TO(buffer), 1, 0, P, 8 }, 8, .image = no_signals, .good = 1,
	  .flags = NULL_GOOD },
	{ POINTER(epoll_pwait2), { SET_FD, P, 1, TO(no_time), 0, 8 }, EVENT, .good = 1 },
	{ POINTER(epoll_pwait2), { SET_FD, TO(buffer), 1, P, 0, 8 }, 16, .image = no_time, .good = 1,
	  .flags = NULL_GOOD },
};

void test_path_pointers(void)
{
	static const char name[] = "/tmp/hostile.file";
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	check_true(fd >= 0 && dup2(fd, FILE_FD) == FILE_FD && write(fd, newlines, 16) == 16 &&
		   unlink(name) == 0 && close(fd) == 0, "there is a file of 16 bytes");
	check_true(dup2(eventfd(1, 0), READY_FD) == READY_FD && dup2(epoll_create1(0), SET_FD) == SET_FD &&
		   epoll_ctl(SET_FD, EPOLL_CTL_ADD, READY_FD, (struct epoll_event *)&event) == 0,
		   "there is a set with one that is ready");
	close(3);
	close(4);
	try_rows(rows, COUNT(rows));
	close(FILE_FD);
	close(SET_FD);
	close(READY_FD);
}
