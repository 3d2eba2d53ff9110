/*
 * CVE-2017-5123 (Linux 4.13, October 2017).
 *
 * waitid was rewritten to store siginfo with stores that do not check, and the
 * one check of the whole pointer, access_ok, was forgotten: any program wrote
 * a few numbers of its choice to any kernel address, and KASLR fell to EFAULT
 * (not mapped) against success (mapped).
 *
 * In Postern every store to user memory is copy_to_user() (mm/space/uaccess.c), which
 * compares the range with the user half's end before SMAP is opened.
 *
 * Right: EFAULT for every address of the kernel half, mapped or not, at every
 * call that stores; nothing is consumed that was not told; then all is as before.
 */
#include "lib/bugs.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void child(void)
{
	_exit(5);
}

static long result(long value)
{
	return value < 0 ? -errno : value;
}

static void check_waitid(uint64_t at)
{
	siginfo_t info;
	pid_t pid = make_child();

	if (pid == 0)
		child();
	memset(&info, 0, sizeof(info));
	check_equal(result(syscall(SYS_waitid, P_PID, pid, at, WEXITED | WNOWAIT, NULL)), -EFAULT,
		    "waitid to %#lx", at);
	check_equal(result(syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOWAIT, at)), -EFAULT,
		    "its rusage to %#lx", at);
	check_equal(result(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, NULL)), 0, "then to us");
	check_true(info.si_pid == pid && info.si_status == 5, "the child is told of");
}

/* Every other call that stores by a pointer. */
static void check_others(uint64_t at)
{
	static const struct {
		const char *name;
		long nr;
		unsigned pointer;	/* which argument */
		uint64_t arg[4];
	} calls[] = {
		{ "uname", SYS_uname, 0, { 0 } },
		{ "gettimeofday", SYS_gettimeofday, 0, { 0 } },
		{ "clock_gettime", SYS_clock_gettime, 1, { 0 } },
		{ "rt_sigprocmask", SYS_rt_sigprocmask, 2, { 0, 0, 0, 8 } },
		{ "rt_sigaction", SYS_rt_sigaction, 2, { SIGUSR2, 0, 0, 8 } },
		{ "getrandom", SYS_getrandom, 0, { 0, 8 } },
		{ "arch_prctl GET_FS", SYS_arch_prctl, 1, { 0x1003 } },
		{ "getrlimit", SYS_getrlimit, 1, { 0 } },
		{ "sysinfo", SYS_sysinfo, 0, { 0 } },
		{ "modify_ldt", SYS_modify_ldt, 1, { 2, 0, 8 } },
		{ "getresuid", SYS_getresuid, 0, { 0 } },
		{ "getitimer", SYS_getitimer, 1, { 0 } },
		{ "sigaltstack", SYS_sigaltstack, 1, { 0 } },
		{ "sched_getaffinity", SYS_sched_getaffinity, 2, { 0, 128 } },
		{ "prlimit64", SYS_prlimit64, 3, { 0, 0 } },
	};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint64_t a[4];

		memcpy(a, calls[i].arg, sizeof(a));
		a[calls[i].pointer] = at;
		check_equal((int)result(syscall(calls[i].nr, a[0], a[1], a[2], a[3])), -EFAULT,
			    "%s to %#lx", calls[i].name, at);
	}
}

/* The last bytes of the user half and the first beyond it. */
static void check_across(void)
{
	check_waitid(0x7fffffffeff8);
	check_waitid(0x7fffffffffff);
}

int main(int argc, char **argv)
{
	bugs_begin(argc, argv);
	for (unsigned i = 0; i < kernel_address_count; i++) {
		check_waitid(kernel_addresses[i]);
		check_others(kernel_addresses[i]);
	}
	check_across();
	return check_end();
}
