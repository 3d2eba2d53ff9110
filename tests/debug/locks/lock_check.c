/*
 * The debug build's check of every lock that is taken, against the order of
 * kernel/base/lock_rank.h, and of every place that may sleep.
 *
 * Each CPU has a stack of the locks of kind SPINS that it holds, each task one of
 * the others.  What is wanted must stand below all of both; what sleeps
 * is wanted only by a CPU that holds nothing that spins.  A fault is found on the
 * first run through the code, whether or not another CPU is there at that moment.
 *
 * A CPU's own stack is changed with interrupts off, a task's by itself, so neither
 * needs a lock.
 */
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "kernel/task/task.h"
#include "tests/debug/locks/lock_check.h"
#include "tests/debug/place_name.h"

#define PLACE ((u64)__builtin_return_address(0))

#define LOCK_NAME(rank, kind, name) [LOCK_##rank] = name,
static const char *const name_of[NR_LOCK_RANKS] = { LOCK_RANKS(LOCK_NAME) };
#define LOCK_KIND(rank, kind, name) [LOCK_##rank] = kind,
static const enum lock_kind kind_of[NR_LOCK_RANKS] = { LOCK_RANKS(LOCK_KIND) };

static struct lock_stack of_cpu[NR_CPUS], of_boot;
static bool off;

struct lock_fault *lock_fault_caught;

static bool is_off(void)
{
	return off || this_cpu()->in_paranoid;
}

static void fault(u64 held_at, u64 at, const char *fmt, ...) __printf_like(3, 4);
static void fault(u64 held_at, u64 at, const char *fmt, ...)
{
	struct lock_fault *caught = lock_fault_caught;
	char text[LOCK_FAULT_TEXT];
	va_list args;

	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	if (!caught) {
		panic("%s", text);
	}
	lock_fault_caught = NULL;
	strscpy(caught->text, text, sizeof(caught->text));
	caught->held_at = held_at;
	caught->at = at;
}

static struct lock_stack *stack_of(enum lock_kind kind)
{
	if (kind == SPINS)
		return &of_cpu[this_cpu()->cpu];
	return current_task() ? &current_task()->locks : &of_boot;
}

/* `lock`: NULL for one that might be taken. */
static void check_order(const struct lock_stack *s, const struct lock_check *lock,
			enum lock_rank rank, u64 at)
{
	for (unsigned i = 0; i < s->count; i++) {
		u64 held_at = s->held[i].place;
		const char *held = name_of[s->held[i].rank];

		if (s->held[i].lock == lock) {
			fault(held_at, at, "locks: found %s taken twice: at%s, and wanted again "
			      "at%s", held, PLACE_NAME(held_at), PLACE_NAME(at));
			return;
		}
		if (s->held[i].rank >= rank) {
			fault(held_at, at, "locks: found %s (taken at%s), and %s wanted under it at"
			      "%s; expected the order of kernel/base/lock_rank.h", held,
			      PLACE_NAME(held_at), name_of[rank], PLACE_NAME(at));
			return;
		}
	}
}

/* `but`: the one spinlock that may be held; or NULL. */
static bool check_sleep(const struct lock_check *but, const char *what, u64 at)
{
	const struct lock_stack *s = stack_of(SPINS);

	for (unsigned i = 0; i < s->count; i++)
		if (s->held[i].lock != but) {
			fault(s->held[i].place, at, "locks: found %s (taken at%s), and %s under it "
			      "at%s; expected no spinlock held", name_of[s->held[i].rank],
			      PLACE_NAME(s->held[i].place), what, PLACE_NAME(at));
			return false;
		}
	return true;
}

/* For what another task will do. */
static void check_wait(u64 at)
{
	const struct lock_stack *s = stack_of(SLEEPS);

	for (unsigned i = 0; i < s->count; i++)
		if (kind_of[s->held[i].rank] != WAITS) {
			fault(s->held[i].place, at, "locks: found %s (taken at%s), and a wait for "
			      "another task under it at%s; expected none but for a lock",
			      name_of[s->held[i].rank], PLACE_NAME(s->held[i].place),
			      PLACE_NAME(at));
			return;
		}
}

static void check(const struct lock_check *lock, enum lock_rank rank, u64 at)
{
	if (kind_of[rank] != SPINS && !check_sleep(NULL, name_of[rank], at))
		return;
	check_order(stack_of(SPINS), lock, rank, at);
	check_order(stack_of(SLEEPS), lock, rank, at);
}

void lock_check_end(void)
{
	off = true;
}

void lock_check_init(struct lock_check *lock, enum lock_rank rank)
{
	lock->rank = rank;
}

void lock_check_want(const struct lock_check *lock)
{
	if (is_off())
		return;
	if (lock->rank == LOCK_WITHOUT_RANK)
		fault(0, PLACE, "locks: found a lock without a rank, at %#lx, wanted at%s; "
		      "expected one of kernel/base/lock_rank.h", (u64)lock, PLACE_NAME(PLACE));
	else
		check(lock, lock->rank, PLACE);
}

void lock_check_got(const struct lock_check *lock)
{
	struct lock_stack *s = stack_of(kind_of[lock->rank]);

	if (is_off())
		return;
	if (s->count == LOCKS_DEEP) {
		fault(0, PLACE, "locks: found %u held, and %s taken at%s; expected fewer",
		      s->count, name_of[lock->rank], PLACE_NAME(PLACE));
		return;
	}
	s->held[s->count].lock = lock;
	s->held[s->count].rank = lock->rank;
	s->held[s->count].place = PLACE;
	s->count++;
}

void lock_check_drop(const struct lock_check *lock)
{
	struct lock_stack *s = stack_of(kind_of[lock->rank]);
	unsigned i = s->count;

	if (is_off())
		return;
	while (i > 0 && s->held[i - 1].lock != lock)
		i--;
	if (i == 0) {
		fault(0, PLACE, "locks: found %s given back at%s, expected it taken by this %s",
		      name_of[lock->rank], PLACE_NAME(PLACE), kind_of[lock->rank] == SPINS ? "cpu" : "task");
		return;
	}
	for (s->count--; i <= s->count; i++)
		s->held[i - 1] = s->held[i];
}

void might_sleep(void)
{
	if (!is_off())
		check_sleep(NULL, "a sleep", PLACE);
}

void might_wait(void)
{
	if (!is_off() && check_sleep(NULL, "a sleep", PLACE))
		check_wait(PLACE);
}

void might_wait_with(const struct lock_check *lock)
{
	if (!is_off() && check_sleep(lock, "a sleep", PLACE) && lock->rank != LOCK_SLEEP_GUARD)
		check_wait(PLACE);
}

void might_lock(enum lock_rank rank)
{
	if (!is_off())
		check(NULL, rank, PLACE);
}

void lock_check_none(void)
{
	const struct lock_stack *s = stack_of(SLEEPS);

	if (is_off() || !check_sleep(NULL, "the way out of the kernel", PLACE))
		return;
	if (s->count)
		fault(s->held[0].place, PLACE, "locks: found %s (taken at%s) at the way out of the "
		      "kernel, expected it given back", name_of[s->held[0].rank],
		      PLACE_NAME(s->held[0].place));
}
