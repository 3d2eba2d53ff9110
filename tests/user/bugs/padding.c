/*
 * Bytes that nobody wrote: what a call returns may hold what stood on the kernel's
 * stack, in a structure's padding or behind the member of a union that was set
 * (CVE-2016-4569 and many more; 32-bit forms and siginfo above all).
 *
 * The kernel of the debug build fills its stack with 0xa5 before every call; with
 * others the same test sees less.  Clang leaves the rest of a union as it was, where
 * GCC clears it.
 *
 * Right: no two bytes 0xa5 side by side in anything that comes back, whatever call.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POISON 0xa5
#define AREA 4096

/* Below 4 GiB, for i386's calls, too. */
static uint8_t area[AREA], altstack[65536] __attribute__((aligned(64)));
static uint8_t seen_info[sizeof(siginfo_t)];
static const char *const path = "/";

static unsigned poison_in(const uint8_t *from, size_t n)
{
	unsigned found = 0;

	for (size_t i = 0; i + 1 < n; i++)
		found += from[i] == POISON && from[i + 1] == POISON;
	return found;
}

/* A result other than 0 is as good: the call may need what there is not. */
static void check_area(const char *name)
{
	check_equal(poison_in(area, sizeof(area)), 0, "%s", name);
	memset(area, 0x11, sizeof(area));
}

#define CALL(nr, ...) (memset(area, 0x11, sizeof(area)), syscall(nr, __VA_ARGS__), check_area(#nr))

static void native_calls(void)
{
	struct itimerval none = { 0 };

	CALL(SYS_stat, path, area);
	CALL(SYS_fstat, 1, area);
	CALL(SYS_newfstatat, -100, path, area, 0);
	CALL(SYS_rt_sigaction, SIGUSR2, NULL, area, 8);
	CALL(SYS_rt_sigprocmask, SIG_BLOCK, NULL, area, 8);
	CALL(SYS_rt_sigpending, area, 8);
	CALL(SYS_ioctl, 1, 0x5401, area);
	CALL(SYS_ioctl, 1, 0x5413, area);
	CALL(SYS_getitimer, 0, area);
	CALL(SYS_setitimer, 0, &none, area);
	CALL(SYS_uname, area);
	CALL(SYS_gettimeofday, area, area + 64);
	CALL(SYS_getrlimit, RLIMIT_STACK, area);
	CALL(SYS_prlimit64, 0, RLIMIT_STACK, NULL, area);
	CALL(SYS_getrusage, RUSAGE_SELF, area);
	CALL(SYS_sysinfo, area);
	CALL(SYS_getresuid, area, area + 16, area + 32);
	CALL(SYS_sigaltstack, NULL, area);
	CALL(SYS_sched_getparam, 0, area);
	CALL(SYS_sched_getaffinity, 0, 128, area);
	CALL(SYS_modify_ldt, 0, area, 1024);
	CALL(SYS_modify_ldt, 2, area, 64);
	CALL(SYS_prctl, 16, area);
	CALL(SYS_prctl, 2, area);
	CALL(SYS_arch_prctl, 0x1003, area);
	CALL(SYS_time, area);
	CALL(SYS_clock_gettime, 1, area);
	CALL(SYS_clock_getres, 1, area);
	CALL(SYS_get_robust_list, 0, area, area + 64);
	CALL(SYS_getcpu, area, area + 16, NULL);
	CALL(SYS_readlink, "/proc/self/exe", area, 512);
}

#define CALL32(nr, ...) \
	(memset(area, 0x11, sizeof(area)), int80(nr, __VA_ARGS__), check_area("i386's " #nr))
#define AT(n) ((uintptr_t)area + (n))

static void ia32_calls(void)
{
	static char low_path[] = "/";
	uintptr_t name = (uintptr_t)low_path;

	CALL32(195, name, AT(0), 0);                 /* stat64 */
	CALL32(197, 1, AT(0), 0);                    /* fstat64 */
	CALL32(67, SIGUSR2, 0, AT(0));               /* sigaction */
	CALL32(174, SIGUSR2, 0, AT(0));              /* rt_sigaction */
	CALL32(73, AT(0), 0, 0);                     /* sigpending */
	CALL32(126, SIG_BLOCK, 0, AT(0));            /* sigprocmask */
	CALL32(77, 0, AT(0), 0);                     /* getrusage */
	CALL32(78, AT(0), AT(64), 0);                /* gettimeofday */
	CALL32(191, RLIMIT_STACK, AT(0), 0);         /* getrlimit */
	CALL32(186, 0, AT(0), 0);                    /* sigaltstack */
	CALL32(242, 0, 128, AT(0));                  /* sched_getaffinity */
	CALL32(244, (memcpy(area, "\014\0\0\0", 4), AT(0)), 0, 0); /* get_thread_area */
	CALL32(265, 1, AT(0), 0);                    /* clock_gettime */
	CALL32(266, 1, AT(0), 0);                    /* clock_getres */
	CALL32(403, 1, AT(0), 0);                    /* clock_gettime64 */
	CALL32(312, 0, AT(0), AT(16));               /* get_robust_list */
	CALL32(122, AT(0), 0, 0);                    /* uname */
}

/* ---- siginfo, and frames ---------------------------------------------------------- */

static void keep_info(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	memcpy(seen_info, info, sizeof(seen_info));
}

static void use_altstack(void)
{
	stack_t s = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction sa = { .sa_sigaction = keep_info, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	memset(altstack, 0x11, sizeof(altstack));
	sigaltstack(&s, NULL);
	for (int i = 1; i < 32; i++)
		sigaction(i, &sa, NULL);
}

static void check_frame(const char *what)
{
	check_equal(poison_in(altstack, sizeof(altstack)), 0, "the frame of %s", what);
	check_equal(poison_in(seen_info, sizeof(seen_info)), 0, "siginfo of %s", what);
	memset(altstack, 0x11, sizeof(altstack) / 2);
}

static void frames(void)
{
	union sigval value = { .sival_ptr = &value };
	/* Again and again, should one come between the look and pause(). */
	const struct itimerval ticks = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	pid_t pid;

	use_altstack();
	raise(SIGUSR1);
	check_frame("tkill");
	kill(getpid(), SIGUSR1);
	check_frame("kill");
	sigqueue(getpid(), SIGUSR1, value);
	check_frame("sigqueue");
	__asm__ volatile("int3");
	check_frame("an exception");
	setitimer(ITIMER_REAL, &ticks, NULL);
	while (seen_info[0] != SIGALRM)
		pause();
	setitimer(ITIMER_REAL, &never, NULL);
	check_frame("a timer");
	pid = make_child();
	if (pid == 0)
		_exit(3);
	wait_for(pid);
	check_frame("a child");
}

static void waits(void)
{
	struct timespec second = { 1, 0 };
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	CALL(SYS_rt_sigtimedwait, &set, area, &second, 8);
	pid = make_child();
	if (pid == 0)
		_exit(3);
	CALL(SYS_waitid, P_PID, pid, area, WEXITED | WNOWAIT, area + 512);
	CALL(SYS_wait4, pid, area, 0, area + 512);
}

static void traced(void)
{
	raise(SIGSTOP);
}

static void tracing(void)
{
	pid_t pid = trace_start(traced);

	memset(area, 0x11, sizeof(area));
	trace(GETREGS, pid, 0, (unsigned long)area);
	check_area("GETREGS");
	for (unsigned i = 0; i < sizeof(struct user) / 8; i++)
		trace(PEEKUSER, pid, i * 8, (unsigned long)(area + i * 8 % AREA));
	check_area("PEEKUSER");
	trace_kill(pid);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	native_calls();
	ia32_calls();
	waits();
	tracing();
	frames();
	return check_end();
}
