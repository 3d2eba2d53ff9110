/*
 * A set of timers is a leftist heap: a binary tree in which no timer is earlier than
 * the one above it, and the way down by right children, whose length + 1 is the rank,
 * is the shortest way out.  It has at most log2(n + 1) steps, and all that is done
 * here goes along such ways: programs choose how many timers there are, and the lock
 * of the set is held with interrupts off.
 */
#include "kernel/base/timers.h"

static u32 rank_of(const struct timer *t)
{
	return t ? t->rank : 0;
}

/* Puts the shorter way right and the rank in order; false: the rank was so. */
static bool settle(struct timer *t)
{
	u32 rank;

	if (rank_of(t->left) < rank_of(t->right)) {
		struct timer *left = t->left;

		t->left = t->right;
		t->right = left;
	}
	rank = rank_of(t->right) + 1;
	if (rank == t->rank)
		return false;
	t->rank = rank;
	return true;
}

/* One heap of two, its root without `up`. */
static struct timer *merge(struct timer *a, struct timer *b)
{
	struct timer *root = NULL, *last = NULL, **at = &root;

	while (a || b) {
		struct timer *t = !a || (b && b->when < a->when) ? b : a;

		*at = t;
		t->up = last;
		if (!a || !b)
			break;
		if (t == a)
			a = t->right;
		else
			b = t->right;
		last = t;
		at = &t->right;
	}
	for (; last; last = last->up)
		settle(last);
	return root;
}

void timers_add(struct timer **set, struct timer *t)
{
	t->left = t->right = NULL;
	t->rank = 1;
	*set = merge(*set, t);
}

void timers_remove(struct timer **set, struct timer *t)
{
	struct timer *up = t->up, *rest = merge(t->left, t->right);

	if (!up)
		*set = rest;
	else if (up->left == t)
		up->left = rest;
	else
		up->right = rest;
	if (rest)
		rest->up = up;
	while (up && settle(up))
		up = up->up;
	*t = (struct timer){ .when = t->when };
}
