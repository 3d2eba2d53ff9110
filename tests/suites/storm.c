/*
 * A storm: hostile programs at random on all CPUs (tests/user/fuzz.c), while
 * a thread of ours sends NMIs to all CPUs without pause.
 *
 *	selftest=storm -- SEED SECONDS
 *
 * Runs only if named; tests/stress.py makes such boots.  Afterwards a good
 * program still runs, nothing is left of the others, and (the two cases of every
 * suite) no frame is lost and the audit is clean.
 */
#include "arch/clock.h"
#include "arch/smp.h"
#include "kernel/base/insn.h"
#include "kernel/program.h"
#include "kernel/sched.h"
#include "tests/suites/pinned.h"
#include "tests/user/fuzz/report.h"

/* A sender keeps its CPU for so long, then lets others have it. */
#define BURST_NS (5 * NSEC_PER_MSEC)
/* Between two NMIs to the same CPU: handlers must not be all that it does. */
#define PAUSE_NS 100000

static volatile bool calm;

static u64 nmis(void)
{
	u64 sum = 0;

	for_each_cpu(cpu, &cpus_online)
		sum += VAULT_OF(cpu)->nmis;
	return sum;
}

/*
 * The next one only when the one before has been counted: QEMU has been seen to
 * take one on the first instruction of another's handler, whose frame is lost then
 * (kernel/trap.c panics).
 */
static void send_if_counted(unsigned cpu)
{
	static u64 before[NR_CPUS]; /* its NMIs when it was sent the last one, and 1 */
	u64 count = VAULT_OF(cpu)->nmis + 1;

	if (before[cpu] == count)
		return;
	before[cpu] = count;
	smp_send_nmi(cpu);
}

static void burst(void)
{
	u64 end = clock_ns() + BURST_NS;

	for (u64 now = clock_ns(); now < end && !calm; now = clock_ns()) {
		for_each_cpu(cpu, &cpus_online) {
			u64 flags = interrupts_save();

			if (cpu != this_cpu()->cpu)
				send_if_counted(cpu);
			interrupts_restore(flags);
		}
		while (clock_ns() - now < PAUSE_NS)
			cpu_relax();
	}
}

static void send_nmis(void *arg __unused)
{
	while (!calm) {
		burst();
		sched_yield();
	}
	task_exit(0);
}

/* ---- Programs --------------------------------------------------------------------- */

static struct task *load(struct selftest *t, const char *const argv[], int pid)
{
	static const char *const envp[] = { "PATH=/bin", NULL };
	struct complaint why;
	struct task *task = program_load(argv[0], argv, envp, &why);

	if (!task) {
		selftest_note("%s", why.text);
		EXPECT(t, false, "the program is loaded");
		return NULL;
	}
	task->process->quiet = true;
	process_start(task, pid);
	return task;
}

static void note(const u64 report[FUZZ_WORDS], u64 sent)
{
	selftest_note("%lu children: %lu exited, %lu died, %lu ended late; %lu good ones",
		      report[FUZZ_CHILDREN], report[FUZZ_EXITED], report[FUZZ_DIED],
		      report[FUZZ_LATE], report[FUZZ_GOOD]);
	selftest_note("%lu calls, %lu frames and pieces of code, %lu changes of shared memory, "
		      "%lu NMIs", report[FUZZ_CALLS], report[FUZZ_TRIALS],
		      report[FUZZ_CHANGES], sent);
	if (report[FUZZ_BAD])
		selftest_note("child %lu (fuzz child SEED NUMBER) ended with status %#lx",
			      report[FUZZ_BAD_CHILD], report[FUZZ_BAD_STATUS]);
}

static void run_supervisor(struct selftest *t)
{
	const char *const argv[] = { "/bin/fuzz", "storm", selftest_argv[0],
				     selftest_argv[1], NULL };
	struct task *task;
	u64 report[FUZZ_WORDS] = { 0 }, before = nmis();

	task = load(t, argv, 1);
	if (!task)
		return;
	user_wait(task);
	mm_read(task->process->mm, FUZZ_REPORT_AT, report, sizeof(report));
	EXPECT_EQ(t, task_wait(task), 0, "wait status of the supervisor");
	EXPECT_EQ(t, report[FUZZ_DONE], 1, "it came to its end");
	EXPECT_EQ(t, report[FUZZ_BAD], 0, "children that had to be good and were not");
	EXPECT(t, report[FUZZ_CALLS] + report[FUZZ_TRIALS], "hostile calls or frames");
	note(report, nmis() - before);
}

static void storm(struct selftest *t)
{
	struct task *sender;

	if (!EXPECT(t, selftest_argv[0] && selftest_argv[1], "arguments: -- SEED SECONDS"))
		return;
	calm = false;
	sender = thread_run(t, send_nmis, NULL, ANY_CPU);
	if (!sender)
		return;
	run_supervisor(t);
	calm = true;
	task_wait(sender);
}

/* ---- After it ---------------------------------------------------------------------- */

static void nothing_left(struct selftest *t)
{
	process_settle();
	EXPECT(t, !process_first(), "no process is left");
	for_each_cpu(cpu, &cpus_online)
		EXPECT_EQ(t, VAULT_OF(cpu)->in_paranoid, 0, "no handler is left open");
}

static void good_programs(struct selftest *t)
{
	static const char *const argv[] = { "/bin/processes", "-q", NULL };
	struct task *task = load(t, argv, process_next_pid());

	if (task)
		EXPECT_EQ(t, task_wait(task), 0, "wait status");
}

static const struct selftest_case cases[] = {
	{ "hostile programs harm nobody but themselves", storm },
	{ "nothing is left of them", nothing_left },
	{ "a good program still runs", good_programs },
};
SELFTEST_SUITE_ON_DEMAND(storm, cases);
