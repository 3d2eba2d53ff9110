/*
 * A storm: hostile programs at random on all CPUs (tests/user/call/fuzz.c), while
 * a thread of ours sends NMIs to all other CPUs without pause.
 *
 *	selftest=storm -- SEED SECONDS
 *
 * Runs only if named; tests/stress.py makes such boots.  Rounds are made until the
 * time is over, each with an init of its own; after each, no process, no frame and no
 * queued signal must be left of it.  Afterwards a good program still runs, and (the
 * cases of every suite) no frame is lost and the audit is clean.
 *
 * If init does not run any more though it wakes all the time, or somebody outlives
 * SIGKILL, all processes are printed.
 */
#include "arch/machine/clock.h"
#include "arch/machine/smp.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/debug/panic.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/signal/queue.h"
#include "kernel/start/args.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/frames/frame_owner.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"
#include "tests/user/call/fuzz/report.h"

/* A sender keeps its CPU for so long, then lets others have it. */
#define BURST_NS (5 * NSEC_PER_MSEC)
/* Between two NMIs to the same CPU: handlers must not be all that it does. */
#define PAUSE_NS 100000
#define LOTS 4 /* of children, a round */
#define LOOK_NS (20 * NSEC_PER_MSEC)
/* Init sleeps 2 ms at a time: who waits for it so long waits for ever. */
#define STANDS_STILL_NS (200 * NSEC_PER_SEC)

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

static u64 seconds_of(const char *word)
{
	u64 n = 0;

	while (*word >= '0' && *word <= '9')
		n = n * 10 + (u64)(*word++ - '0');
	return n;
}

static struct thread *load(struct selftest *t, const char *const argv[], int pid)
{
	static const char *const envp[] = { "PATH=/bin", NULL };
	struct complaint why;
	struct thread *task = program_load(argv[0], argv, envp, &why);

	if (!task) {
		selftest_note("%s", why.text);
		EXPECT(t, false, "the program is loaded");
		return NULL;
	}
	task->process->quiet = true;
	process_start(task, pid);
	return task;
}

static void note(const u64 sum[FUZZ_WORDS], u64 rounds, u64 sent)
{
	selftest_note("%lu rounds, %lu children: %lu exited, %lu died, %lu ended late; "
		      "%lu good ones", rounds, sum[FUZZ_CHILDREN], sum[FUZZ_EXITED],
		      sum[FUZZ_DIED], sum[FUZZ_LATE], sum[FUZZ_GOOD]);
	selftest_note("%lu calls, %lu frames and pieces of code, %lu changes of shared memory, "
		      "%lu NMIs", sum[FUZZ_CALLS], sum[FUZZ_TRIALS], sum[FUZZ_CHANGES], sent);
}

/* ---- Standing still ---------------------------------------------------------------- */

/* Without the lock: who has it may be what stands still. */
static void print_processes(void)
{
	const struct process *p;
	const struct thread *t;

	list_for_each(p, &process_all, in_all) {
		log("storm: process %d of %d%s%s, %u threads:\n", p->pid, p->parent_pid,
		    p->ending ? ", ending" : "", p->ended ? ", ended" : "", p->alive);
		list_for_each(t, &p->threads, in_process)
			log("storm:   %s[%d] state %d cpu %u%s, pending %#lx blocked %#lx, "
			    "stop %d, work %d, ip %#lx\n", t->name, t->pid, t->state, t->cpu,
			    t->on_cpu ? " (on it)" : "", t->signals.pending.set,
			    t->choices->blocked, t->stop_signal, t->work_due,
			    thread_regs(t)->ip);
	}
}

/* Until it has ended; it must run now and then. */
static void wait_for_init(const struct thread *task)
{
	u64 ran = 0, when = clock_ns();

	while (!__atomic_load_n(&task->process->ended, __ATOMIC_ACQUIRE)) {
		u64 now = sched_run_ns(task_of(task));

		if (now != ran)
			when = clock_ns();
		else if (clock_ns() - when > STANDS_STILL_NS) {
			print_processes();
			panic("storm: init has not run for %llu s",
			      STANDS_STILL_NS / NSEC_PER_SEC);
		}
		ran = now;
		sched_sleep_until(clock_ns() + LOOK_NS);
	}
}

/* ---- Rounds ------------------------------------------------------------------------- */

/* All of its report is good. */
static bool judge(struct selftest *t, const u64 report[FUZZ_WORDS], int status)
{
	bool good = EXPECT_EQ(t, status, 0, "wait status of the supervisor");

	good &= EXPECT_EQ(t, report[FUZZ_DONE], 1, "it came to its end");
	good &= EXPECT_EQ(t, report[FUZZ_STUCK], 0, "somebody outlives SIGKILL");
	good &= EXPECT_EQ(t, report[FUZZ_BAD], 0,
			  "children that had to be good and were not");
	if (report[FUZZ_BAD])
		selftest_note("child %lu (fuzz child SEED NUMBER) ended with status %#lx",
			      report[FUZZ_BAD_CHILD], report[FUZZ_BAD_STATUS]);
	return good;
}

/* Children `first` and those after it; adds to the sums what they did. */
static bool round(struct selftest *t, u64 first, u64 sum[FUZZ_WORDS])
{
	char number[24], lots[8];
	const char *const argv[] = { "/bin/fuzz", "storm", selftest_args->argv[0], number, lots,
				     NULL };
	u64 report[FUZZ_WORDS] = { 0 };
	struct thread *task;

	format(number, sizeof(number), "%lu", first);
	format(lots, sizeof(lots), "%d", LOTS);
	task = load(t, argv, 1);
	if (!task)
		return false;
	wait_for_init(task);
	mm_read(task->process->mm, FUZZ_REPORT_AT, report, sizeof(report));
	if (report[FUZZ_STUCK])
		print_processes();
	for (unsigned i = 0; i < FUZZ_WORDS; i++)
		sum[i] += report[i];
	return judge(t, report, process_wait_for(task));
}

/* Nothing may be left of a round. */
static bool is_clean(struct selftest *t, u64 free, unsigned signals)
{
	bool clean;

	clean = EXPECT(t, selftest_settle(), "no process is left");
	clean &= EXPECT_EQ(t, signal_queue_used(), signals, "queued signals");
	if (clean && !EXPECT_EQ(t, selftest_free_frames(), free, "free frames after a round")) {
		frame_owner_print();
		clean = false;
	}
	return clean;
}

static void run_rounds(struct selftest *t)
{
	u64 sum[FUZZ_WORDS] = { 0 }, before = nmis(), rounds = 0;
	u64 end = clock_ns() + seconds_of(selftest_args->argv[1]) * NSEC_PER_SEC;

	do {
		u64 free = selftest_free_frames(), first = sum[FUZZ_CHILDREN];
		unsigned signals = signal_queue_used();

		frame_owner_mark();
		if (!round(t, first, sum) || !is_clean(t, free, signals)) {
			selftest_note("in the round of children %lu to %lu", first,
				      sum[FUZZ_CHILDREN]);
			break;
		}
		rounds++;
	} while (clock_ns() < end);
	EXPECT(t, sum[FUZZ_CALLS] + sum[FUZZ_TRIALS], "hostile calls or frames");
	note(sum, rounds, nmis() - before);
}

/* One CPU alone has nobody to send to, and every sched_yield() would wait for a burst. */
static void storm(struct selftest *t)
{
	struct task *sender = NULL;

	if (!EXPECT(t, selftest_args->argv[0] && selftest_args->argv[1], "arguments: -- SEED SECONDS"))
		return;
	calm = false;
	if (cpumask_count(&cpus_online) > 1) {
		sender = thread_run(t, send_nmis, NULL, ANY_CPU);
		if (!sender)
			return;
	}
	run_rounds(t);
	calm = true;
	if (sender)
		task_wait(sender);
}

/* ---- After it ---------------------------------------------------------------------- */

static void nothing_left(struct selftest *t)
{
	EXPECT(t, selftest_settle(), "no process is left");
	for_each_cpu(cpu, &cpus_online)
		EXPECT_EQ(t, VAULT_OF(cpu)->in_paranoid, 0, "no handler is left open");
}

static void good_programs(struct selftest *t)
{
	static const char *const argv[] = { "/bin/processes", "-q", NULL };
	struct thread *task = load(t, argv, process_next_pid());

	if (task)
		EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
}

static const struct selftest_case cases[] = {
	{ "hostile programs harm nobody but themselves", storm },
	{ "nothing is left of them", nothing_left },
	{ "a good program still runs", good_programs },
};
SELFTEST_SUITE_ON_DEMAND(storm, cases);
