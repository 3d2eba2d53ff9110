/*
 * processes.c: pointers of the calls that make, become, wait for, trace and
 * describe processes.
 */
#include "../../lib/check.h"
#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define REGS_BYTES		216
#define CLONE_VM		0x100
#define CLONE_VFORK		0x4000
#define CLONE_PARENT_SETTID	0x100000
#define CLONE_CHILD_CLEARTID	0x200000
#define CLONE_CHILD_SETTID	0x1000000
#define CLONE_SHORT		(CLONE_VM | CLONE_VFORK | SIGCHLD)
#define ARCH_GET_FS		0x1003
#define ARCH_GET_GS		0x1004
#define PR_GET_PDEATHSIG	2
#define PR_SET_NAME		15
#define PR_GET_NAME		16
#define PTRACE_GETREGS_		12
#define PTRACE_SETREGS_		13
#define INFO_BYTES		28	/* of waitid's siginfo; the rest stays as it is */

static const char nowhere[] = "/nowhere/at/all", self[] = "/proc/self/exe", short_name[] = "hostile";
static const uint64_t no_strings[1];
static uint64_t one_string[2];
static struct rlimit limit;
static uint64_t head, size, value;
static const uint32_t group[1] = { 7 };
static uint32_t id;
static uint8_t tracee_regs[REGS_BYTES];
static struct { uint32_t entry, base, limit, flags; } segment = { 0, 0, 0xfff, 1 };
static struct rlimit64 { uint64_t soft, hard; } limit64;

#define LDT_REFUSED ((int64_t)(uint32_t)-EFAULT)	/* an int that is not sign-extended */

static const struct pointer_row rows[] = {
	{ POINTER(clone), { CLONE_SHORT | CLONE_PARENT_SETTID, 0, P }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = BAD_GOOD },
	{ POINTER(clone), { CLONE_SHORT | CLONE_CHILD_SETTID, 0, 0, P }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = BAD_GOOD },
	{ POINTER(clone), { CLONE_SHORT | CLONE_CHILD_CLEARTID, 0, 0, P }, 4, .unit = 4, .good = NONNEGATIVE,
	  .flags = BAD_GOOD },
	{ POINTER(clone), { CLONE_SHORT, P }, 4, .image = no_strings, .good = NONNEGATIVE, .flags = BAD_GOOD },
	{ POINTER(execve), { P, TO(no_strings), 0 }, sizeof(nowhere), .image = nowhere, .good = -ENOENT },
	{ POINTER(execve), { TO(self), P, 0 }, 16, .image = one_string, .flags = NULL_SKIP | NO_GOOD },
	{ POINTER(execve), { TO(self), TO(no_strings), P }, 16, .image = one_string, .flags = NULL_SKIP | NO_GOOD },
	{ POINTER(execve), { TO(self), TO(one_string), 0 }, sizeof(self), .image = self, .flags = NULL_SKIP | NO_GOOD,
	  .word = one_string },
	{ POINTER(execve), { TO(self), 0, TO(one_string) }, sizeof(self), .image = self, .flags = NULL_SKIP | NO_GOOD,
	  .word = one_string },
	{ POINTER(wait4), { CHILD, P, 0, 0 }, 4, .unit = 4, .good = NONNEGATIVE, .flags = NULL_GOOD },
	{ POINTER(wait4), { CHILD, 0, 0, P }, 144, .unit = 1, .good = NONNEGATIVE, .flags = NULL_GOOD | RANDOM },
	{ POINTER(waitid), { P_PID, CHILD, P, WEXITED, 0 }, INFO_BYTES, .unit = 4, .flags = NULL_GOOD,
	  .hole = 12, .hole_end = 16 },
	{ POINTER(waitid), { P_PID, 0, P, WEXITED, 0 }, INFO_BYTES, .unit = 4, .good = -EINVAL, .flags = NULL_GOOD,
	  .hole = 12, .hole_end = 16 },
	{ POINTER(waitid), { P_PID, CHILD, 0, WEXITED, P }, 144, .unit = 1, .flags = NULL_GOOD | RANDOM },
	{ POINTER(setgroups), { 1, P }, 4, .image = group },
	{ POINTER(getgroups), { 1, P }, 4, .good = 1 },
	{ POINTER(getresuid), { P, TO(id), TO(id) }, 4, .unit = 4 },
	{ POINTER(getresuid), { TO(id), P, TO(id) }, 4, .unit = 4 },
	{ POINTER(getresuid), { TO(id), TO(id), P }, 4, .unit = 4 },
	{ POINTER(getresgid), { P, TO(id), TO(id) }, 4, .unit = 4 },
	{ POINTER(getresgid), { TO(id), P, TO(id) }, 4, .unit = 4 },
	{ POINTER(getresgid), { TO(id), TO(id), P }, 4, .unit = 4 },
	{ POINTER(getrlimit), { RLIMIT_STACK, P }, 16, .unit = 1 },
	{ POINTER(setrlimit), { RLIMIT_STACK, P }, 16, .image = &limit },
	{ POINTER(prlimit64), { 0, RLIMIT_STACK, P, 0 }, 16, .image = &limit64, .flags = NULL_GOOD },
	{ POINTER(prlimit64), { 0, RLIMIT_STACK, 0, P }, 16, .unit = 1, .flags = NULL_GOOD },
	{ POINTER(getrusage), { RUSAGE_SELF, P }, 144, .unit = 1, .flags = RANDOM },
	{ POINTER(prctl), { PR_GET_PDEATHSIG, P }, 4, .unit = 4 },
	{ POINTER(prctl), { PR_SET_NAME, P }, sizeof(short_name), .image = short_name },
	{ POINTER(prctl), { PR_GET_NAME, P }, 16, .unit = 1 },
	{ POINTER(arch_prctl), { ARCH_GET_FS, P }, 8, .unit = 8 },
	{ POINTER(arch_prctl), { ARCH_GET_GS, P }, 8, .unit = 8 },
	{ POINTER(get_robust_list), { 0, P, TO(size) }, 8, .unit = 8 },
	{ POINTER(get_robust_list), { 0, TO(head), P }, 8, .unit = 8 },
	{ POINTER(modify_ldt), { 1, P, 16 }, 16, .image = &segment, .bad = LDT_REFUSED },
	{ POINTER(modify_ldt), { 0x11, P, 16 }, 16, .image = &segment, .bad = LDT_REFUSED },
	{ POINTER(modify_ldt), { 0, P, 8 }, 8, .unit = 1, .good = 8, .bad = LDT_REFUSED },
	{ POINTER(modify_ldt), { 0, P, 300 }, 300, .good = 300, .bad = LDT_REFUSED },
	{ POINTER(modify_ldt), { 2, P, 128 }, 128, .good = 128, .bad = LDT_REFUSED },
	{ POINTER(ptrace), { PTRACE_PEEKDATA, TRACEE, TO(value), P }, 8, .unit = 8 },
	{ POINTER(ptrace), { PTRACE_PEEKUSER, TRACEE, 0, P }, 8, .unit = 8 },
	{ POINTER(ptrace), { PTRACE_GETREGS_, TRACEE, 0, P }, REGS_BYTES, .unit = 1 },
	{ POINTER(ptrace), { PTRACE_SETREGS_, TRACEE, 0, P }, REGS_BYTES, .image = tracee_regs },
	{ POINTER(ptrace), { PTRACE_PEEKDATA, TRACEE, P, TO(value) }, 8, .image = no_strings, .bad = -EIO,
	  .flags = RIGHTS_GOOD },
	{ POINTER(ptrace), { PTRACE_POKEDATA, TRACEE, P, 0 }, 8, .image = no_strings, .bad = -EIO, .flags = RIGHTS_GOOD },
};

/* Of a stopped child. */
static const struct integer_row traced[] = {
	{ CALL(ptrace), { ~0ul, TRACEE, 1, 1 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_PEEKUSER, TRACEE, 1, TO(value) }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_PEEKUSER, TRACEE, ~7ul, TO(value) }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_POKEUSER, TRACEE, 928, 0 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_POKEUSER, TRACEE, 136, 0x10 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_POKEUSER, TRACEE, 160, 0 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_POKEUSER, TRACEE, 168, USER_END }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_POKEUSER, TRACEE, 176, 0xffff888000000000 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_POKEUSER, TRACEE, 184, 0x18 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_CONT, TRACEE, 0, 65 }, -EIO, 0 },
	{ CALL(ptrace), { PTRACE_DETACH, TRACEE, 0, ~0ul }, -EIO, 0 },
};

static int64_t tracee;

int64_t stopped_child(void)
{
	return tracee;
}

static void start_tracee(void)
{
	tracee = sys(SYS_fork);
	if (tracee == 0) {
		sys(SYS_ptrace, PTRACE_TRACEME);
		sys(SYS_kill, sys(SYS_getpid), SIGSTOP);
		sys(SYS_exit_group, 0);
	}
	sys(SYS_wait4, tracee, 0, 0, 0);
	check_equal(sys(SYS_ptrace, PTRACE_GETREGS_, tracee, 0, tracee_regs), 0, "a child is traced");
}

static void end_tracee(void)
{
	int status = 0;

	check_equal(sys(SYS_ptrace, PTRACE_CONT, tracee, 0, 0), 0, "the tracee goes on");
	check_equal(sys(SYS_wait4, tracee, &status, 0, 0), tracee, "and ends");
	check_equal(status, 0, "as it would have");
}

void test_process_pointers(void)
{
	sys(SYS_getrlimit, RLIMIT_STACK, &limit);
	sys(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit64);
	one_string[0] = (uint64_t)self;
	start_tracee();
	try_rows(rows, COUNT(rows));
	try_integers(traced, COUNT(traced));
	end_tracee();
}
