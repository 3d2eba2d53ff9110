/*
 * integers.c: descriptors, pids, signals, clocks, sizes and flags that are none,
 * call by call; and calls without a pointer, with rubbish in every register.
 */
#include "hostile.h"
#include "../../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>


#define NOBODY		0x7fffffff	/* no process has this pid */
#define INT_LOW		0x80000000u
#define ALL		(~0ul)
#define REFUSED(errno)	((int64_t)(uint32_t)-(errno))	/* modify_ldt's */

static uint8_t buffer[512];
static const char relative[] = "nowhere", self[] = "/proc/self/exe", empty[] = "";
static const uint64_t no_signals, all_cpus[4] = { 1 };
static const uint64_t no_cpus[4];
static const struct iovec negative = { buffer, ALL };
static const int priority_0, priority_1 = 1;
static const struct { uint64_t soft, hard; } backwards = { 2, 1 };
static const struct timespec too_many_ns = { 0, 1000000000 }, negative_s = { -1, 0 }, negative_ns = { 0, -1 },
	no_time;
static const struct itimerval too_many_us = { { 0, 0 }, { 0, 1000000 } }, negative_us = { { 0, -1 }, { 0, 0 } },
	never;
static const struct { uint64_t sp; uint32_t flags, pad; uint64_t size; } tiny = { 0, 0, 0, 1 },
	odd_flags = { 0, 5, 0, 65536 };
static const struct { int signo, error, code, pad[29]; } queued = { 0, 0, -1, { 0 } },
	from_kernel = { 0, 0, 128, { 0 } }, filled = { 0, 0, -100, { [20] = 1 } };
static const struct { uint32_t entry, base, limit, flags; } beyond = { 8192, 0, 1, 1 },
	conforming = { 0, 0, 0xfff, 0x7 };
static uint32_t word = 1;

static const struct integer_row rows[] = {
	/* Descriptors. */
	{ CALL(read), { ALL, TO(buffer), 1 }, -EBADF, 0 },
	{ CALL(read), { 3, TO(buffer), 1 }, -EBADF, 0 },
	{ CALL(read), { INT_LOW, TO(buffer), 1 }, -EBADF, 0 },
	{ CALL(read), { 99, 1, ALL }, -EBADF, 0 },
	{ CALL(write), { ALL, TO(buffer), 1 }, -EBADF, 0 },
	{ CALL(write), { 3, TO(buffer), 1 }, -EBADF, 0 },
	{ CALL(write), { 1, TO(buffer), ALL }, -EFAULT, 0 },
	{ CALL(writev), { 99, 1, 1 }, -EBADF, 0 },
	{ CALL(writev), { 1, 1, ALL }, -EINVAL, 0 },
	{ CALL(writev), { 1, TO(negative), 1 }, -EINVAL, 0 },
	{ CALL(close), { ALL }, -EBADF, 0 },
	{ CALL(close), { 99 }, -EBADF, 0 },
	{ CALL(close), { INT_LOW }, -EBADF, 0 },
	{ CALL(dup), { 99 }, -EBADF, 0 },
	{ CALL(dup), { ALL }, -EBADF, 0 },
	{ CALL(dup2), { 99, 1 }, -EBADF, 0 },
	{ CALL(dup2), { 1, ALL }, -EBADF, 0 },
	{ CALL(dup3), { 1, 1, 0 }, -EINVAL, 0 },
	{ CALL(dup3), { 99, 1, 0 }, -EBADF, 0 },
	{ CALL(close_range), { 2, 1, 0 }, -EINVAL, 0 },
	{ CALL(close_range), { 99, 100, ALL }, -EINVAL, 0 },
	{ CALL(eventfd2), { 0, ALL }, -EINVAL, 0 },
	{ CALL(epoll_create), { 0 }, -EINVAL, 0 },
	{ CALL(epoll_create), { ALL }, -EINVAL, 0 },
	{ CALL(epoll_create1), { ALL }, -EINVAL, 0 },
	{ CALL(epoll_ctl), { 99, 2, 98, 0 }, -EBADF, 0 },
	{ CALL(epoll_wait), { 99, TO(buffer), 1, 0 }, -EBADF, 0 },
	{ CALL(epoll_wait), { 99, TO(buffer), 0, 0 }, -EINVAL, -EBADF },
	{ CALL(epoll_wait), { 99, TO(buffer), ALL, 0 }, -EINVAL, -EBADF },
	{ CALL(fsync), { 99 }, -EBADF, 0 },
	{ CALL(fdatasync), { ALL }, -EBADF, 0 },
	{ CALL(fchdir), { 99 }, -EBADF, 0 },
	{ CALL(fchmod), { 99, 0 }, -EBADF, 0 },
	{ CALL(fchown), { 99, ALL, ALL }, -EBADF, 0 },
	{ CALL(ftruncate), { 99, 0 }, -EBADF, 0 },
	{ CALL(ftruncate), { 1, ALL }, -EINVAL, 0 },
	{ CALL(flock), { 99, 1 }, -EBADF, 0 },
	{ CALL(flock), { 1, 3 }, -EINVAL, 0 },
	{ CALL(flock), { 1, 16 }, -EINVAL, 0 },
	{ CALL(sendfile), { 99, 1, 0, 1 }, -EBADF, 0 },
	{ CALL(sendfile), { 1, 99, 0, 1 }, -EBADF, 0 },
	{ CALL(sendfile), { 1, ALL, 1, 1 }, -EFAULT, 0 },
	{ CALL(fcntl), { 99, 6, 1 }, -EBADF, 0 },
	{ CALL(getdents64), { 99, TO(buffer), 64 }, -EBADF, 0 },
	{ CALL(socket), { 99, 1, 0 }, -EAFNOSUPPORT, 0 },
	{ CALL(socketpair), { 99, 1, 0, 1 }, -EFAULT, -EAFNOSUPPORT },
	{ CALL(fchmodat2), { (uint64_t)-100, 1, 0, 0 }, -EFAULT, -ENOSYS },
	{ CALL(lseek), { 99, 0, 0 }, -EBADF, 0 },
	{ CALL(lseek), { 1, 0, 99 }, -EINVAL, 0 },
	{ CALL(lseek), { 1, 0, ALL }, -EINVAL, 0 },
	{ CALL(ioctl), { 99, ALL, 1 }, -EBADF, 0 },
	{ CALL(ioctl), { 1, ALL, 1 }, -ENOTTY, 0 },
	{ CALL(fcntl), { 99, 1, 0 }, -EBADF, 0 },
	{ CALL(fcntl), { 1, 9999, 0 }, -EINVAL, 0 },
	{ CALL(fcntl), { 1, ALL, 0 }, -EINVAL, 0 },
	{ CALL(fstat), { ALL, TO(buffer) }, -EBADF, 0 },
	{ CALL(fstat), { 99, 1 }, -EBADF, 0 },
	{ CALL(openat), { 99, TO(relative), 0 }, -EBADF, 0 },
	{ CALL(openat), { 1, TO(relative), 0 }, -ENOTDIR, 0 },
	{ CALL(openat), { 99, TO(empty), 0 }, -ENOENT, 0 },
	{ CALL(newfstatat), { 99, TO(relative), TO(buffer), 0 }, -EBADF, 0 },
	{ CALL(newfstatat), { 1, TO(relative), TO(buffer), 0 }, -ENOTDIR, 0 },
	{ CALL(newfstatat), { 99, TO(empty), TO(buffer), 0x1000 }, -EBADF, 0 },
	{ CALL(newfstatat), { 99, TO(empty), TO(buffer), 0 }, -ENOENT, 0 },
	{ CALL(newfstatat), { 99, 1, 1, 0x80000000 }, -EINVAL, 0 },
	{ CALL(newfstatat), { (uint64_t)-100, TO(empty), TO(buffer), 0x1000 }, 0, 0 },
	{ CALL(readlinkat), { 99, TO(relative), TO(buffer), 1 }, -EBADF, 0 },
	{ CALL(readlinkat), { 1, TO(relative), TO(buffer), 1 }, -ENOTDIR, 0 },
	{ CALL(readlinkat), { 99, 1, 1, 0 }, -EINVAL, 0 },
	{ CALL(readlink), { TO(self), TO(buffer), 0 }, -EINVAL, 0 },
	{ CALL(readlink), { TO(self), TO(buffer), ALL }, -EINVAL, 0 },
	{ CALL(getrandom), { TO(buffer), 1, 8 }, -EINVAL, 0 },
	{ CALL(getrandom), { 1, ALL, 6 }, -EINVAL, 0 },

	/* Signals. */
	{ CALL(rt_sigaction), { 0, 0, TO(buffer), 8 }, -EINVAL, 0 },
	{ CALL(rt_sigaction), { 65, 0, TO(buffer), 8 }, -EINVAL, 0 },
	{ CALL(rt_sigaction), { ALL, 0, 0, 8 }, -EINVAL, 0 },
	{ CALL(rt_sigaction), { SIGKILL, TO(buffer), 0, 8 }, -EINVAL, 0 },
	{ CALL(rt_sigaction), { SIGSTOP, TO(buffer), 0, 8 }, -EINVAL, 0 },
	{ CALL(rt_sigaction), { SIGKILL, 1, 0, 8 }, -EFAULT, 0 },
	{ CALL(rt_sigaction), { SIGUSR1, 1, 1, 4 }, -EINVAL, 0 },
	{ CALL(rt_sigaction), { SIGUSR1, 1, 1, 128 }, -EINVAL, 0 },
	{ CALL(rt_sigprocmask), { 99, TO(no_signals), 0, 8 }, -EINVAL, 0 },
	{ CALL(rt_sigprocmask), { ALL, TO(no_signals), 1, 8 }, -EINVAL, 0 },
	{ CALL(rt_sigprocmask), { 99, 0, 0, 8 }, 0, 0 },
	{ CALL(rt_sigprocmask), { 99, 1, 1, 16 }, -EINVAL, 0 },
	{ CALL(rt_sigpending), { 1, 9 }, -EINVAL, 0 },
	{ CALL(rt_sigpending), { 1, ALL }, -EINVAL, 0 },
	{ CALL(rt_sigpending), { 1, 0 }, 0, 0 },
	{ CALL(rt_sigsuspend), { 1, 4 }, -EINVAL, 0 },
	{ CALL(rt_sigsuspend), { 1, ALL }, -EINVAL, 0 },
	{ CALL(rt_sigtimedwait), { 1, 1, 1, 4 }, -EINVAL, 0 },
	{ CALL(rt_sigtimedwait), { TO(no_signals), 0, TO(negative_s), 8 }, -EINVAL, 0 },
	{ CALL(rt_sigtimedwait), { TO(no_signals), 0, TO(too_many_ns), 8 }, -EINVAL, 0 },
	{ CALL(sigaltstack), { TO(tiny), 0 }, -ENOMEM, 0 },
	{ CALL(sigaltstack), { TO(odd_flags), 0 }, -EINVAL, 0 },
	{ CALL(kill), { SELF, 65 }, -EINVAL, 0 },
	{ CALL(kill), { SELF, ALL }, -EINVAL, 0 },
	{ CALL(kill), { NOBODY, 65 }, -ESRCH, 0 },
	{ CALL(kill), { INT_LOW, 0 }, -ESRCH, 0 },
	{ CALL(kill), { (uint64_t)-NOBODY, 0 }, -ESRCH, 0 },
	{ CALL(kill), { 0, 65 }, -EINVAL, 0 },
	{ CALL(tkill), { 0, 0 }, -EINVAL, 0 },
	{ CALL(tkill), { ALL, 0 }, -EINVAL, 0 },
	{ CALL(tkill), { INT_LOW, 0 }, -EINVAL, 0 },
	{ CALL(tkill), { NOBODY, 65 }, -ESRCH, 0 },
	{ CALL(tkill), { SELF, 65 }, -EINVAL, 0 },
	{ CALL(tgkill), { SELF, ALL, 0 }, -EINVAL, 0 },
	{ CALL(tgkill), { ALL, SELF, 0 }, -EINVAL, 0 },
	{ CALL(tgkill), { NOBODY, SELF, 0 }, -ESRCH, 0 },
	{ CALL(tgkill), { SELF, SELF, 65 }, -EINVAL, 0 },
	{ CALL(rt_sigqueueinfo), { SELF, 65, TO(queued) }, -EINVAL, 0 },
	{ CALL(rt_sigqueueinfo), { SELF, ALL, TO(queued) }, -EINVAL, 0 },
	{ CALL(rt_sigqueueinfo), { NOBODY, 0, TO(queued) }, -ESRCH, 0 },
	{ CALL(rt_sigqueueinfo), { 0, 0, TO(queued) }, -ESRCH, 0 },
	{ CALL(rt_sigqueueinfo), { ALL, 0, TO(queued) }, -ESRCH, 0 },
	{ CALL(rt_sigqueueinfo), { INT_LOW, 0, TO(queued) }, -ESRCH, 0 },
	{ CALL(rt_sigqueueinfo), { NOBODY, 0, TO(from_kernel) }, -EPERM, 0 },
	{ CALL(rt_sigqueueinfo), { SELF, 0, TO(filled) }, -E2BIG, 0 },
	{ CALL(rt_tgsigqueueinfo), { SELF, SELF, 65, TO(queued) }, -EINVAL, 0 },
	{ CALL(rt_tgsigqueueinfo), { ALL, SELF, 0, TO(queued) }, -EINVAL, 0 },
	{ CALL(rt_tgsigqueueinfo), { SELF, 0, 0, TO(queued) }, -EINVAL, 0 },
	{ CALL(rt_tgsigqueueinfo), { NOBODY, SELF, 0, TO(queued) }, -ESRCH, 0 },

	/* Clocks and times. */
	{ CALL(clock_gettime), { 99, 1 }, -EINVAL, 0 },
	{ CALL(clock_gettime), { ALL, TO(buffer) }, -EINVAL, 0 },
	{ CALL(clock_getres), { 99, 1 }, -EINVAL, 0 },
	{ CALL(clock_getres), { 0x7fffffff, 0 }, -EINVAL, 0 },
	{ CALL(clock_nanosleep), { 99, 0, 1, 1 }, -EINVAL, 0 },
	{ CALL(clock_nanosleep), { CLOCK_MONOTONIC_RAW, 0, TO(no_time), 0 }, -EOPNOTSUPP, 0 },
	{ CALL(clock_nanosleep), { CLOCK_MONOTONIC, 0, TO(negative_s), 0 }, -EINVAL, 0 },
	{ CALL(clock_nanosleep), { CLOCK_MONOTONIC, 0xfffffffe, TO(no_time), 0 }, 0, 0 },
	{ CALL(nanosleep), { TO(negative_s), 1 }, -EINVAL, 0 },
	{ CALL(nanosleep), { TO(negative_ns), 1 }, -EINVAL, 0 },
	{ CALL(nanosleep), { TO(too_many_ns), 1 }, -EINVAL, 0 },
	{ CALL(getitimer), { 3, 1 }, -EINVAL, 0 },
	{ CALL(getitimer), { ALL, TO(buffer) }, -EINVAL, 0 },
	{ CALL(setitimer), { 3, TO(never), 1 }, -EINVAL, 0 },
	{ CALL(setitimer), { ITIMER_REAL, TO(too_many_us), 0 }, -EINVAL, 0 },
	{ CALL(setitimer), { ITIMER_REAL, TO(negative_us), 0 }, -EINVAL, 0 },
	{ CALL(setitimer), { 99, TO(negative_us), 1 }, -EINVAL, 0 },

	/* Futexes. */
	{ CALL(futex), { TO(word), 99, 0 }, -ENOSYS, 0 },
	{ CALL(futex), { TO(word), ALL, 0 }, -ENOSYS, 0 },
	{ CALL(futex), { TO(word), 0x1000, 0 }, -ENOSYS, 0 },
	{ CALL(futex), { TO(word), 0x100 | 1, 1 }, -ENOSYS, 0 },
	{ CALL(futex), { TO(word), 0, 1, TO(negative_s) }, -EINVAL, 0 },
	{ CALL(futex), { TO(word), 0, 1, TO(too_many_ns) }, -EINVAL, 0 },
	{ CALL(futex), { TO(word), 9, 1, 0, 0, 0 }, -EINVAL, 0 },
	{ CALL(futex), { TO(word), 10, 1, 0, 0, 0 }, -EINVAL, 0 },
	{ CALL(futex), { TO(word), 1, ALL }, 0, 0 },
	{ CALL(futex), { TO(word), 1, INT_LOW }, 0, 0 },
	{ CALL(futex), { TO(word), 3, ALL, 1, TO(word) }, -EINVAL, 0 },
	{ CALL(futex), { TO(word), 3, 1, ALL, TO(word) }, -EINVAL, 0 },
	{ CALL(futex), { TO(word), 4, 1, 1, TO(word), 2 }, -EAGAIN, 0 },
	{ CALL(set_robust_list), { 0, 0 }, -EINVAL, 0 },
	{ CALL(set_robust_list), { 1, 25 }, -EINVAL, 0 },
	{ CALL(set_robust_list), { 1, ALL }, -EINVAL, 0 },
	{ CALL(get_robust_list), { ALL, 1, 1 }, -ESRCH, 0 },
	{ CALL(get_robust_list), { NOBODY, 1, 1 }, -ESRCH, 0 },

	/* Processes. */
	{ CALL(wait4), { ALL, 0, 0, 0 }, -ECHILD, 0 },
	{ CALL(wait4), { NOBODY, 1, 0, 1 }, -ECHILD, 0 },
	{ CALL(wait4), { INT_LOW, 1, 0, 1 }, -ESRCH, 0 },
	{ CALL(wait4), { ALL, 1, 0x10, 1 }, -EINVAL, 0 },
	{ CALL(wait4), { ALL, 1, 4, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { P_ALL, 0, 0, WEXITED, 1 }, -ECHILD, 0 },
	{ CALL(waitid), { P_ALL, 0, 0, 0, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { P_ALL, 0, 0, WEXITED | 0x10, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { P_PID, 0, 0, WEXITED, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { P_PID, ALL, 0, WEXITED, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { P_PID, INT_LOW, 0, WEXITED, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { P_PGID, ALL, 0, WEXITED, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { 3, ALL, 0, WEXITED, 1 }, -EINVAL, 0 },
	{ CALL(waitid), { 3, 99, 0, WEXITED, 1 }, -EBADF, 0 },
	{ CALL(waitid), { 3, 1, 0, WEXITED, 1 }, -EBADF, 0 },
	{ CALL(waitid), { 99, 1, 0, WEXITED, 1 }, -EINVAL, 0 },
	{ CALL(setpgid), { 0, ALL }, -EINVAL, 0 },
	{ CALL(setpgid), { ALL, 0 }, -EINVAL, 0 },
	{ CALL(setpgid), { ALL, 1 }, -ESRCH, 0 },
	{ CALL(setpgid), { NOBODY, 0 }, -ESRCH, 0 },
	{ CALL(setpgid), { 0, NOBODY }, -EPERM, 0 },
	{ CALL(getpgid), { ALL }, -ESRCH, 0 },
	{ CALL(getpgid), { INT_LOW }, -ESRCH, 0 },
	{ CALL(getsid), { NOBODY }, -ESRCH, 0 },
	{ CALL(getsid), { ALL }, -ESRCH, 0 },
	{ CALL(setuid), { ALL }, -EINVAL, 0 },
	{ CALL(personality), { ALL }, 0, 0 }, /* a question */
	{ CALL(setgid), { ALL }, -EINVAL, 0 },
	{ CALL(setresuid), { ALL, ALL, ALL }, 0, 0 },
	{ CALL(setresgid), { ALL, ALL, ALL }, 0, 0 },
	{ CALL(clone), { 0x10000 | SIGCHLD }, -EINVAL, 0 },
	{ CALL(clone), { 0x800 | SIGCHLD }, -EINVAL, 0 },
	{ CALL(clone), { 0x20000 | 0x200 | SIGCHLD }, -EINVAL, 0 },
	{ CALL(clone), { 0x80000 | SIGCHLD, 0, 0, 0, USER_END }, -EPERM, 0 },
	{ CALL(clone), { 0x80000 | SIGCHLD, 0, 0, 0, ALL }, -EPERM, 0 },
	{ CALL(ptrace), { PTRACE_ATTACH, NOBODY, 0, 0 }, -ESRCH, 0 },
	{ CALL(ptrace), { PTRACE_ATTACH, SELF, 0, 0 }, -EPERM, 0 },
	{ CALL(ptrace), { PTRACE_ATTACH, ALL, 0, 0 }, -ESRCH, 0 },
	{ CALL(ptrace), { PTRACE_PEEKDATA, SELF, 1, 1 }, -ESRCH, 0 },
	{ CALL(ptrace), { ALL, NOBODY, 1, 1 }, -ESRCH, 0 },

	/* Limits, scheduling, the machine. */
	{ CALL(getrlimit), { 16, 1 }, -EINVAL, 0 },
	{ CALL(getrlimit), { ALL, 1 }, -EINVAL, 0 },
	{ CALL(setrlimit), { 16, TO(buffer) }, -EINVAL, 0 },
	{ CALL(setrlimit), { 16, 1 }, -EFAULT, 0 },
	{ CALL(setrlimit), { RLIMIT_CORE, TO(backwards) }, -EINVAL, 0 },
	{ CALL(prlimit64), { 0, 16, 0, 1 }, -EINVAL, 0 },
	{ CALL(prlimit64), { ALL, 16, 0, 1 }, -ESRCH, 0 },
	{ CALL(prlimit64), { NOBODY, RLIMIT_CORE, TO(backwards), 1 }, -ESRCH, 0 },
	{ CALL(prlimit64), { 0, RLIMIT_CORE, TO(backwards), 1 }, -EINVAL, 0 },
	{ CALL(getrusage), { 2, 1 }, -EINVAL, 0 },
	{ CALL(getrusage), { (uint64_t)-2, TO(buffer) }, -EINVAL, 0 },
	{ CALL(prctl), { 999, 1, 1 }, -EINVAL, 0 },
	{ CALL(prctl), { ALL, 1, 1 }, -EINVAL, 0 },
	{ CALL(prctl), { PR_SET_PDEATHSIG, 65 }, -EINVAL, 0 },
	{ CALL(prctl), { PR_SET_PDEATHSIG, ALL }, -EINVAL, 0 },
	{ CALL(prctl), { PR_SET_DUMPABLE, 2 }, -EINVAL, 0 },
	{ CALL(prctl), { PR_SET_NO_NEW_PRIVS, 0 }, -EINVAL, 0 },
	{ CALL(prctl), { PR_SET_NO_NEW_PRIVS, 1, 1 }, -EINVAL, 0 },
	{ CALL(prctl), { PR_GET_NO_NEW_PRIVS, 1 }, -EINVAL, 0 },
	{ CALL(sched_getaffinity), { 0, 0, TO(buffer) }, -EINVAL, 0 },
	{ CALL(sched_getaffinity), { 0, 12, TO(buffer) }, -EINVAL, 0 },
	{ CALL(sched_getaffinity), { 0, ALL, TO(buffer) }, -EINVAL, 0 },
	{ CALL(sched_getaffinity), { 0, 0x20000000, TO(buffer) }, -EINVAL, 0 },
	{ CALL(sched_getaffinity), { ALL, 512, TO(buffer) }, -ESRCH, 0 },
	{ CALL(sched_getaffinity), { NOBODY, 512, 1 }, -ESRCH, 0 },
	{ CALL(sched_setaffinity), { 0, 0, 0 }, -EINVAL, 0 },
	{ CALL(sched_setaffinity), { 0, 32, TO(no_cpus) }, -EINVAL, 0 },
	{ CALL(sched_setaffinity), { NOBODY, 32, TO(all_cpus) }, -ESRCH, 0 },
	{ CALL(sched_setaffinity), { ALL, 32, 1 }, -EFAULT, 0 },
	{ CALL(sched_getscheduler), { ALL }, -EINVAL, 0 },
	{ CALL(sched_getscheduler), { NOBODY }, -ESRCH, 0 },
	{ CALL(sched_getparam), { ALL, 1 }, -EINVAL, 0 },
	{ CALL(sched_getparam), { NOBODY, 1 }, -ESRCH, 0 },
	{ CALL(sched_setscheduler), { 0, ALL, 1 }, -EINVAL, 0 },
	{ CALL(sched_setscheduler), { ALL, 0, 1 }, -EINVAL, 0 },
	{ CALL(sched_setscheduler), { 0, 99, TO(priority_0) }, -EINVAL, 0 },
	{ CALL(sched_setscheduler), { 0, 0, TO(priority_1) }, -EINVAL, 0 },
	{ CALL(sched_setscheduler), { NOBODY, 0, TO(priority_0) }, -ESRCH, 0 },
	{ CALL(sched_get_priority_max), { ALL }, -EINVAL, 0 },
	{ CALL(sched_get_priority_max), { 4 }, -EINVAL, 0 },
	{ CALL(sched_get_priority_max), { 5 }, 0, 0 },
	{ CALL(sched_get_priority_min), { 99 }, -EINVAL, 0 },
	{ CALL(sched_get_priority_min), { 3 }, 0, 0 },
	{ CALL(reboot), { 0, 0, 0x01234567 }, -EINVAL, 0 },
	{ CALL(reboot), { 0xfee1dead, 1, 0x4321fedc }, -EINVAL, 0 },
	{ CALL(reboot), { 0xfee1dead, 672274793, 1 }, -EINVAL, 0 },
	{ CALL(iopl), { 4 }, -EINVAL, -ENOSYS },
	{ CALL(iopl), { ALL }, -EINVAL, -ENOSYS },
	{ CALL(ioperm), { 0, 0, 1 }, -EINVAL, -ENOSYS },
	{ CALL(ioperm), { 65536, 1, 1 }, -EINVAL, -ENOSYS },
	{ CALL(ioperm), { 0, 65537, 1 }, -EINVAL, -ENOSYS },
	{ CALL(ioperm), { ALL, 2, 1 }, -EINVAL, -ENOSYS },
	{ CALL(ioperm), { 1, ALL, 1 }, -EINVAL, -ENOSYS },
	{ CALL(modify_ldt), { 99, 1, 16 }, REFUSED(ENOSYS), 0 },
	{ CALL(modify_ldt), { 0x11, 1, 15 }, REFUSED(EINVAL), 0 },
	{ CALL(modify_ldt), { 1, 1, ALL }, REFUSED(EINVAL), 0 },
	{ CALL(modify_ldt), { 0x11, TO(beyond), 16 }, REFUSED(EINVAL), 0 },
	{ CALL(modify_ldt), { 1, TO(conforming), 16 }, REFUSED(EINVAL), 0 },
	{ CALL(arch_prctl), { 0x9999, 1 }, -EINVAL, 0 },
	{ CALL(arch_prctl), { ALL, 1 }, -EINVAL, 0 },
	{ CALL(restart_syscall), { ALL, ALL, ALL, ALL, ALL, ALL }, -EINTR, 0 },
};

/* Linux's answer by another configuration is half as much.  The host may stand still between. */
static void test_long_alarm(void)
{
	uint64_t left;

	check_equal(sys(SYS_alarm, 0xffffffff), 0, "alarm of 0xffffffff seconds");
	left = (uint64_t)sys(SYS_alarm, 0);
	check_true(0xffffffff - left < 3600 || 0x7fffffff - left < 3600,
		   "it has %#lx left, not much less", left);
}

void test_integers(void)
{
	try_integers(rows, COUNT(rows));
	test_long_alarm();
}
