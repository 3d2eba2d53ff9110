/*
 * ia32.c: i386's calls that have layouts of their own, by INT 0x80 from 64-bit
 * code, whose pointers are 32 bits: all data here lies below 4 GiB.
 */
#include "../../lib/check.h"
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define SET_BYTES	8
#define INFO_BYTES	24	/* of waitid's siginfo */
#define RUSAGE_BYTES	72
#define STAT_BYTES	96
#define OTHER(name)	#name, 0
#define FILE_FD		30	/* a file of our own, of eight bytes */
#define CWD		((uint32_t)AT_FDCWD)

struct pair {
	uint32_t a, b;
};

static const char root[] = "/", nowhere[] = "/nowhere/at/all", newlines[8] = "\n\n\n\n\n\n\n\n";
static uint8_t st[STAT_BYTES];
static const struct pair no_time, some_time = { 1000, 0 };
static const struct timespec no_time64;
static const uint64_t no_signals, only_usr2 = 1ul << (SIGUSR2 - 1);
static const uint32_t no_strings[2];
static uint32_t one_string[2];
static const struct { uint32_t handler, mask, flags, restorer; } old_ignore = { 1, 0, 0, 0 };
static const struct { uint32_t handler, flags, restorer, mask[2]; } ignore = { 1, 0, 0, { 0, 0 } };
static const struct { uint32_t sp, flags, size; } disabled = { 0, 2, 0 };
static const struct { int signo, error, code, pad[29]; } queued = { 0, 0, -1, { 0 } };
static const struct { uint32_t entry, base, limit, flags; } no_segment = { 12, 0, 0, 0x28 };
static const uint32_t mapping[6] = { 0, PAGE, 1, 0x22, ~0u, 0 };
static struct pair part, parts[2], limit;
static uint32_t word = 1;
static const char self[] = "/proc/self/exe";
static uint32_t head, size;

static void nothing(int signal)
{
	(void)signal;
}

static void send_usr2(void)
{
	sys(SYS_kill, sys(SYS_getpid), SIGUSR2);
}

static void set_tick(long us)
{
	const struct itimerval every = { { 0, us }, { 0, us } };

	sys(SYS_setitimer, ITIMER_REAL, &every, 0);
}

static void tick(void)
{
	set_tick(1000);
}

static void no_tick(void)
{
	set_tick(0);
}

static uint64_t part_at;

static void set_part(void)
{
	parts[1] = (struct pair){ (uint32_t)part_at, sizeof(newlines) };
}

/* Linux leaves the padding of stat64 as it is: what is written is not looked at. */
static const struct pointer_row rows[] = {
	{ IA32(7, waitpid), { CHILD, P, 0 }, 4, .unit = 4, .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ IA32(114, wait4), { CHILD, P, 0, 0 }, 4, .unit = 4, .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ IA32(114, wait4), { CHILD, 0, 0, P }, RUSAGE_BYTES, .unit = 1, .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ IA32(284, waitid), { P_PID, CHILD, P, WEXITED, 0 }, INFO_BYTES, .unit = 4, .flags = NULL_GOOD },
	{ IA32(284, waitid), { P_PID, CHILD, 0, WEXITED, P }, RUSAGE_BYTES, .unit = 1, .flags = NULL_GOOD },
	{ IA32(11, execve), { P, TO(no_strings), 0 }, sizeof(nowhere), .image = nowhere, .good = -ENOENT },
	{ IA32(11, execve), { TO(self), P, 0 }, 8, .image = one_string, .flags = NULL_SKIP | NO_GOOD },
	{ IA32(11, execve), { TO(self), TO(no_strings), P }, 8, .image = one_string, .flags = NULL_SKIP | NO_GOOD },
	{ IA32(13, time), { P }, 4, .unit = 4, .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ IA32(43, times), { P }, 16, .unit = 1, .good = NONNEGATIVE, .flags = NULL_GOOD | RANDOM },
	{ IA32(67, sigaction), { SIGUSR1, P, 0 }, 16, .image = &old_ignore, .flags = NULL_GOOD },
	{ IA32(67, sigaction), { SIGUSR1, 0, P }, 16, .flags = NULL_GOOD },
	{ IA32(174, rt_sigaction), { SIGUSR1, P, 0, SET_BYTES }, 20, .image = &ignore, .flags = NULL_GOOD },
	{ IA32(174, rt_sigaction), { SIGUSR1, 0, P, SET_BYTES }, 20, .flags = NULL_GOOD | SCATTERED },
	{ IA32(73, sigpending), { P }, 4, .unit = 4 },
	{ IA32(126, sigprocmask), { SIG_BLOCK, P, 0 }, 4, .image = &no_signals, .flags = NULL_GOOD },
	{ IA32(126, sigprocmask), { SIG_BLOCK, 0, P }, 4, .unit = 4, .flags = NULL_GOOD },
	{ IA32(177, rt_sigtimedwait), { P, 0, TO(no_time), SET_BYTES }, 8, .image = &no_signals, .good = -EAGAIN },
	{ IA32(177, rt_sigtimedwait), { TO(no_signals), 0, P, SET_BYTES }, 8, .image = &no_time, .good = -EAGAIN,
	  .flags = NULL_SKIP },
	{ IA32(421, rt_sigtimedwait64), { TO(no_signals), 0, P, SET_BYTES }, 16, .image = &no_time64,
	  .good = -EAGAIN, .flags = NULL_SKIP },
	{ IA32(177, rt_sigtimedwait), { TO(only_usr2), P, TO(no_time), SET_BYTES }, 128, .good = SIGUSR2,
	  .flags = NULL_GOOD, .before = send_usr2 },
	{ IA32(178, rt_sigqueueinfo), { SELF, 0, P }, 128, .image = &queued },
	{ IA32(186, sigaltstack), { P, 0 }, 12, .image = &disabled, .flags = NULL_GOOD },
	{ IA32(186, sigaltstack), { 0, P }, 12, .unit = 1, .flags = NULL_GOOD },
	{ IA32(75, setrlimit), { 3, P }, 8, .image = &limit },
	{ IA32(191, getrlimit), { 3, P }, 8, .flags = 0 },
	{ IA32(76, old_getrlimit), { 3, P }, 8, .flags = 0 },
	{ IA32(77, getrusage), { 0, P }, RUSAGE_BYTES, .unit = 1, .flags = RANDOM },
	{ IA32(78, gettimeofday), { P, 0 }, 8, .unit = 4, .flags = NULL_GOOD | RANDOM },
	{ IA32(90, mmap), { P }, 24, .image = mapping, .good = NONNEGATIVE },
	{ IA32(146, writev), { 1, P, 1 }, 8, .image = &part, .good = 1 },
	{ IA32(146, writev), { 1, TO(parts), 2 }, 8, .image = newlines, .good = 8, .flags = EITHER,
	  .word = &part_at, .before = set_part },
	{ IA32(162, nanosleep), { P, 0 }, 8, .image = &no_time },
	{ IA32(162, nanosleep), { TO(some_time), P }, 8, .unit = 1, .good = -EINTR, .flags = NULL_GOOD | RANDOM,
	  .before = tick, .after = no_tick },
	{ IA32(195, stat64), { P, TO(st) }, sizeof(root), .image = root },
	{ IA32(195, stat64), { TO(root), P }, STAT_BYTES, .flags = 0 },
	{ IA32(196, lstat64), { TO(root), P }, STAT_BYTES, .flags = 0 },
	{ IA32(197, fstat64), { 1, P }, STAT_BYTES, .flags = 0 },
	{ IA32(300, fstatat64), { (uint32_t)-100, TO(root), P, 0 }, STAT_BYTES, .flags = 0 },
	{ IA32(240, futex), { TO(word), 0, 2, P }, 8, .image = &no_time, .good = -EAGAIN, .flags = NULL_GOOD },
	{ IA32(422, futex64), { TO(word), 0, 2, P }, 16, .image = &no_time64, .good = -EAGAIN, .flags = NULL_GOOD },
	{ IA32(242, sched_getaffinity), { 0, 8, P }, 8, .good = 8 },
	{ IA32(243, set_thread_area), { P }, 16, .image = &no_segment },
	{ IA32(244, get_thread_area), { P }, 16, .flags = KERNEL_ONLY },
	{ IA32(265, clock_gettime), { 1, P }, 8, .unit = 1, .flags = RANDOM },
	{ IA32(266, clock_getres), { 1, P }, 8, .unit = 1, .flags = NULL_GOOD },
	{ IA32(403, clock_gettime64), { 1, P }, 16, .unit = 1, .flags = RANDOM },
	{ IA32(406, clock_getres64), { 1, P }, 16, .unit = 1, .flags = NULL_GOOD },
	{ IA32(267, clock_nanosleep), { 1, 0, P, 0 }, 8, .image = &no_time },
	{ IA32(407, clock_nanosleep64), { 1, 0, P, 0 }, 16, .image = &no_time64 },
	{ IA32(312, get_robust_list), { 0, P, TO(size) }, 4, .unit = 4 },
	{ IA32(312, get_robust_list), { 0, TO(head), P }, 4, .unit = 4 },
};

/* ---- Files ---------------------------------------------------------------------- */

static char path[] = "/tmp/hostile-0123456789";
static char byte;
static struct pair into;	/* a byte that may be written */
static const struct pair short_time = { 0, 100 }, seconds = { 1000, 2000 };
static const struct timespec short_time64 = { 0, 100000 };
static const struct pair times[2] = { { 1000, 1 }, { 2000, 2 } };
static const uint64_t times64[4] = { 1000, 1, 2000, 2 };
static struct pair no_mask = { 0, SET_BYTES }, mask;

static void rewind_file(void)
{
	sys(SYS_lseek, FILE_FD, 0, SEEK_SET);
}

static void set_part_and_rewind(void)
{
	set_part();
	rewind_file();
}

static void set_mask(void)
{
	mask = (struct pair){ (uint32_t)part_at, SET_BYTES };
}

/*
 * A set of select, of descriptor 0 alone, is one word, read and then written; so is a struct
 * pollfd, of which only revents is written (what the pages are filled with is no descriptor).
 * A time that is over is not written back, and if what is left cannot be, none complains.
 */
static const struct pointer_row file_rows[] = {
	{ IA32(145, readv), { FILE_FD, P, 1 }, 8, .image = &into, .good = 1,
	  .before = rewind_file },
	{ IA32(145, readv), { FILE_FD, TO(parts), 2 }, 8, .good = 8, .flags = EITHER,
	  .word = &part_at, .before = set_part_and_rewind },
	{ IA32(180, pread64), { FILE_FD, P, 8, 0, 0 }, 8, .good = 8, .flags = EITHER },
	{ IA32(181, pwrite64), { FILE_FD, P, 8, 0, 0 }, 8, .image = newlines, .good = 8,
	  .flags = EITHER },
	{ IA32(333, preadv), { FILE_FD, P, 1, 0, 0 }, 8, .image = &into, .good = 1 },
	{ IA32(333, preadv), { FILE_FD, TO(parts), 2, 0, 0 }, 8, .good = 8, .flags = EITHER,
	  .word = &part_at, .before = set_part },
	{ IA32(334, pwritev), { FILE_FD, P, 1, 0, 0 }, 8, .image = &part, .good = 1 },
	{ IA32(334, pwritev), { FILE_FD, TO(parts), 2, 0, 0 }, 8, .image = newlines, .good = 8,
	  .flags = EITHER, .word = &part_at, .before = set_part },
	{ IA32(378, preadv2), { FILE_FD, P, 1, 0, 0, 0 }, 8, .image = &into, .good = 1 },
	{ IA32(378, preadv2), { FILE_FD, TO(parts), 2, 0, 0, 0 }, 8, .good = 8, .flags = EITHER,
	  .word = &part_at, .before = set_part },
	{ IA32(379, pwritev2), { FILE_FD, P, 1, 0, 0, 0 }, 8, .image = &part, .good = 1 },
	{ IA32(379, pwritev2), { FILE_FD, TO(parts), 2, 0, 0, 0 }, 8, .image = newlines, .good = 8,
	  .flags = EITHER, .word = &part_at, .before = set_part },
	{ IA32(187, sendfile), { FILE_FD, 99, P, 1 }, 4, .good = -EBADF, .flags = NULL_GOOD },
	{ IA32(239, sendfile64), { FILE_FD, 99, P, 1 }, 8, .good = -EBADF, .flags = NULL_GOOD },
	{ IA32(140, _llseek), { FILE_FD, 0, 5, P, SEEK_SET }, 8, .flags = 0 },
	{ IA32(92, truncate), { P, 8 }, sizeof(path), .image = path },
	{ IA32(193, truncate64), { P, 8, 0 }, sizeof(path), .image = path },
	{ IA32(142, select), { 1, P, 0, 0, TO(no_time) }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = NULL_GOOD },
	{ IA32(142, select), { 1, 0, P, 0, TO(no_time) }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = NULL_GOOD },
	{ IA32(142, select), { 1, 0, 0, P, TO(no_time) }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = NULL_GOOD },
	{ IA32(142, select), { 0, 0, 0, 0, P }, 8, .image = &no_time, .flags = NULL_SKIP },
	{ IA32(142, select), { 0, 0, 0, 0, P }, 8, .image = &short_time, .flags = NULL_SKIP },
	{ IA32(308, pselect6), { 1, P, 0, 0, TO(no_time), 0 }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = NULL_GOOD },
	{ IA32(308, pselect6), { 1, 0, P, 0, TO(no_time), 0 }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = NULL_GOOD },
	{ IA32(308, pselect6), { 1, 0, 0, P, TO(no_time), 0 }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = NULL_GOOD },
	{ IA32(308, pselect6), { 0, 0, 0, 0, P, 0 }, 8, .image = &short_time, .flags = NULL_SKIP },
	{ IA32(308, pselect6), { 0, 0, 0, 0, TO(no_time), P }, 8, .image = &no_mask,
	  .flags = NULL_GOOD },
	{ IA32(308, pselect6), { 0, 0, 0, 0, TO(no_time), TO(mask) }, 8, .image = &no_signals,
	  .flags = NULL_GOOD, .word = &part_at, .before = set_mask },
	{ IA32(413, pselect6_64), { 1, P, 0, 0, TO(no_time64), 0 }, 4, .unit = 4,
	  .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ IA32(413, pselect6_64), { 0, 0, 0, 0, P, 0 }, 16, .image = &short_time64,
	  .flags = NULL_SKIP },
	{ IA32(413, pselect6_64), { 0, 0, 0, 0, TO(no_time64), P }, 8, .image = &no_mask,
	  .flags = NULL_GOOD },
	{ IA32(309, ppoll), { P, 1, TO(no_time), 0, 0 }, 8, .unit = 8, .good = NONNEGATIVE,
	  .hole = 0, .hole_end = 6 },
	{ IA32(309, ppoll), { 0, 0, P, 0, 0 }, 8, .image = &short_time, .flags = NULL_SKIP },
	{ IA32(309, ppoll), { 0, 0, TO(no_time), P, SET_BYTES }, 8, .image = &no_signals,
	  .flags = NULL_GOOD },
	{ IA32(414, ppoll64), { P, 1, TO(no_time64), 0, 0 }, 8, .unit = 8, .good = NONNEGATIVE,
	  .hole = 0, .hole_end = 6 },
	{ IA32(414, ppoll64), { 0, 0, P, 0, 0 }, 16, .image = &short_time64, .flags = NULL_SKIP },
	{ IA32(414, ppoll64), { 0, 0, TO(no_time64), P, SET_BYTES }, 8, .image = &no_signals,
	  .flags = NULL_GOOD },
	{ IA32(30, utime), { P, 0 }, sizeof(path), .image = path },
	{ IA32(30, utime), { TO(path), P }, 8, .image = &seconds, .flags = NULL_GOOD },
	{ IA32(271, utimes), { P, 0 }, sizeof(path), .image = path },
	{ IA32(271, utimes), { TO(path), P }, 16, .image = times, .flags = NULL_GOOD },
	{ IA32(299, futimesat), { CWD, P, 0 }, sizeof(path), .image = path },
	{ IA32(299, futimesat), { FILE_FD, P, 0 }, sizeof(path), .image = path,
	  .flags = NULL_GOOD },
	{ IA32(299, futimesat), { CWD, TO(path), P }, 16, .image = times, .flags = NULL_GOOD },
	{ IA32(320, utimensat), { CWD, P, 0, 0 }, sizeof(path), .image = path },
	{ IA32(320, utimensat), { FILE_FD, P, 0, 0 }, sizeof(path), .image = path,
	  .flags = NULL_GOOD },
	{ IA32(320, utimensat), { CWD, TO(path), P, 0 }, 16, .image = times, .flags = NULL_GOOD },
	{ IA32(412, utimensat64), { CWD, P, 0, 0 }, sizeof(path), .image = path },
	{ IA32(412, utimensat64), { FILE_FD, P, 0, 0 }, sizeof(path), .image = path,
	  .flags = NULL_GOOD },
	{ IA32(412, utimensat64), { CWD, TO(path), P, 0 }, 32, .image = times64,
	  .flags = NULL_GOOD },
};

static void try_file_rows(void)
{
	int64_t fd;

	into = (struct pair){ (uint32_t)TO(byte), 1 };
	snprintf(path, sizeof(path), "/tmp/hostile-%010ld", (long)sys(SYS_getpid));
	sys(SYS_mkdir, "/tmp", 01777);
	fd = sys(SYS_open, path, O_RDWR | O_CREAT, 0600);
	check_true(fd >= 0, "%s is there", path);
	check_equal(sys(SYS_dup2, fd, FILE_FD), FILE_FD, "it has a number");
	check_equal(sys(SYS_write, fd, newlines, 8), 8, "it has eight bytes");
	try_rows(file_rows, COUNT(file_rows));
	sys(SYS_close, fd);
	sys(SYS_close, FILE_FD);
	sys(SYS_unlink, path);
}

/* Elsewhere (tests/user32: frames, clone), or without an address to follow. */
static const struct {
	const char *name;
	long number;
} others[] = {
	{ OTHER(clone) }, { OTHER(sigreturn) }, { OTHER(rt_sigreturn) }, { OTHER(arch_prctl) }, { OTHER(mmap) },
	{ OTHER(set_robust_list) }, { OTHER(fcntl) }, { OTHER(lseek) }, { OTHER(ftruncate) },
	{ OTHER(ftruncate64) },
};

void test_ia32(void)
{
	const uint64_t get_limit[6] = { 3, TO(limit) };

	part = (struct pair){ (uint32_t)TO(newlines), 1 };
	one_string[0] = (uint32_t)TO(self);
	signal(SIGALRM, nothing);
	signal(SIGUSR2, nothing);
	make_call(191 | IA32_CALL, get_limit);
	sys(SYS_rt_sigprocmask, SIG_BLOCK, &only_usr2, 0, SET_BYTES);
	try_rows(rows, COUNT(rows));
	try_file_rows();
	sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &only_usr2, 0, SET_BYTES);
	for (unsigned i = 0; i < COUNT(others); i++)
		check_unharmed(others[i].name);
}
