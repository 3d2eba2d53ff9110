/*
 * Ordinary programs of the initramfs: musl binaries that also run on Linux.
 * What each checks, and what is right, stands in its own source (user/,
 * tests/user/); here they are started on the CPUs, together, and their wait
 * status is looked at.
 *
 * hello and peek show what they do.  The others are quiet; one that fails alone
 * is run once more with its output shown.
 */
#include "arch/cpu.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "tests/suites/pinned.h"

#define MAX_ARGS 4
#define MAX_TOGETHER 17
#define MAX_FAULTS 250 /* exit statuses are bytes; 255 ends the list */
#define END_OF_LIST 255

struct program {
	const char *path;
	const char *arg[MAX_ARGS]; /* ends in NULL */
};

static struct task *start(struct selftest *t, const struct program *p, unsigned cpu,
			  bool quiet)
{
	static const char *const envp[] = { "PATH=/bin", NULL };
	const char *argv[MAX_ARGS + 2] = { p->path };
	struct complaint why;
	struct task *task;

	for (unsigned i = 0; i < MAX_ARGS; i++)
		argv[i + 1] = p->arg[i];
	task = process_load(p->path, argv, envp, &why);
	if (!task) {
		selftest_note("%s", why.text);
		EXPECT(t, false, "the program is loaded");
		return NULL;
	}
	task->quiet = quiet;
	task_pin(task, cpu);
	process_start(task, process_next_pid());
	return task;
}

/* Its wait status, or -1. */
static int run(struct selftest *t, const struct program *p, unsigned cpu, bool quiet)
{
	struct task *task = start(t, p, cpu, quiet);

	return task ? task_wait(task) : -1;
}

static bool missing(struct selftest *t, const char *path)
{
	if (process_exists(path))
		return false;
	selftest_skip(t, "no %s in the initramfs, or no initramfs", path);
	return true;
}

/* Quietly first; if that is not 0, once more for all to see. */
static void expect_good(struct selftest *t, const struct program *p)
{
	if (missing(t, p->path))
		return;
	if (!EXPECT_EQ(t, run(t, p, ANY_CPU, true), 0, "exit status"))
		run(t, p, ANY_CPU, false);
}

/* `count` of them at once, the n-th on CPU n / each, or anywhere with each = 0. */
static void expect_together(struct selftest *t, const struct program *p, unsigned count,
			    unsigned each)
{
	struct task *task[MAX_TOGETHER];

	if (missing(t, p->path))
		return;
	for (unsigned i = 0; i < count; i++)
		task[i] = start(t, p, each ? online_cpu(i / each) : ANY_CPU, true);
	for (unsigned i = 0; i < count; i++)
		if (task[i])
			EXPECT_EQ(t, task_wait(task[i]), 0, "exit status");
}

/* ---- For all to see ------------------------------------------------------------- */

static void hello(struct selftest *t)
{
	static const struct program p = { "/bin/hello", { NULL } };

	if (missing(t, p.path))
		return;
	for_each_cpu(cpu, &cpus_online)
		EXPECT_EQ(t, run(t, &p, cpu, false), 0, "exit status");
}

static void peek(struct selftest *t)
{
	static const struct program p = { "/bin/peek", { NULL } };

	if (missing(t, p.path))
		return;
	EXPECT_EQ(t, run(t, &p, ANY_CPU, false), WAIT_STATUS(0, SIGSEGV), "wait status");
}

/* ---- Alone, and together ---------------------------------------------------------- */

static void abi(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/abi", { "-q" } });
}

static void regs(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/regs", { NULL } });
}

static unsigned some_cpus(void)
{
	return MIN(4, cpumask_count(&cpus_online));
}

static void fpu(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/fpu", { "100" } }, 3 * some_cpus(), 3);
}

static void memory(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/memory", { "1", "400" } },
			2 * some_cpus(), 0);
}

static void spin(struct selftest *t)
{
	unsigned cpus = cpumask_count(&cpus_online);

	expect_together(t, &(struct program){ "/bin/spin", { "40" } },
			MIN(cpus + 1, MAX_TOGETHER), 0);
}

static void spin_on_one(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/spin", { "40" } }, 3, MAX_TOGETHER);
}

/* ---- The list of tests/user/fault.c ---------------------------------------------- */

/* QEMU's own emulation, which makes some exceptions that no processor makes. */
static bool is_tcg(void)
{
	struct cpuid_regs r = { 0 };

	if (cpuid(1, 0).ecx & BIT(31))
		r = cpuid(0x40000000, 0);
	return memcmp(&r.ebx, "TCGT", 4) == 0 && memcmp(&r.ecx, "CGTC", 4) == 0;
}

/* The program says what it expects in its exit status. */
static int expected_signal(struct selftest *t, const char *number)
{
	struct program p = { "/bin/fault", { "-expect", number } };
	unsigned n = 2;

	if (is_tcg())
		p.arg[n++] = "tcg";
	if (!cpu_features.umip)
		p.arg[n++] = "no-umip";
	return WAIT_CODE(run(t, &p, ANY_CPU, true));
}

static void faults(struct selftest *t)
{
	unsigned i = 0;

	if (missing(t, "/bin/fault"))
		return;
	for (; i < MAX_FAULTS && !t->failed; i++) {
		char number[8];
		int signal, status;

		format(number, sizeof(number), "%u", i);
		signal = expected_signal(t, number);
		if (signal == END_OF_LIST)
			break;
		status = run(t, &(struct program){ "/bin/fault", { "-case", number } },
			     online_cpu(i % MAX_TOGETHER), true);
		/* What lives exits with 1. */
		if (!EXPECT_EQ(t, status, WAIT_STATUS(!signal, signal), "wait status"))
			selftest_note("number %s of `fault --list`, counted from 0", number);
	}
	EXPECT(t, i > 50, "the list was not empty");
	selftest_note("%u forbidden things done", i);
}

static const struct selftest_case cases[] = {
	{ "a program says hello from each CPU", hello },
	{ "a program that reads kernel memory is killed", peek },
	{ "the system calls do what Linux's do", abi },
	{ "a program begins with clean registers", regs },
	{ "floating-point state of many processes is kept apart", fpu },
	{ "memory of many processes is kept apart", memory },
	{ "more spinning programs than CPUs all finish", spin },
	{ "three spinning programs share one CPU", spin_on_one },
	{ "each forbidden thing ends in the signal that Linux sends", faults },
};
SELFTEST_SUITE(user_programs, cases);
