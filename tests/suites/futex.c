/*
 * Futexes: the one moment that counts, between the look at the word and the sleep.
 * What the calls do is tested by tests/user/process/threads.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "mm/space/mm.h"
#include "tests/suites/pinned.h"

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WORD (PROGRAM_DATA_BASE + 512)

/* The word becomes 1 while its waiter, who expects 0, is held up on his way. */
static u64 change_under_waiter(struct selftest *t, struct thread *task)
{
	const u64 limit[2] = { 1, 0 };
	struct mm *mm = task->mm;
	struct pt_leaf leaf;

	mm_write(mm, PROGRAM_DATA_BASE, limit, sizeof(limit));
	EXPECT_EQ(t, pt_walk(mm->pgd, FUTEX_WORD, &leaf), 0, "the word's page is there");
	sleep_lock(&mm->lock);
	user_start(task);
	EXPECT(t, task_sleeps(task_of(task)), "he waits for the lock");
	*(volatile u32 *)phys_to_virt(leaf.pa + FUTEX_WORD - leaf.va) = 1;
	sleep_unlock(&mm->lock);
	user_wait(task);
	return thread_regs(task)->ax;
}

/* What he saw before does not count: he would sleep over the wake-up. */
static void futex_compared_last(struct selftest *t)
{
	struct thread *task = user_new(t, USER_CODE(call_once), 0, online_cpu(1));
	struct pt_regs *regs;

	if (!task)
		return;
	regs = thread_regs(task);
	regs->ax = NR_futex;
	regs->di = FUTEX_WORD;
	regs->si = FUTEX_WAIT_PRIVATE;
	regs->dx = 0;
	regs->r10 = PROGRAM_DATA_BASE;
	EXPECT_EQ(t, change_under_waiter(t, task), -EAGAIN, "what the call returns");
	process_wait_for(task);
}

static const struct selftest_case cases[] = {
	{ "a futex's word is compared when its waiter can be woken", futex_compared_last },
};
SELFTEST_SUITE(futex, cases);
