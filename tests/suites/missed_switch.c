/*
 * A way out to user mode that forgets to switch to the user PGD.  The user half of
 * the kernel PGD is NX, so the first fetch faults (error 0x15), and the way in tells
 * that it found the kernel PGD: a panic that says so, where the program would else
 * take the fault for its own.
 *
 * The panics end the machine; tests/panics.cfg has a boot for each, which looks at
 * what is printed.
 */
#include "kernel/base/percpu.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/task/sched.h"
#include "mm/pti.h"
#include "tests/suites/pinned.h"

static struct thread *new_program(struct selftest *t)
{
	struct thread *task;

	if (!pti_enabled) {
		selftest_skip(t, "there is no shadow with pti=off");
		return NULL;
	}
	move_to_cpu(online_cpu(0));
	task = user_new(t, USER_CODE(call_loop), 0, this_cpu()->cpu);
	if (task) {
		user_set(task, USER_WORD(number), NR_sched_yield);
		user_set(task, USER_WORD(expected), 0);
	}
	return task;
}

/* Ways out of this CPU now stay on the kernel PGD, as if they forgot. */
static void forget_switch(struct selftest *t)
{
	struct percpu *vault = this_cpu();

	EXPECT_EQ(t, vault->cr3_user_bits & CR3_USER_PGD, CR3_USER_PGD, "they load the user PGD");
	vault->cr3_user_bits &= ~(u64)CR3_USER_MASK;
}

/* A process's first way out is the IRET door. */
static void missed_at_iret(struct selftest *t)
{
	struct thread *task = new_program(t);

	if (!task)
		return;
	forget_switch(t);
	user_start(task);
	user_wait(task);
	EXPECT(t, false, "a panic before this line");
}

/* The process is in a system call, whose way back is the SYSRET door. */
static void missed_at_sysret(struct selftest *t)
{
	struct thread *task = new_program(t);

	if (!task)
		return;
	user_start(task);
	EXPECT(t, user_reaches(task, USER_WORD(turns), 3), "it runs");
	while (thread_regs(task)->vector != VEC_SYSCALL)
		sched_yield(); /* the timer has had it */
	forget_switch(t);
	user_wait(task);
	EXPECT(t, false, "a panic before this line");
}

static const struct selftest_case iret_cases[] = {
	{ "IRET on the kernel PGD is a panic at the first fetch", missed_at_iret },
};
SELFTEST_SUITE_THAT_PANICS(panic_missed_iret, iret_cases);

static const struct selftest_case sysret_cases[] = {
	{ "SYSRET on the kernel PGD is a panic at the first fetch", missed_at_sysret },
};
SELFTEST_SUITE_THAT_PANICS(panic_missed_sysret, sysret_cases);
