/*
 * The regression programs: those of tests/user/bugs/, one bug of the field each, with
 * its story on top, and two of tests/user32/.  A program exits with 0 if the kernel did
 * right; one that fails is run once more with its output shown.  What only ring 0 can see
 * of those bugs is in bugs_tables.c, bugs_nmi.c and others: docs/bugs.md names them.
 */
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

/* Its wait status; -1: it is not there, which has been said. */
static int run(struct selftest *t, const char *path, bool quiet)
{
	static const char *const envp[] = { NULL };
	const char *argv[] = { path, "-q", NULL };
	struct complaint why;
	struct thread *task;

	if (!program_exists(path)) {
		selftest_skip(t, "no %s in the initramfs, or no initramfs", path);
		return -1;
	}
	task = program_load(path, argv, envp, &why);
	if (!EXPECT(t, task, "the program is loaded"))
		return -1;
	task->process->quiet = quiet;
	task_pin(task_of(task), cpu_for_program());
	process_start(task, process_next_pid());
	return process_wait_for(task);
}

static void expect_right(struct selftest *t, const char *path)
{
	int status = run(t, path, true);

	if (status >= 0 && !EXPECT_EQ(t, status, 0, "wait status"))
		run(t, path, false);
}

/* At the gate: a machine or an argument may change what happens. */
#define BUGS(DO) \
	DO(pop_ss, "CVE-2018-8897: POP SS, and a trap on the kernel's first instruction") \
	DO(sysret, "CVE-2012-0217: SYSRET to a RIP that is not canonical") \
	DO(bad_iret, "CVE-2014-9322, CVE-2014-8133: IRET to bad segments, and what ESP tells") \
	DO(int80_compat, "CVE-2015-2830: whose numbers a call has") \
	DO(debugregs, "CVE-2018-1000199: a refused breakpoint") \
	DO(fixed_area, "CVE-2023-0597: the entry area is at a known place, and closed") \
	DO(vsyscall, "the vsyscall page: code at an address that every program knows") \
	DO(stale_ports, "CVE-2020-15852: ports of whoever ran before") \
	DO(bad_rsp, "CVE-2015-3291 and its kind: RSP bad on every entry") \
	DO(bad_esp32, "the same for 32-bit code: INT 0x80, SYSENTER, SYSCALL, exceptions") \
	DO(gs_base, "GS base equal to kernel addresses, on every entry") \
	DO(call_numbers, "CVE-2007-4573, CVE-2010-3301: numbers with high bits") \
	DO(flags, "NT, AC, TF and DF through every entry") \
	DO(flags32, "the same for 32-bit code, by SYSENTER and SYSCALL too") \
	DO(ldt_accessed, "LDT descriptors without the accessed bit") \
	DO(page_zero, "CVE-2009-2692: what a null pointer of the kernel's would find") \
	DO(exec_clean, "what a program leaves for the next at exec")

/* Behind it: the C code alone decides. */
#define LINUX_BUGS(DO) \
	DO(waitid, "CVE-2017-5123: a pointer that nobody checked") \
	DO(signal_pool, "one user's pending signals, and another's") \
	DO(cleartid, "a wake that depends on a store") \
	DO(shared_size, "a shared object has a size, and all of it is freed") \
	DO(futex_many, "futexes with many waiters") \
	DO(long_calls, "calls as long as a program likes: others run, and SIGKILL ends them") \
	DO(crowd, "a crowd of threads, and what it costs others") \
	DO(dead_leader, "a leader that called execve as another thread, and ended") \
	DO(wx, "W+X, by each call that could make it") \
	DO(credentials, "memory, and rights over others, after a change of credentials") \
	DO(padding, "bytes of the kernel's stack in what calls return")

#define FUNCTION(name, story) \
	static void name(struct selftest *t) { expect_right(t, "/bin/" #name); }
#define CASE(name, story) { story, name },

BUGS(FUNCTION)
LINUX_BUGS(FUNCTION)

static const struct selftest_case cases[] = { BUGS(CASE) };
SELFTEST_SUITE(bugs, cases);

static const struct selftest_case linux_cases[] = { LINUX_BUGS(CASE) };
SELFTEST_SUITE(linux_bugs, linux_cases);
