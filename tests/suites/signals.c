/*
 * The kernel's view of signals: who takes one, who is left alone, stops, and
 * that nothing of it stays.  What a program sees is in tests/user/signal/signals.c.
 */
#include "arch/machine/clock.h"
#include "arch/state/user_area.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/queue.h"
#include "kernel/linux/signal/send.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/pinned.h"

#define PATIENCE (30 * NSEC_PER_SEC)

static int send(struct thread *task, int signal, int code, bool to_process)
{
	const struct siginfo info = { .signo = signal, .code = code };
	u64 flags = spin_lock(&process_lock);
	int err = to_process ? signal_send_process(task->process, &info)
			     : signal_send_thread(task, &info);

	spin_unlock(&process_lock, flags);
	return err;
}

static bool becomes(const volatile bool *flag, bool value)
{
	u64 deadline = clock_ns() + PATIENCE;

	while (*flag != value) {
		if (clock_ns() > deadline)
			return false;
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC / 10);
	}
	return true;
}

static struct thread *spinner(struct selftest *t)
{
	struct thread *task = user_run(t, USER_CODE(spin_loop), 0, ANY_CPU);

	if (task)
		EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs");
	return task;
}

static void wait_until_asleep(const struct thread *task)
{
	while (*(const volatile enum task_state *)&task->state != TASK_SLEEPING)
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC / 10);
}

/* A process before call `nr`, whose first argument points to the words. */
static struct thread *caller(struct selftest *t, u64 nr, const u64 words[2], u64 second,
			     unsigned cpu)
{
	struct thread *task = user_new(t, USER_CODE(call_once), 0, cpu);

	if (!task)
		return NULL;
	mm_write(task->mm, PROGRAM_DATA_BASE, words, 2 * sizeof(u64));
	thread_regs(task)->ax = nr;
	thread_regs(task)->di = PROGRAM_DATA_BASE;
	thread_regs(task)->si = second;
	return task;
}

/* It sleeps in nanosleep for ever. */
static struct thread *sleeper(struct selftest *t)
{
	const u64 spec[2] = { 1ULL << 40, 0 };
	struct thread *task = caller(t, NR_nanosleep, spec, 0, ANY_CPU);

	if (task) {
		user_start(task);
		wait_until_asleep(task);
	}
	return task;
}

static void deadly(struct selftest *t)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGHUP, SIGQUIT, SIGRTMIN, NR_SIGNALS };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		for (unsigned how = 0; how < 4; how++) {
			struct thread *task = how & 1 ? spinner(t) : sleeper(t);

			if (!task)
				return;
			send(task, signals[i], SI_USER, how & 2);
			EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, signals[i]), "wait status");
		}
	}
}

static void harmless(struct selftest *t)
{
	static const int signals[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH };
	struct thread *task = spinner(t);

	if (!task)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		send(task, signals[i], SI_USER, true);
		EXPECT_EQ(t, task->process->signals.pending.set, 0, "it is not even pending");
	}
	user_set(task, USER_WORD(stop), 1);
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status");
}

static void init_protected(struct selftest *t)
{
	struct thread *task = spinner(t);
	int pid;

	if (!task)
		return;
	pid = task->process->pid;
	task->process->pid = 1;
	send(task, SIGKILL, SI_USER, true);
	send(task, SIGTERM, SI_USER, false);
	send(task, SIGSTOP, SI_USER, true);
	EXPECT_EQ(t, task->process->signals.pending.set | task->signals.pending.set, 0,
		  "nobody can kill or stop init");
	task->process->pid = pid;
	user_set(task, USER_WORD(stop), 1);
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status");
}

static void stopping(struct selftest *t)
{
	struct thread *task = spinner(t);
	u64 turns;

	if (!task)
		return;
	send(task, SIGSTOP, SI_USER, true);
	if (EXPECT(t, becomes(&task->signals.stopped, true), "it stops")) {
		becomes(&task->on_cpu, false);
		EXPECT_EQ(t, task->stop_signal, SIGSTOP, "what wait4 is to say");
		turns = user_get(task, USER_WORD(turns));
		send(task, SIGTERM, SI_USER, true);
		send(task, SIGUSR1, SI_USER, false);
		sched_sleep_until(clock_ns() + NSEC_PER_MSEC);
		EXPECT_EQ(t, user_get(task, USER_WORD(turns)), turns, "it does not run");
		EXPECT(t, task->signals.stopped, "other signals wait until it goes on");
	}
	send(task, SIGCONT, SI_USER, true);
	EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGUSR1), "then they come, the thread's first");
}

/* In sigsuspend with only `during` blocked, and `before` to go back to. */
static struct thread *suspended(struct selftest *t, u64 before, u64 during)
{
	const u64 words[2] = { during, 0 };
	struct thread *task = caller(t, NR_rt_sigsuspend, words, sizeof(during), ANY_CPU);

	if (task) {
		task->choices->blocked = before;
		user_start(task);
		wait_until_asleep(task);
	}
	return task;
}

static void stop_and_continue(struct selftest *t, struct thread *task)
{
	send(task, SIGSTOP, SI_USER, true);
	EXPECT(t, becomes(&task->signals.stopped, true), "it stops");
	send(task, SIGCONT, SI_USER, true);
	EXPECT(t, becomes(&task->signals.stopped, false), "it goes on");
}

/* Then sigsuspend is made again, from the mask that was there at first. */
static void stopped_in_sigsuspend(struct selftest *t)
{
	const u64 usr1 = SIGNAL_BIT(SIGUSR1), usr2 = SIGNAL_BIT(SIGUSR2);
	struct thread *task = suspended(t, usr1, usr2);

	if (!task)
		return;
	stop_and_continue(t, task);
	wait_until_asleep(task);
	EXPECT_EQ(t, task->choices->blocked, usr2, "sigsuspend's mask");
	EXPECT_EQ(t, task->signals.saved_blocked, usr1, "the one to go back to");
	send(task, SIGUSR1, SI_USER, true);
	EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGUSR1), "wait status");
}

static u64 calls_made(void)
{
	u64 n = 0;

	for_each_cpu(cpu, &cpus_online)
		n += VAULT_OF(cpu)->syscalls;
	return n;
}

/* What becomes deliverable on the way to user mode is delivered before. */
static void let_through_late(struct selftest *t)
{
	u64 calls = calls_made();
	struct thread *task = suspended(t, 0, SIGNAL_BIT(SIGTERM));

	if (!task)
		return;
	send(task, SIGTERM, SI_USER, true);
	EXPECT_EQ(t, task->process->signals.pending.set, SIGNAL_BIT(SIGTERM), "sigsuspend blocks it");
	stop_and_continue(t, task);
	EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGTERM), "the mask from before does not");
	EXPECT_EQ(t, calls_made() - calls, 1, "system calls: it has not come to make it again");
}

/* A frame on a stack that is the kernel's: nothing is written, of no part. */
static void frame_in_kernel(struct selftest *t)
{
	static u8 victim[2 * PAGE_SIZE] __aligned(64);
	struct thread *task = user_new(t, USER_CODE(call_once), 0, ANY_CPU);
	unsigned changed = 0;

	if (!task)
		return;
	memset(victim, 0x5a, sizeof(victim));
	task->process->signals.action[SIGUSR1 - 1] = (struct signal_action){
		.handler = PROGRAM_DATA_BASE, .flags = SA_RESTORER,
	};
	thread_regs(task)->ax = NR_getpid;
	thread_regs(task)->sp = (u64)(victim + sizeof(victim));
	send(task, SIGUSR1, SI_USER, true);
	user_start(task);
	EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGSEGV), "there is no room for it");
	for (unsigned i = 0; i < sizeof(victim); i++)
		changed += victim[i] != 0x5a;
	EXPECT_EQ(t, changed, 0, "bytes of the kernel that have changed");
}

static void stop_undone(struct selftest *t)
{
	struct thread *task = spinner(t);

	if (!task)
		return;
	task->choices->blocked = SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGCONT);
	send(task, SIGTSTP, SI_USER, true);
	send(task, SIGCONT, SI_USER, true);
	EXPECT_EQ(t, task->process->signals.pending.set, SIGNAL_BIT(SIGCONT), "SIGCONT undoes a stop");
	send(task, SIGTSTP, SI_USER, false);
	EXPECT_EQ(t, task->process->signals.pending.set, 0, "and a stop SIGCONT");
	send(task, SIGSTOP, SI_USER, true);
	EXPECT(t, becomes(&task->signals.stopped, true), "it stops");
	send(task, SIGKILL, SI_USER, true);
	EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGKILL), "SIGKILL ends what is stopped");
}

static void queue_is_bounded(struct selftest *t)
{
	struct thread *task = spinner(t);
	unsigned before = signal_queue_used(), sent = 0;

	if (!task)
		return;
	task->choices->blocked = ~SIGNALS_UNBLOCKABLE;
	task->process->limits[LIMIT_SIGPENDING].soft = 300;
	while (sent < 5000 && !send(task, SIGRTMIN, SI_QUEUE, sent & 1))
		sent++;
	EXPECT_EQ(t, sent, 300, "signals until there is no room");
	EXPECT_EQ(t, send(task, SIGRTMIN, SI_QUEUE, true), -EAGAIN, "and the sender is told");
	EXPECT_EQ(t, send(task, SIGRTMIN, SI_USER, true), 0, "kill does not fail for it");
	EXPECT_EQ(t, send(task, SIGUSR1, SI_USER, true), 0, "nor do standard signals");
	EXPECT(t, signal_queue_used() >= before + sent, "they are in the pool");
	send(task, SIGKILL, SI_USER, true);
	process_wait_for(task);
	EXPECT_EQ(t, signal_queue_used(), before, "and gone with the process");
}

/* ---- A sender that has not come so far ------------------------------------------------- */

static const struct thread *half_told;
static u64 in_time;

/*
 * In front of the call's function.  A sender on another CPU has made a signal pending and set
 * the thread's work_due; the interrupt that says so to this CPU is on its way.
 */
static bool tell_half(struct pt_regs *regs)
{
	if ((regs->vector & 0xff) != VEC_DB)
		return false;
	write_dr6(DR6_NONE);
	regs->flags |= RFLAGS_RF;
	if (current_task() == task_of(half_told)) {
		current_task()->work_due = true;
		in_time++;
	}
	return true;
}

static void arm_here(void *function)
{
	trap_paranoid_hook = tell_half;
	write_dr0((u64)function);
	write_dr6(DR6_NONE);
	write_dr7(DR7_EXECUTE_0);
}

static void disarm_here(void *unused __unused)
{
	write_dr7(DR7_NONE);
	trap_paranoid_hook = NULL;
}

/* Behind the call is UD2: a program that sees its result ends by SIGILL. */
static void half_sent(struct selftest *t)
{
	static const u64 calls[] = { NR_pause, NR_rt_sigsuspend, NR_nanosleep, NR_ppoll,
				     NR_futex, NR_fork };
	const struct siginfo info = { .signo = SIGUSR1, .code = SI_USER };
	unsigned cpu = online_cpu(0);
	u64 words[2] = { 0, 0 };

	if (cpus_skip_breakpoints(t))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		struct thread *task;

		words[0] = calls[i] == NR_nanosleep ? 1ULL << 40 : 0;
		task = caller(t, calls[i], words, calls[i] == NR_rt_sigsuspend ? 8 : 0, cpu);
		if (!task)
			return;
		SPIN_SCOPE(&process_lock)
			signal_queue_add(&task->signals.pending, task->process, &info);
		half_told = task;
		in_time = 0;
		cpus_call(cpu, arm_here, (void *)syscall_table[calls[i]]);
		user_start(task);
		if (!EXPECT_EQ(t, process_wait_for(task), WAIT_STATUS(0, SIGUSR1), "wait status"))
			selftest_note("of call %lu", calls[i]);
		cpus_call(cpu, disarm_here, NULL);
		EXPECT_EQ(t, in_time, 1, "calls that were half told");
	}
}

static int set_word(struct thread *t, unsigned word, u64 value)
{
	return user_area_set(&t->user, t->mm, thread_regs(t), word * sizeof(u64), value);
}

/* The words a tracer may write, and what each refuses. */
static void tracer_words(struct selftest *t)
{
	enum { IP = 16, CS, FLAGS, SP, SS, FS_BASE, GS_BASE, DS, ES, FS, GS };
	struct thread *task = user_new(t, USER_CODE(spin_loop), 0, ANY_CPU);
	u64 flags, cs;

	if (!task)
		return;
	flags = thread_regs(task)->flags;
	EXPECT_EQ(t, set_word(task, CS, SEL_KERNEL_CS), (u64)-EIO, "CS of ring 0");
	EXPECT_EQ(t, set_word(task, CS, 0), (u64)-EIO, "CS null");
	EXPECT_EQ(t, set_word(task, SS, 1), (u64)-EIO, "SS of ring 1");
	EXPECT_EQ(t, set_word(task, FS, 0), 0, "FS null");
	EXPECT_EQ(t, set_word(task, GS, SEL_TSS | 3), 0, "GS of ring 3, whatever it is");
	EXPECT_EQ(t, set_word(task, DS, SEL_KERNEL_DS), (u64)-EIO, "DS of ring 0");
	EXPECT_EQ(t, set_word(task, FS_BASE, USER_END), (u64)-EIO, "a base too high");
	EXPECT_EQ(t, set_word(task, GS_BASE, KERNEL_BASE), (u64)-EIO, "a base in the kernel");
	EXPECT_EQ(t, set_word(task, FLAGS, ~0ULL), 0, "all flags");
	EXPECT_EQ(t, thread_regs(task)->flags & ~0x54dd5ULL, flags, "only a program's are set");
	EXPECT_EQ(t, user_area_get(&task->user, thread_regs(task), CS * sizeof(u64), &cs), 0,
		  "CS is read");
	EXPECT_EQ(t, cs, SEL_USER_CS, "CS is as it was");
	set_word(task, FLAGS, 0);
	user_set(task, USER_WORD(stop), 1);
	user_start(task);
	EXPECT_EQ(t, process_wait_for(task), 0, "it runs with a GS that cannot be loaded");
}

static const struct selftest_case cases[] = {
	{ "a signal ends a process that runs or sleeps", deadly },
	{ "signals whose default is nothing are dropped", harmless },
	{ "init is protected", init_protected },
	{ "SIGSTOP stops and SIGCONT continues", stopping },
	{ "sigsuspend outlives a stop, with both masks", stopped_in_sigsuspend },
	{ "what a restored mask lets through comes at once", let_through_late },
	{ "a frame on the kernel's memory is not written", frame_in_kernel },
	{ "stops and SIGCONT undo each other, SIGKILL both", stop_undone },
	{ "the queue of signals is bounded, and none stays", queue_is_bounded },
	{ "what interrupts a call is taken behind it, however late the CPU is told", half_sent },
	{ "a tracer can set only what a program could", tracer_words },
};
SELFTEST_SUITE(signals, cases);
