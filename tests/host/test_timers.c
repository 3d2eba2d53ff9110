/*
 * Test of kernel/base/timers.c: random additions and removals, and after them the heap's
 * rules, its depth, and the order in which all come out.
 */
#include "kernel/base/timers.h"
#include "tests/host/host.h"

#define TIMERS 4095
#define STEPS 100000
#define DEEPEST 12 /* log2(TIMERS + 1) */

static struct timer timers[TIMERS];
static struct timer *set;
static unsigned in_set;

static u32 rank_of(const struct timer *t)
{
	return t ? t->rank : 0;
}

/* How many there are below and with t, each of which must be as the rules say. */
static unsigned count(const struct timer *t, const struct timer *up)
{
	if (!t)
		return 0;
	CHECK(t->up == up);
	CHECK(!up || up->when <= t->when);
	CHECK(rank_of(t->left) >= rank_of(t->right));
	CHECK_EQ(t->rank, rank_of(t->right) + 1);
	return 1 + count(t->left, t) + count(t->right, t);
}

static void check_set(void)
{
	unsigned depth = 0;

	CHECK_EQ(count(set, NULL), in_set);
	for (const struct timer *t = set; t; t = t->right)
		depth++;
	CHECK(depth <= DEEPEST);
}

static void add(struct timer *t, u64 when)
{
	CHECK(!timers_has(t));
	t->when = when;
	timers_add(&set, t);
	CHECK(timers_has(t));
	in_set++;
}

static void take_away(struct timer *t)
{
	timers_remove(&set, t);
	CHECK(!timers_has(t));
	in_set--;
}

static void check_order(void)
{
	u64 last = 0;

	while (set) {
		struct timer *t = set;

		CHECK(t->when >= last);
		last = t->when;
		take_away(t);
	}
	CHECK_EQ(in_set, 0);
}

/* Of few times, so that many are equal, or of many. */
static void change(u64 times)
{
	for (int i = 0; i < STEPS; i++) {
		struct timer *t = &timers[host_random() % TIMERS];

		if (timers_has(t))
			take_away(t);
		else
			add(t, host_random() % times);
		if (i % 1000 == 0)
			check_set();
	}
	check_set();
	check_order();
}

static void test_random(void)
{
	change(10);
	change(1000000);
}

/* All that come in order, either way. */
static void test_sorted(void)
{
	for (unsigned i = 0; i < TIMERS; i++)
		add(&timers[i], i);
	check_set();
	check_order();
	for (unsigned i = 0; i < TIMERS; i++)
		add(&timers[i], TIMERS - i);
	check_set();
	check_order();
}

const struct host_case host_cases[] = {
	{ "random additions and removals", test_random },
	{ "those that come in order", test_sorted },
	{ NULL, NULL }
};
