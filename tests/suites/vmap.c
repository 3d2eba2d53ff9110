/*
 * Stacks in the vmap area: what their page tables cost is given back with them,
 * also if two CPUs free the last two stacks of one table at once; and many that are
 * freed together interrupt the other CPUs as often as one.
 */
#include "arch/machine/clock.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/frames/frame.h"
#include "mm/pagetable.h"
#include "mm/space/task_stacks.h"
#include "tests/suites/kernel_thread.h"
#include "tests/suites/pinned.h"

#define ROUNDS 12 /* nearly each one finds it; a busy host takes seconds for some */
#define NAP_NS (NSEC_PER_MSEC / 10)
#define FILLERS 80 /* more than one table has */

static struct {
	u64 round, stop; /* the one that the workers are to do; there is no more */
	u64 arrived, done;
	virt_addr_t top[2];
} game;

/* Frees stack `arg` of each round, beginning with the other. */
static void free_stacks(void *arg)
{
	u64 which = (u64)arg;

	for (u64 round = 1;; round++) {
		while (__atomic_load_n(&game.round, __ATOMIC_ACQUIRE) < round) {
			if (__atomic_load_n(&game.stop, __ATOMIC_ACQUIRE))
				task_exit(0);
			sched_sleep_until(clock_ns() + NAP_NS);
		}
		__atomic_fetch_add(&game.arrived, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&game.arrived, __ATOMIC_SEQ_CST) < 2 * round)
			cpu_relax();
		vmap_free_stack(game.top[which], TASK_STACK_SIZE);
		__atomic_fetch_add(&game.done, 1, __ATOMIC_SEQ_CST);
	}
}

static u64 table_of(virt_addr_t top)
{
	return (top - 1) / PT_SIZE(2);
}

/* Stacks are made until the next one is the first of its page table; how many. */
static unsigned fill_table(virt_addr_t filler[FILLERS])
{
	for (unsigned n = 0; n < FILLERS; n++) {
		filler[n] = vmap_alloc_stack(TASK_STACK_SIZE);
		if (!filler[n])
			return n;
		if (n > 0 && table_of(filler[n]) != table_of(filler[n - 1])) {
			vmap_free_stack(filler[n], TASK_STACK_SIZE);
			return n;
		}
	}
	return FILLERS;
}

static void play(struct selftest *t)
{
	u64 free = frame_stats().free;

	for (u64 round = 1; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < 2; i++)
			game.top[i] = vmap_alloc_stack(TASK_STACK_SIZE);
		if (!EXPECT(t, game.top[0] && game.top[1], "two stacks"))
			return;
		EXPECT_EQ(t, table_of(game.top[0]), table_of(game.top[1]),
			  "both under one page table");
		__atomic_store_n(&game.round, round, __ATOMIC_RELEASE);
		if (!EXPECT(t, wait_for_value(&game.done, 2 * round), "they are freed") ||
		    !EXPECT_EQ(t, frame_stats().free, free, "and so is the table"))
			return;
	}
}

static void two_at_once(struct selftest *t)
{
	static virt_addr_t filler[FILLERS];
	struct task *worker[2] = { NULL };
	unsigned fillers;

	if (cpumask_count(&cpus_online) < 2) {
		selftest_skip(t, "found 1 CPU, expected 2 or more");
		return;
	}
	memset(&game, 0, sizeof(game));
	for (u64 i = 0; i < 2; i++)
		worker[i] = thread_run(t, free_stacks, (void *)i, online_cpu((unsigned)i));
	fillers = fill_table(filler);
	if (worker[0] && worker[1])
		play(t);
	__atomic_store_n(&game.stop, 1, __ATOMIC_RELEASE);
	while (fillers > 0)
		vmap_free_stack(filler[--fillers], TASK_STACK_SIZE);
	for (unsigned i = 0; i < 2; i++)
		if (worker[i])
			task_wait(worker[i]);
}

/* Two flushes more than the one are of page tables, if these are their last stacks. */
static void many_at_once(struct selftest *t)
{
	u64 others = cpumask_count(&cpus_online) - 1, free = frame_stats().free, before;
	virt_addr_t tops[VMAP_STACKS_AT_ONCE];
	unsigned n = 0;

	while (n < VMAP_STACKS_AT_ONCE && (tops[n] = vmap_alloc_stack(TASK_STACK_SIZE)))
		n++;
	before = __atomic_load_n(&trap_count[VEC_IPI_CALL], __ATOMIC_RELAXED);
	vmap_free_stacks(tops, n, TASK_STACK_SIZE);
	before = __atomic_load_n(&trap_count[VEC_IPI_CALL], __ATOMIC_RELAXED) - before;
	EXPECT_EQ(t, n, VMAP_STACKS_AT_ONCE, "memory for stacks");
	EXPECT(t, before <= 3 * others, "each other CPU is interrupted once");
	EXPECT_EQ(t, frame_stats().free, free, "all is free again");
}

/* Of one stack that is kept: the same comes again, and nothing of what was in it. */
static void kept_empty(struct selftest *t)
{
	static const u64 places[] = { 8, PAGE_SIZE, PAGE_SIZE + 8, TASK_STACK_SIZE };
	virt_addr_t top, again;

	task_stacks_settle();
	top = task_stack_alloc();
	if (!EXPECT(t, top, "memory for a stack"))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		*(volatile u64 *)(top - places[i]) = ~0ULL;
	task_stacks_free(&top, 1);
	EXPECT_EQ(t, task_stacks_kept_frames(), TASK_STACK_SIZE / PAGE_SIZE, "it is kept");
	again = task_stack_alloc();
	EXPECT_EQ(t, again, top, "the next task gets it");
	for (u64 at = top - TASK_STACK_SIZE; again == top && at < top; at += sizeof(u64))
		if (!EXPECT_EQ(t, *(volatile u64 *)at, 0, "all zeroes"))
			break;
	task_stacks_free(&again, 1);
}

/* More than are kept go back together, and what is kept when it is asked for. */
static void kept_bounded(struct selftest *t)
{
	static virt_addr_t tops[3 * VMAP_STACKS_AT_ONCE];
	u64 others = cpumask_count(&cpus_online) - 1, free, before;
	unsigned n = 0;

	task_stacks_settle();
	free = frame_stats().free;
	while (n < ARRAY_SIZE(tops) && (tops[n] = task_stack_alloc()))
		n++;
	EXPECT_EQ(t, n, ARRAY_SIZE(tops), "memory for stacks");
	before = __atomic_load_n(&trap_count[VEC_IPI_CALL], __ATOMIC_RELAXED);
	while (n > 0)
		task_stacks_free(&tops[--n], 1);
	before = __atomic_load_n(&trap_count[VEC_IPI_CALL], __ATOMIC_RELAXED) - before;
	EXPECT(t, before <= 3 * others, "each other CPU is interrupted once");
	EXPECT(t, task_stacks_kept_frames() <= 2 * VMAP_STACKS_AT_ONCE * TASK_STACK_SIZE / PAGE_SIZE,
	       "no more are kept than two flushes free");
	task_stacks_settle();
	EXPECT_EQ(t, frame_stats().free, free, "all is free again");
}

static const struct selftest_case cases[] = {
	{ "a stack that was kept for the next task is empty", kept_empty },
	{ "stacks beyond those that are kept are freed by one flush", kept_bounded },
	{ "many stacks are freed by one flush of all CPUs", many_at_once },
	{ "two CPUs free the last two stacks of a page table, and it is freed", two_at_once },
};
SELFTEST_SUITE(vmap, cases);
