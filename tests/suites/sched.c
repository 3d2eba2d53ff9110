/*
 * Scheduling: who runs where, in which order, and that nobody is kept waiting
 * or lost.  Times have lower bounds only: how late a task runs depends on the
 * host under the emulator.
 */
#include "arch/machine/clock.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/task/sched.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

#define CROWD 64
#define YIELDS 100
#define KICKS 5
#define MAX_SPINNERS 15

/* ---- Preemption ------------------------------------------------------------------ */

/* It never calls the kernel; only the timer can take the CPU from it. */
static struct thread *start_spinner(struct selftest *t, unsigned cpu)
{
	struct thread *task = user_run(t, USER_CODE(spin_loop), 0, cpu);

	if (task)
		EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "the spinner runs");
	return task;
}

static void stop_spinner(struct selftest *t, struct thread *task)
{
	if (!task)
		return;
	user_set(task, USER_WORD(stop), 1);
	user_wait(task);
	EXPECT_EQ(t, user_get(task, USER_WORD(errors)), 0, "its registers were changed");
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status of the spinner");
}

/* A process that does nothing but exit(code). */
static struct thread *start_exit(struct selftest *t, u64 code, unsigned cpu)
{
	struct thread *task = user_new(t, USER_CODE(call_once), code, cpu);

	if (task) {
		thread_regs(task)->ax = NR_exit;
		user_start(task);
	}
	return task;
}

static void preemption(struct selftest *t)
{
	for (unsigned n = 0; n < MIN(4, cpumask_count(&cpus_online)); n++) {
		unsigned cpu = online_cpu(n);
		struct thread *spinner = start_spinner(t, cpu);
		u64 ticks = VAULT_OF(cpu)->timer_interrupts;

		/* A late kick of the CPU, which was idle, may do it once. */
		for (unsigned i = 0; i < 2; i++) {
			struct thread *other = start_exit(t, 7, cpu);

			if (other)
				EXPECT_EQ(t, process_wait_for(other), WAIT_STATUS(7, 0),
					  "the other process has its turn and ends");
		}
		EXPECT(t, VAULT_OF(cpu)->timer_interrupts > ticks, "by the timer");
		if (spinner)
			EXPECT(t, spinner->state != TASK_ZOMBIE, "the spinner goes on");
		stop_spinner(t, spinner);
	}
}

/* Two on one CPU: both get on, again and again. */
static void turns(struct selftest *t)
{
	unsigned cpu = online_cpu(1);
	struct thread *a = start_spinner(t, cpu), *b = start_spinner(t, cpu);

	for (unsigned i = 0; a && b && i < 3; i++) {
		u64 turns_a = user_get(a, USER_WORD(turns));
		u64 turns_b = user_get(b, USER_WORD(turns));

		EXPECT(t, user_reaches(a, USER_WORD(turns), turns_a + 1), "one gets on");
		EXPECT(t, user_reaches(b, USER_WORD(turns), turns_b + 1), "so does the other");
	}
	stop_spinner(t, a);
	stop_spinner(t, b);
}

/* ---- Sleeping ---------------------------------------------------------------------- */

struct sleeper {
	u64 wake_at, slept_at, woke_at;
	u64 order; /* 1: the first to wake */
};
static u64 sleepers_woken;

static void sleeper(void *arg)
{
	struct sleeper *s = arg;

	s->slept_at = clock_ns();
	sched_sleep_until(s->wake_at);
	s->woke_at = clock_ns();
	s->order = __atomic_add_fetch(&sleepers_woken, 1, __ATOMIC_SEQ_CST);
	task_exit(0);
}

#define SLEEPERS 7

/*
 * Puts them all to sleep, to wake from `delay` on, and waits.  False: the host
 * was so slow that the first was due when the last was not yet asleep.
 */
static bool sleep_together(struct selftest *t, struct sleeper s[SLEEPERS], u64 delay)
{
	static const u8 ms[SLEEPERS] = { 6, 2, 4, 0, 3, 8, 2 };
	struct task *task[SLEEPERS];
	u64 first = clock_ns() + delay;
	bool in_time = true;

	sleepers_woken = 0;
	for (unsigned i = 0; i < SLEEPERS; i++) {
		s[i] = (struct sleeper){ .wake_at = first + ms[i] * NSEC_PER_MSEC };
		task[i] = thread_run(t, sleeper, &s[i], online_cpu(1));
	}
	for (unsigned i = 0; i < SLEEPERS; i++)
		if (task[i])
			task_wait(task[i]);
	for (unsigned i = 0; i < SLEEPERS; i++) {
		EXPECT(t, s[i].woke_at >= s[i].wake_at, "not before its time");
		in_time &= s[i].slept_at + delay / 2 < first;
	}
	return in_time;
}

static void sleep_order(struct selftest *t)
{
	static const u8 order[SLEEPERS] = { 6, 2, 5, 1, 4, 7, 3 };
	struct sleeper s[SLEEPERS];
	u64 delay = 10 * NSEC_PER_MSEC;

	while (!sleep_together(t, s, delay) && delay < 10 * NSEC_PER_SEC)
		delay *= 4;
	for (unsigned i = 0; i < SLEEPERS; i++)
		EXPECT_EQ(t, s[i].order, order[i], "the order of waking");
}

static void nanosleep(struct selftest *t)
{
	const u64 spec[2] = { 0, 15 * NSEC_PER_MSEC };
	struct thread *task = user_new(t, USER_CODE(call_once), 0, ANY_CPU);
	u64 start;

	if (!task)
		return;
	mm_write(task->mm, PROGRAM_DATA_BASE, spec, sizeof(spec));
	thread_regs(task)->ax = NR_nanosleep;
	thread_regs(task)->di = PROGRAM_DATA_BASE;
	start = clock_ns();
	user_start(task);
	user_wait(task);
	EXPECT(t, clock_ns() - start >= spec[1], "it slept as long as it was to");
	EXPECT_EQ(t, thread_regs(task)->ax, 0, "what nanosleep returned");
	process_wait_for(task);
}

static void wake_early(struct selftest *t)
{
	struct sleeper s = { .wake_at = ~0ULL - 1 };
	struct task *task = thread_run(t, sleeper, &s, online_cpu(1));

	if (!task)
		return;
	while (__atomic_load_n(&task->state, __ATOMIC_ACQUIRE) != TASK_SLEEPING)
		sched_yield();
	EXPECT_EQ(t, s.woke_at, 0, "it sleeps");
	sched_wake(task);
	sched_wake(task); /* of one that does not sleep: nothing */
	EXPECT_EQ(t, task_wait(task), 0, "it woke");
	EXPECT(t, s.woke_at != 0, "and went on");
}

static void sleep_with_work(void *arg __unused)
{
	current_task()->work_due = true; /* as a signal would, after the last look */
	sched_sleep_until(~0ULL - 1);
	task_exit(0);
}

static void work_first(struct selftest *t)
{
	struct task *task = thread_run(t, sleep_with_work, NULL, online_cpu(1));

	if (!task)
		return;
	EXPECT(t, !task_sleeps(task), "it does not sleep");
	sched_wake(task);
	EXPECT_EQ(t, task_wait(task), 0, "it goes on");
}

/* ---- Yielding, and where ----------------------------------------------------------- */

struct yielder {
	char id;
	unsigned cpu;
	u64 elsewhere; /* turns on another CPU */
};
static char turn_log[2 * YIELDS + 1];
static u64 turn_count, yielders_up;

static void yielder(void *arg)
{
	struct yielder *y = arg;

	__atomic_fetch_add(&yielders_up, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&yielders_up, __ATOMIC_SEQ_CST) < 2)
		sched_yield(); /* begin together */
	for (unsigned i = 0; i < YIELDS; i++) {
		turn_log[turn_count++] = y->id;
		y->elsewhere += this_cpu()->cpu != y->cpu;
		sched_yield();
	}
	task_exit(0);
}

/* The queue is first in, first out: two that yield take turns. */
static void yielding(struct selftest *t)
{
	unsigned cpu = online_cpu(1), repeats = 0;
	struct yielder y[2] = { { 'a', cpu, 0 }, { 'b', cpu, 0 } };
	struct task *task[2];

	memset(turn_log, 0, sizeof(turn_log));
	turn_count = yielders_up = 0;
	for (unsigned i = 0; i < 2; i++)
		task[i] = thread_run(t, yielder, &y[i], cpu);
	for (unsigned i = 0; i < 2; i++) {
		if (!task[i])
			return;
		task_wait(task[i]);
		EXPECT_EQ(t, y[i].elsewhere, 0, "turns on another CPU");
	}
	EXPECT_EQ(t, turn_count, 2 * YIELDS, "turns");
	for (unsigned i = 1; i < 2 * YIELDS; i++)
		repeats += turn_log[i] == turn_log[i - 1];
	EXPECT(t, repeats <= 1, "they alternate, but for the start");
}

static void stayer(void *arg)
{
	struct yielder *y = arg;

	for (unsigned i = 0; i < YIELDS; i++) {
		y->elsewhere += this_cpu()->cpu != y->cpu;
		sched_yield();
	}
	sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
	y->elsewhere += this_cpu()->cpu != y->cpu;
	task_exit(0);
}

/* Two a CPU, each kept there; and each runs at all. */
static void affinity(struct selftest *t)
{
	struct yielder y[2 * MAX_SPINNERS];
	struct task *task[2 * MAX_SPINNERS];
	unsigned count = 2 * MIN(cpumask_count(&cpus_online), MAX_SPINNERS);

	for (unsigned i = 0; i < count; i++) {
		y[i] = (struct yielder){ 'a', online_cpu(i), 0 };
		task[i] = thread_run(t, stayer, &y[i], y[i].cpu);
	}
	for (unsigned i = 0; i < count; i++) {
		if (!task[i])
			continue;
		task_wait(task[i]);
		EXPECT_EQ(t, y[i].elsewhere, 0, "turns on another CPU");
	}
}

/* ---- All CPUs --------------------------------------------------------------------- */

static unsigned count_running(struct thread *const task[], unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		for_each_cpu(cpu, &cpus_online)
			n += __atomic_load_n(&VAULT_OF(cpu)->current, __ATOMIC_RELAXED) ==
			     task_of(task[i]);
	return n;
}

/*
 * Spinners that may run anywhere, one less than CPUs: all run at the same time,
 * beside this thread.
 */
static void idle_cpus_woken(struct selftest *t)
{
	struct thread *task[MAX_SPINNERS];
	unsigned count = MIN(cpumask_count(&cpus_online) - 1, MAX_SPINNERS), n = 0;
	u64 deadline = clock_ns() + 30 * NSEC_PER_SEC;

	if (!count) {
		selftest_skip(t, "needs another CPU to wake");
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		task[i] = user_run(t, USER_CODE(spin_loop), 0, ANY_CPU);
		if (!task[i])
			count = i;
	}
	while ((n = count_running(task, count)) < count && clock_ns() < deadline)
		cpu_relax();
	EXPECT_EQ(t, n, count, "spinners that run at once");
	for (unsigned i = 0; i < count; i++)
		stop_spinner(t, task[i]);
}

static u64 ticks_at_start;

static void note_ticks(void *arg __unused)
{
	ticks_at_start = this_cpu()->timer_interrupts;
	task_exit(0);
}

/*
 * An idle CPU is interrupted for a task, and need not wait for its timer: often
 * enough it has ticked between, but not each time.
 */
static void kicked(struct selftest *t)
{
	unsigned cpu = online_cpu(1), at_once = 0;

	if (cpu == online_cpu(0)) {
		selftest_skip(t, "needs another CPU to wake");
		return;
	}
	move_to_cpu(online_cpu(0));
	for (unsigned i = 0; i < KICKS && !at_once; i++) {
		struct percpu *vault = VAULT_OF(cpu);
		struct task *task;
		u64 ticks;

		while (__atomic_load_n(&vault->current, __ATOMIC_ACQUIRE) != vault->idle)
			sched_yield();
		ticks = __atomic_load_n(&vault->timer_interrupts, __ATOMIC_ACQUIRE);
		task = thread_run(t, note_ticks, NULL, cpu);
		if (!task)
			break;
		task_wait(task);
		at_once += ticks_at_start == ticks;
	}
	EXPECT(t, at_once > 0, "a task starts on it without a tick of its timer");
	move_to_cpu(ANY_CPU);
}

/*
 * One that may run anywhere is pushed out of its CPU by one that may not: it
 * goes on on an idle CPU at once, and need not wait for its next turn there.
 */
static void pushed_out(struct selftest *t)
{
	struct thread *free_one, *pinned;
	unsigned cpu = online_cpu(1);
	bool elsewhere = false;

	if (cpumask_count(&cpus_online) < 3) {
		selftest_skip(t, "needs three CPUs");
		return;
	}
	move_to_cpu(online_cpu(0));
	free_one = start_spinner(t, cpu);
	pinned = user_new(t, USER_CODE(spin_loop), 0, cpu);
	if (free_one && pinned) {
		task_pin(task_of(free_one), ANY_CPU);
		user_start(pinned);
		for (unsigned i = 0; i < 10000 && !elsewhere; i++) {
			elsewhere = VAULT_OF(cpu)->current == task_of(pinned) &&
				    count_running(&free_one, 1);
			clock_delay_ns(NSEC_PER_MSEC / 10);
		}
		EXPECT(t, elsewhere, "both run at once");
	} else if (pinned) {
		user_start(pinned);
	}
	stop_spinner(t, pinned);
	stop_spinner(t, free_one);
	move_to_cpu(ANY_CPU);
}

/* ---- Coming and going -------------------------------------------------------------- */

static void crowd(struct selftest *t)
{
	static struct thread *task[CROWD];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < CROWD; i++)
			task[i] = start_exit(t, i + round, round ? ANY_CPU : online_cpu(i));
		/* The last first: the others are waited for when they are long gone. */
		for (unsigned i = CROWD; i-- > 0;)
			if (task[i])
				EXPECT_EQ(t, process_wait_for(task[i]), WAIT_STATUS(i + round, 0),
					  "exit status");
	}
}

static void exit_statuses(struct selftest *t)
{
	static const struct {
		struct user_piece code;
		int status;
	} ends[] = {
		{ { "read", user_read, user_read_end }, WAIT_STATUS(0, SIGSEGV) },
		{ { "divide", user_divide, user_divide_end }, WAIT_STATUS(0, SIGFPE) },
		{ { "breakpoint", user_breakpoint, user_breakpoint_end },
		  WAIT_STATUS(0, SIGTRAP) },
		{ { "undefined", user_call_once_end - 2, user_call_once_end },
		  WAIT_STATUS(0, SIGILL) },
	};
	static const u64 code[] = { 0, 1, 127, 128, 255, 256, 0x1234567890abcdef };

	for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
		struct thread *task = start_exit(t, code[i], ANY_CPU);

		if (task)
			EXPECT_EQ(t, process_wait_for(task), (code[i] & 0xff) << 8, "after exit()");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct thread *task = user_run(t, ends[i].code, 0, ANY_CPU);

		if (task && !EXPECT_EQ(t, process_wait_for(task), ends[i].status, "after a fault"))
			selftest_note("of the process '%s'", ends[i].code.name);
	}
}

static const struct selftest_case cases[] = {
	{ "an idle CPU is interrupted for a task", kicked },
	{ "a spinning process does not stop another on its CPU", preemption },
	{ "two spinning processes take turns", turns },
	{ "sleepers wake in order and not too early", sleep_order },
	{ "nanosleep lasts as long as it was told", nanosleep },
	{ "a sleeper can be woken before its time", wake_early },
	{ "who has work due does not fall asleep", work_first },
	{ "two threads that yield alternate", yielding },
	{ "a thread stays on the CPUs of its affinity", affinity },
	{ "idle CPUs are woken for work", idle_cpus_woken },
	{ "who is pushed out of a CPU goes on on an idle one", pushed_out },
	{ "many processes come and go and none is lost", crowd },
	{ "a wait status tells how a process ended", exit_statuses },
};
SELFTEST_SUITE(sched, cases);
