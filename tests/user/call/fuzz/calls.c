/*
 * Random system calls with hostile arguments.
 *
 * As nobody: all of them, for a process without rights may harm no other.  As
 * root: not reboot, no new files, and what takes a pid gets one of our own, since kill(1) and
 * kill(-1), ptrace and prlimit64 of others are what root may do.  Ports are
 * opened only by children that never jump anywhere: OUT by chance could end the
 * machine, as it may.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS 300

static const uint16_t table[] = {
#define CALL_64(number, function) number,
#define CALL_32(number, function)
#define CALL_IA32(number, function)
#include "../../../../kernel/linux/syscall_list.h"
};

static const uint16_t table_of_i386[] = {
#define CALL_64(number, function)
#define CALL_32(number, function) number,
#define CALL_IA32 CALL_32
#include "../../../../kernel/linux/syscall_list.h"
};

static bool is_in(const uint16_t *list, unsigned count, uint64_t number)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i] == (uint32_t)number)
			return true;
	return false;
}
#define IS_IN(list, number) is_in(list, sizeof(list) / sizeof(*(list)), number)

static const uint16_t forking[] = { SYS_fork, SYS_vfork, SYS_clone, 435 /* clone3 */ };
static const uint16_t forking_i386[] = { 2, 190, 120, 435 };

/* They end the child, or its fun: seldom. */
static const uint16_t ending[] = {
	SYS_exit, SYS_exit_group, SYS_pause, SYS_rt_sigsuspend, SYS_rt_sigreturn,
	SYS_rt_sigtimedwait, SYS_wait4, SYS_waitid, SYS_execve, SYS_munmap, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_futex, SYS_kill, SYS_tkill, SYS_tgkill, SYS_vfork, SYS_read,
};
static const uint16_t ending_i386[] = {
	1, 252, 29, 72, 179, 119, 173, 177, 7, 114, 11, 91, 162, 240, 37, 238, 270, 190, 3,
};

/* Not as root; and what has a pid as first argument, or the first two. */
static const uint16_t not_as_root[] = {
	SYS_reboot, SYS_iopl, SYS_ioperm,
	/* What would be there after it, and what others want to find as it is. */
	SYS_creat, SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_link, SYS_linkat,
	SYS_symlink, SYS_symlinkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_chmod, SYS_fchmod,
	SYS_fchmodat, 452 /* fchmodat2 */, SYS_chown, SYS_lchown, SYS_fchown, SYS_fchownat,
};
static const uint16_t with_pid[] = {
	SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_prlimit64, SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_setpgid,
	SYS_get_robust_list,
};

void fuzz_become_nobody(void)
{
	/* A user of its own: getpid() is as good a number as any. */
	unsigned id = 1000 + (unsigned)getpid();

	if (syscall(SYS_setresgid, id, id, id) || syscall(SYS_setresuid, id, id, id))
		_exit(2);
}

static uint64_t any_number(const uint16_t *list, unsigned count)
{
	uint64_t number = list[fuzz_below(count)];

	switch (fuzz_below(24)) {
	case 0: return fuzz_below(512);
	case 1: return number | 1ULL << (32 + fuzz_below(32));
	case 2: return number | 0x40000000;
	case 3: return fuzz_value();
	default: return number;
	}
}

static uint64_t own_pid(void)
{
	switch (fuzz_below(4)) {
	case 0: return (uint64_t)getpid();
	case 1: return 99999999;
	default: return (uint64_t)fuzz_last_child;
	}
}

/* False: it is not for root. */
static bool tame(uint64_t number, uint64_t arg[6])
{
	if (IS_IN(not_as_root, number))
		return false;
	if ((uint32_t)number == SYS_ptrace)
		arg[1] = own_pid();
	if (IS_IN(with_pid, number))
		arg[0] = own_pid();
	if ((uint32_t)number == SYS_tgkill || (uint32_t)number == SYS_rt_tgsigqueueinfo)
		arg[1] = own_pid();
	if ((uint32_t)number == SYS_open)
		arg[1] &= ~(uint64_t)O_CREAT;
	if ((uint32_t)number == SYS_openat)
		arg[2] &= ~(uint64_t)O_CREAT;
	return true;
}

static void any_arguments(uint64_t arg[6])
{
	for (unsigned i = 0; i < 6; i++)
		arg[i] = fuzz_value();
	if (fuzz_one_in(4))
		fuzz_map_memory();
}

/* A child that a tracer or a signal may meet. */
static void note_child(long result, bool forks)
{
	fuzz_counts->calls++;
	if (forks && result > 0)
		fuzz_last_child = (int)result;
}

static void do_calls(bool root)
{
	uint64_t arg[6];

	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t number = any_number(table, sizeof(table) / sizeof(*table));
		bool forks = IS_IN(forking, number);

		any_arguments(arg);
		if ((IS_IN(ending, number) && !fuzz_one_in(12)) || (root && !tame(number, arg)))
			continue;
		note_child(fuzz_syscall(number, arg, forks, fuzz_below(5)), forks);
	}
}

void fuzz_calls_as_nobody(void)
{
	fuzz_become_nobody();
	do_calls(false);
}

void fuzz_calls_as_root(void)
{
	do_calls(true);
}

void fuzz_calls_of_i386(void)
{
	uint64_t arg[6];

	fuzz_become_nobody();
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t number = any_number(table_of_i386,
					     sizeof(table_of_i386) / sizeof(*table_of_i386));
		bool forks = IS_IN(forking_i386, number);

		any_arguments(arg);
		if (IS_IN(ending_i386, number) && !fuzz_one_in(12))
			continue;
		note_child(fuzz_int80(number, arg, forks, fuzz_below(5)), forks);
	}
}

/* ---- Ports -------------------------------------------------------------------------------- */

/* POST codes: nothing listens. */
#define HARMLESS_PORT 0x80

void fuzz_ports(void)
{
	uint64_t arg[6];

	for (unsigned i = 0; i < CALLS; i++) {
		any_arguments(arg);
		if (fuzz_one_in(2))
			arg[0] = fuzz_below(256);
		note_child(fuzz_syscall(fuzz_one_in(3) ? SYS_iopl : SYS_ioperm, arg, false, 0),
			   false);
		if (fuzz_one_in(8))
			fuzz_syscall(SYS_fork, arg, true, fuzz_below(3));
		if (fuzz_call(SYS_ioperm, HARMLESS_PORT, 1, 1, 0) == 0)
			outb((unsigned char)i, HARMLESS_PORT);
	}
	fuzz_call(SYS_iopl, 0, 0, 0, 0);
	fuzz_call(SYS_ioperm, 0, 65536, 0, 0);
	outb(0, HARMLESS_PORT); /* must kill */
	_exit(1);
}
