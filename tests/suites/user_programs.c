/*
 * Ordinary programs of the initramfs: musl binaries that also run on Linux.
 * What each checks, and what is right, stands in its own source (user/,
 * tests/user/); here they are started on the CPUs, together, and their wait
 * status is looked at.
 *
 * hello and meltdown show what they do.  The others are quiet; one that fails alone
 * is run once more with its output shown.
 */
#include "arch/machine/emulator.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/task/sched.h"
#include "mm/pti.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define MAX_ARGS 4
#define MAX_TOGETHER 17
#define MAX_FAULTS 250 /* exit statuses are bytes; 255 ends the list */
#define END_OF_LIST 255

struct program {
	const char *path;
	const char *arg[MAX_ARGS]; /* ends in NULL */
};

static struct thread *start(struct selftest *t, const struct program *p, unsigned cpu,
			  bool quiet)
{
	static const char *const envp[] = { "PATH=/bin", NULL };
	const char *argv[MAX_ARGS + 2] = { p->path };
	struct complaint why;
	struct thread *task;

	for (unsigned i = 0; i < MAX_ARGS; i++)
		argv[i + 1] = p->arg[i];
	task = program_load(p->path, argv, envp, &why);
	if (!task) {
		selftest_note("%s", why.text);
		EXPECT(t, false, "the program is loaded");
		return NULL;
	}
	task->process->quiet = quiet;
	task_pin(task_of(task), cpu);
	process_start(task, process_next_pid());
	return task;
}

/* Its wait status, or -1. */
static int run(struct selftest *t, const struct program *p, unsigned cpu, bool quiet)
{
	struct thread *task = start(t, p, cpu, quiet);

	return task ? process_wait_for(task) : -1;
}

static bool missing(struct selftest *t, const char *path)
{
	if (program_exists(path))
		return false;
	selftest_skip(t, "no %s in the initramfs, or no initramfs", path);
	return true;
}

/* Quietly first; if that is not 0, once more for all to see. */
static void expect_good(struct selftest *t, const struct program *p)
{
	if (missing(t, p->path))
		return;
	if (!EXPECT_EQ(t, run(t, p, cpu_for_program(), true), 0, "exit status"))
		run(t, p, cpu_for_program(), false);
}

/* `count` of them at once, the n-th on CPU n / each, or anywhere with each = 0. */
static void expect_together(struct selftest *t, const struct program *p, unsigned count,
			    unsigned each)
{
	struct thread *task[MAX_TOGETHER];

	if (missing(t, p->path))
		return;
	for (unsigned i = 0; i < count; i++)
		task[i] = start(t, p, each ? online_cpu(i / each) : ANY_CPU, true);
	for (unsigned i = 0; i < count; i++)
		if (task[i])
			EXPECT_EQ(t, process_wait_for(task[i]), 0, "exit status");
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

/* 1: it has read kernel memory, which the loaded tables must have shown it. */
static void meltdown(struct selftest *t)
{
	static const struct program p = { "/bin/meltdown", { "-short" } };
	bool leaks = !pti_enabled && (emulator.faults & EMULATOR_FAR_RETURN);

	if (missing(t, p.path))
		return;
	EXPECT_EQ(t, run(t, &p, ANY_CPU, false), WAIT_STATUS(leaks, 0), "wait status");
}

/* ---- Alone, and together ---------------------------------------------------------- */

static void abi(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/abi", { "-q" } });
	expect_good(t, &(struct program){ "/bin/extra", { "-q" } });
}

static void hostile(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/hostile", { "-q" } });
}

static void regs(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/regs", { NULL } });
}

static void ldt(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/ldt", { "-q" } });
}

static void umip(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/umip", { "-q" } });
}

static void ioports(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/ioports", { "-q" } });
}

static void cli(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/cli", { "-q" } });
}

static void ptrace(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/ptrace", { "-q" } });
}

static void vdso(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/vdso", { "-q" } });
}

static void itimers(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/itimers", { "-q" } });
}

static void tracing(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/tracing", { "-q" } });
}

static void signals(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/signals", { "-q" } });
}

static unsigned some_cpus(void)
{
	return MIN(4, cpumask_count(&cpus_online));
}

/* A number of rounds as a word, until the next call. */
static const char *rounds(unsigned all)
{
	static char word[8];

	format(word, sizeof(word), "%u", rounds_of(all));
	return word;
}

static void steps(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/steps", { "-q" } });
}

static void fpu(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/fpu", { rounds(100) } }, 3 * some_cpus(), 3);
}

static void fsgs(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/fsgs", { "-q", rounds(72) } }, 3 * some_cpus(), 3);
}

static void memory(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/memory", { "1", rounds(400) } },
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

static void ia32(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/ia32", { "-q" } });
}

static void int80(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/int80", { "-q" } });
}

/* ---- Processes and threads ---------------------------------------------------------- */

static void processes(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/processes", { "-q" } });
}

static void threads(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/threads", { "-q" } });
}

static void exec(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/exec", { "-q" } });
}

static void mappings(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/mappings", { "-q" } });
}

static void pipes(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/numbers", { "-q" } });
	expect_good(t, &(struct program){ "/bin/pipes", { "-q" } });
	expect_good(t, &(struct program){ "/bin/events", { "-q" } });
	expect_good(t, &(struct program){ "/bin/fifos", { "-q" } });
}

static void cow(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/cow", { "-q", rounds(10) } });
}

static void names(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/names", { "-q" } });
}

static void contents(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/contents", { "-q" } });
	expect_good(t, &(struct program){ "/bin/mapped", { "-q" } });
	expect_good(t, &(struct program){ "/bin/locks", { "-q" } });
}

static void proc(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/proc", { "-q" } });
}

static void limits(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/limits", { "-q" } });
}

static void limits_memory(struct selftest *t)
{
	expect_good(t, &(struct program){ "/bin/limits_memory", { "-q" } });
}

static void storm_of_processes(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/storm", { "processes", rounds(2) } }, 2, 0);
}

static void storm_of_threads(struct selftest *t)
{
	expect_together(t, &(struct program){ "/bin/storm", { "threads", rounds(20) } }, 2, 0);
}

/* ---- The list of tests/user/signal/fault.c ---------------------------------------------- */

/* The program says what it expects in its exit status; `machine` has a say in it. */
static int expected_signal(struct selftest *t, const char *number, const char *machine)
{
	struct program p = { "/bin/fault", { "-expect", number, machine } };

	return WAIT_CODE(run(t, &p, cpu_for_program(), true));
}

/* Some versions of TCG make exceptions that no processor makes, or none. */
static bool is_fault_of_tcg(struct selftest *t, const char *number, int status)
{
	int signal;

	if (emulator.name != EMULATOR_TCG)
		return false;
	signal = expected_signal(t, number, "tcg");
	if (status != WAIT_STATUS(!signal, signal))
		return false;
	selftest_note("number %s of `fault --list`: TCG's own outcome", number);
	return true;
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
		signal = expected_signal(t, number, NULL);
		if (signal == END_OF_LIST)
			break;
		status = run(t, &(struct program){ "/bin/fault", { "-case", number } },
			     online_cpu(i % MAX_TOGETHER), true);
		/* What lives exits with 1. */
		if (status != WAIT_STATUS(!signal, signal) &&
		    !is_fault_of_tcg(t, number, status) &&
		    !EXPECT_EQ(t, status, WAIT_STATUS(!signal, signal), "wait status"))
			selftest_note("number %s of `fault --list`, counted from 0", number);
	}
	EXPECT(t, i > 50, "the list was not empty");
	selftest_note("%u forbidden things done", i);
}

/* ---- The lists of tests/user32/entry32.c and tests/user/gate/doors.c -------------------- */

/* What lives exits with 1. */
static int expected_status(struct selftest *t, const char *path, const char *number,
			   const char *word)
{
	struct program p = { path, { "-expect", number, word } };
	int signal = WAIT_CODE(run(t, &p, cpu_for_program(), true));

	return WAIT_STATUS(!signal, signal);
}

/* Emulators may execute what the processors of that vendor do not have. */
static void run_entries(struct selftest *t, const char *path, unsigned count)
{
	if (missing(t, path))
		return;
	for (unsigned i = 0; i < count && !t->failed; i++) {
		char number[8];
		int status, lives;

		format(number, sizeof(number), "%u", i);
		lives = expected_status(t, path, number, "all");
		status = run(t, &(struct program){ path, { "-case", number } },
			     online_cpu(i % MAX_TOGETHER), true);
		if (status != lives &&
		    !EXPECT_EQ(t, status, expected_status(t, path, number, NULL), "wait status"))
			selftest_note("number %s of %s, counted from 0", number, path);
	}
}

static void entries_of_32_bit_code(struct selftest *t)
{
	run_entries(t, "/bin/entry32", 12);
}

static void entries_of_64_bit_programs(struct selftest *t)
{
	run_entries(t, "/bin/doors", 3);
}

/* What a machine or an argument may change: instructions, faults, ways in, page tables. */
static const struct selftest_case cases[] = {
	{ "a program says hello from each CPU", hello },
	{ "a program that reads whatever is mapped sees the gate alone", meltdown },
	{ "bad pointers, numbers and flags get Linux's answers", hostile },
	{ "a program begins with clean registers", regs },
	{ "a program uses segments of its own, of 16, 32 and 64 bits", ldt },
	{ "SGDT, SIDT, SLDT, STR and SMSW tell nothing, in any form", umip },
	{ "a program opens and closes IO ports", ioports },
	{ "CLI and STI are skipped where the processor fetched them", cli },
	{ "signals are what Linux's are", signals },
	{ "a process is traced, stepped and changed by another", ptrace },
	{ "a tracer sees the calls and events of another, and makes its calls", tracing },
	{ "a single step ends behind what was stepped, by whomever executed", steps },
	{ "floating-point state of many processes is kept apart", fpu },
	{ "FS and GS of many processes are kept apart", fsgs },
	{ "memory of many processes is kept apart", memory },
	{ "each forbidden thing ends in the signal that Linux sends", faults },
	{ "a 32-bit program finds and gets what Linux gives it", ia32 },
	{ "INT 0x80 from 64-bit code has i386's calls", int80 },
	{ "SYSENTER and SYSCALL of 32-bit code end well, or in a signal",
	  entries_of_32_bit_code },
	{ "a 64-bit program that uses them is killed", entries_of_64_bit_programs },
};
SELFTEST_SUITE(user_programs, cases);

/* What the C code behind the gate decides, wherever it runs. */
static const struct selftest_case linux_cases[] = {
	{ "the system calls do what Linux's do", abi },
	{ "processes are made, end and are waited for", processes },
	{ "threads share memory, wait for each other, end together", threads },
	{ "the vDSO tells the time and the CPU without a call", vdso },
	{ "timers of CPU time count it, in user mode or all", itimers },
	{ "a program becomes another, or nothing changes", exec },
	{ "mappings are moved, resized, shared and dropped", mappings },
	{ "descriptors, pipes and waiting for them answer as on Linux", pipes },
	{ "what fork gives to both is copied for whoever writes", cow },
	{ "files get names, lose them and change them", names },
	{ "files are written, read, cut, mapped and read as directories", contents },
	{ "/proc says what it says on Linux, and to whom; /sys what this kernel knows", proc },
	{ "each limit is enforced, and told as Linux tells it", limits },
	{ "so are those on stacks, arguments and locked memory", limits_memory },
	{ "many processes come and go at once", storm_of_processes },
	{ "many threads change one address space at once", storm_of_threads },
	{ "more spinning programs than CPUs all finish", spin },
	{ "three spinning programs share one CPU", spin_on_one },
};
SELFTEST_SUITE(linux_programs, linux_cases);
