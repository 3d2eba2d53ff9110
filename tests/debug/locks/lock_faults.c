/*
 * Planted faults of every kind that the debug build's lock checker knows
 * (tests/debug/locks/lock_check.c).  One suite catches each, and looks at its text and at
 * the two places; each of the others ends in the panic of one, whose lines
 * tests/panics.cfg has.
 */
#include "kernel/base/claim.h"
#include "kernel/base/cpumask.h"
#include "kernel/base/seams.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "kernel/task/sched.h"
#include "kernel/task/task.h"
#include "mm/space/uaccess.h"
#include "mm/tlb.h"
#include "tests/debug/locks/lock_check.h"
#include "tests/suites/cpus.h"

#define FUNCTION_MAX 0x200
#define NOINLINE __attribute__((noinline))

static struct spinlock frames = SPINLOCK(LOCK_FRAMES), vmap = SPINLOCK(LOCK_VMAP);
static struct spinlock more_frames = SPINLOCK(LOCK_FRAMES);
static struct claim report = CLAIM(LOCK_REPORT);
static struct sleep_lock mm = SLEEP_LOCK(LOCK_MM), ldt = SLEEP_LOCK(LOCK_LDT);

/* Calls fn, and expects a fault with this text, a glob, at places in two functions. */
static void expect_fault(struct selftest *t, void (*fn)(void), const char *text,
			 const void *held_in, const void *in)
{
	struct lock_fault f = { .at = 0 };

	lock_fault_caught = &f;
	fn();
	EXPECT(t, !lock_fault_caught, "a fault is found");
	lock_fault_caught = NULL;
	if (!EXPECT(t, glob_match(text, f.text), "its text"))
		selftest_note("found '%s', expected '%s'", f.text, text);
	if (held_in)
		EXPECT(t, f.held_at - (u64)held_in < FUNCTION_MAX, "where the held lock was taken");
	EXPECT(t, f.at - (u64)in < FUNCTION_MAX, "where the fault is");
}

/* ---- Orders ------------------------------------------------------------------------- */

static NOINLINE void take_frames_then_vmap(void)
{
	u64 flags = spin_lock(&frames);

	spin_unlock(&vmap, spin_lock(&vmap));
	spin_unlock(&frames, flags);
}

static void wrong_order(struct selftest *t)
{
	expect_fault(t, take_frames_then_vmap, "locks: found frames (taken at *+0x*), and vmap wanted "
		     "under it at *+0x*; expected the order of kernel/base/lock_rank.h",
		     take_frames_then_vmap, take_frames_then_vmap);
}

static NOINLINE void take_two_of_frames(void)
{
	u64 flags = spin_lock(&frames);

	spin_unlock(&more_frames, spin_lock(&more_frames));
	spin_unlock(&frames, flags);
}

static void two_of_one_rank(struct selftest *t)
{
	expect_fault(t, take_two_of_frames, "locks: found frames (taken at *+0x*), and frames wanted "
		     "under it at *+0x*", take_two_of_frames, take_two_of_frames);
}

static NOINLINE void take_ldt_then_mm(void)
{
	sleep_lock(&ldt);
	sleep_lock(&mm);
	sleep_unlock(&mm);
	sleep_unlock(&ldt);
}

static void wrong_order_of_sleep_locks(struct selftest *t)
{
	expect_fault(t, take_ldt_then_mm, "locks: found mm->ldt.lock (taken at *+0x*), and mm->lock "
		     "wanted under it at *+0x*", take_ldt_then_mm, take_ldt_then_mm);
}

/* A claim, since a spinlock would be waited for. */
static NOINLINE void claim_twice(void)
{
	u64 flags = interrupts_save();

	if (claim_try(&report) && !claim_try(&report))
		claim_drop(&report);
	interrupts_restore(flags);
}

static void same_lock_twice(struct selftest *t)
{
	expect_fault(t, claim_twice, "locks: found report taken twice: at *+0x*, and wanted again at *+0x*",
		     claim_twice, claim_twice);
}

static NOINLINE void take_without_rank(void)
{
	static struct spinlock lock;

	spin_unlock(&lock, spin_lock(&lock));
}

static void without_rank(struct selftest *t)
{
	expect_fault(t, take_without_rank, "locks: found a lock without a rank, at 0x*, wanted at *+0x*; "
		     "expected one of kernel/base/lock_rank.h", NULL, take_without_rank);
}

static NOINLINE void give_back_what_is_free(void)
{
	sleep_unlock(&mm);
}

static void not_held(struct selftest *t)
{
	sleep_lock(&mm); /* so that it is: but not by this name */
	lock_check_drop(&mm.check);
	expect_fault(t, give_back_what_is_free, "locks: found mm->lock given back at *+0x*, expected it "
		     "taken by this task", NULL, give_back_what_is_free);
}

/* All of a path's, in order; released in another. */
static NOINLINE void take_in_order(void)
{
	u64 flags;

	sleep_lock(&mm);
	sleep_lock(&ldt);
	flags = spin_lock(&vmap);
	spin_lock(&frames);
	spin_unlock(&vmap, 0);
	spin_unlock(&frames, flags);
	sleep_unlock(&mm);
	sched_yield();
	sleep_unlock(&ldt);
}

static void right_order(struct selftest *t)
{
	struct lock_fault f = { .at = 0 };

	lock_fault_caught = &f;
	take_in_order();
	if (!EXPECT(t, lock_fault_caught, "no fault is found"))
		selftest_note("found '%s'", f.text);
	lock_fault_caught = NULL;
}

/* ---- Sleeps ------------------------------------------------------------------------- */

static NOINLINE void put_task_under_spinlock(void)
{
	u64 flags = spin_lock(&frames);

	task_get(current_task());
	task_put(current_task());
	spin_unlock(&frames, flags);
}

static void may_sleep(struct selftest *t)
{
	expect_fault(t, put_task_under_spinlock, "locks: found frames (taken at *+0x*), and a sleep "
		     "under it at *+0x*; expected no spinlock held",
		     put_task_under_spinlock, task_put);
}

static NOINLINE void wait_under_mm(void)
{
	sleep_lock(&mm);
	sched_sleep_until(0);
	sleep_unlock(&mm);
}

static void wait_for_another(struct selftest *t)
{
	expect_fault(t, wait_under_mm, "locks: found mm->lock (taken at *+0x*), and a wait for another "
		     "task under it at *+0x*; expected none but for a lock",
		     wait_under_mm, sched_sleep_until);
}

static NOINLINE void take_mm_under_spinlock(void)
{
	u64 flags = spin_lock(&frames);

	sleep_lock(&mm);
	spin_unlock(&frames, flags);
	sleep_unlock(&mm);
}

static void sleep_lock_under_spinlock(struct selftest *t)
{
	expect_fault(t, take_mm_under_spinlock, "locks: found frames (taken at *+0x*), and mm->lock "
		     "under it at *+0x*; expected no spinlock held",
		     take_mm_under_spinlock, take_mm_under_spinlock);
}

static NOINLINE void copy_under_mm(void)
{
	sleep_lock(&mm);
	copy_from_user(NULL, 0, 0);
	sleep_unlock(&mm);
}

static void user_memory_under_mm(struct selftest *t)
{
	expect_fault(t, copy_under_mm, "locks: found mm->lock (taken at *+0x*), and mm->lock wanted "
		     "under it at *+0x*", copy_under_mm, copy_from_user);
}

static NOINLINE void leave_with_mm(void)
{
	sleep_lock(&mm);
	lock_check_none();
	sleep_unlock(&mm);
}

static void left_at_way_out(struct selftest *t)
{
	expect_fault(t, leave_with_mm, "locks: found mm->lock (taken at *+0x*) at the way out of the "
		     "kernel, expected it given back", leave_with_mm, leave_with_mm);
}

static const struct selftest_case cases[] = {
	{ "locks in their order, released in any, are no fault", right_order },
	{ "a wrong order is found, with both places", wrong_order },
	{ "two locks of one rank have no order", two_of_one_rank },
	{ "a wrong order of sleep locks is found", wrong_order_of_sleep_locks },
	{ "the same lock twice is found", same_lock_twice },
	{ "a lock without a rank is found", without_rank },
	{ "a lock that is given back by another is found", not_held },
	{ "what may sleep under a spinlock is found, if it does not this time", may_sleep },
	{ "a wait for another task under mm->lock is found", wait_for_another },
	{ "a sleep lock under a spinlock is found, though it is free", sleep_lock_under_spinlock },
	{ "user memory under mm->lock is found, though no page is missing", user_memory_under_mm },
	{ "a lock that is held at the way out of the kernel is found", left_at_way_out },
};
SELFTEST_SUITE(lock_check, cases);

/* ---- Panics ------------------------------------------------------------------------- */

static void panic_of_order(struct selftest *t __unused)
{
	take_frames_then_vmap();
}

static const struct selftest_case order_cases[] = {
	{ "a wrong order is a panic", panic_of_order },
};
SELFTEST_SUITE_THAT_PANICS(panic_lock_order, order_cases);

static void panic_of_lock_twice(struct selftest *t __unused)
{
	spin_lock(&frames);
	spin_lock(&frames);
}

static const struct selftest_case twice_cases[] = {
	{ "the same lock twice is a panic, and no hang", panic_of_lock_twice },
};
SELFTEST_SUITE_THAT_PANICS(panic_lock_twice, twice_cases);

static void panic_of_sleep(struct selftest *t __unused)
{
	spin_lock(&frames);
	schedule();
}

static const struct selftest_case sleep_cases[] = {
	{ "schedule() under a spinlock is a panic", panic_of_sleep },
};
SELFTEST_SUITE_THAT_PANICS(panic_lock_sleep, sleep_cases);

static void panic_of_shootdown(struct selftest *t __unused)
{
	spin_lock(&frames);
	tlb_flush_range(&cpus_online, 0, PAGE_SIZE);
}

static const struct selftest_case shootdown_cases[] = {
	{ "a TLB shootdown under a spinlock is a panic", panic_of_shootdown },
};
SELFTEST_SUITE_THAT_PANICS(panic_lock_shootdown, shootdown_cases);

static void panic_of_sleep_lock(struct selftest *t __unused)
{
	spin_lock(&frames);
	sleep_lock(&mm);
}

static const struct selftest_case sleep_lock_cases[] = {
	{ "a sleep lock under a spinlock is a panic", panic_of_sleep_lock },
};
SELFTEST_SUITE_THAT_PANICS(panic_lock_sleep_lock, sleep_lock_cases);
