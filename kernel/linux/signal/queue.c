/*
 * Pending signals: a set has a bit for each, and each has a ring of what is known of it.
 * Programs choose how many entries there are, and process_lock is held with interrupts
 * off: so adding one, taking one, and taking out all of a signal are one step each.
 *
 * As on Linux, an entry counts for the real uid of the process that it was sent to,
 * against the RLIMIT_SIGPENDING of that process.  Standard signals of kill and of the
 * kernel are queued above the limit, too: a set has at most 31 of them, so RLIMIT_NPROC
 * bounds them.  Without memory, a standard signal and any signal of kill is pending
 * without its info; any other real-time signal is refused, so none is lost silently.
 */
#include "kernel/base/errno.h"
#include "kernel/linux/signal/queue.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/linux/tree.h"
#include "kernel/task/sched.h"
#include "mm/space/pieces.h"

struct queued_signal {
	struct queued_signal *next; /* the last one's is the first */
	struct user *user;          /* for whom it counts: a hold */
	struct siginfo info;
};
static_assert(sizeof(struct queued_signal) <= PIECE_SIZE, "an entry is a piece");

/* Signals that an instruction raises go first. */
#define SIGNALS_SYNCHRONOUS                                                                    \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

#define RELEASED_AT_ONCE 64

static unsigned used;

static struct queued_signal *alloc(const struct process *to, const struct siginfo *info)
{
	bool above_limit = info->signo < SIGRTMIN && info->code >= 0;
	struct user *u = to->user;
	struct queued_signal *q = NULL;

	if (above_limit || u->signals < to->limits[LIMIT_SIGPENDING].soft)
		q = piece_alloc();
	if (!q)
		return NULL;
	used++;
	u->signals++;
	q->user = user_hold(u);
	q->info = *info;
	return q;
}

/* `last` ends a ring that is not *ring. */
static void join_rings(struct queued_signal **ring, struct queued_signal *last)
{
	if (*ring) {
		struct queued_signal *first = (*ring)->next;

		(*ring)->next = last->next;
		last->next = first;
	}
	*ring = last;
}

/* NULL: the ring is empty. */
static struct queued_signal *take_first(struct queued_signal **ring)
{
	struct queued_signal *first = *ring ? (*ring)->next : NULL;

	if (first == *ring)
		*ring = NULL;
	else
		(*ring)->next = first->next;
	return first;
}

static void release(struct queued_signal *q)
{
	q->user->signals--;
	user_put(q->user);
	piece_free(q);
	used--;
}

unsigned signal_queue_used(void)
{
	return used;
}

int signal_queue_add(struct pending_signals *pending, struct process *to,
		     const struct siginfo *info)
{
	bool real_time = info->signo >= SIGRTMIN;
	struct queued_signal *q = NULL;

	if (!real_time && (pending->set & SIGNAL_BIT(info->signo)))
		return 0;
	if (info->signo != SIGKILL)
		q = alloc(to, info);
	if (!q && real_time && info->code != SI_USER)
		return -EAGAIN;
	/* Before the sender looks who blocks it: signal_set_blocked() and deferred C do the
	 * reverse. */
	__atomic_fetch_or(&pending->set, SIGNAL_BIT(info->signo), __ATOMIC_SEQ_CST);
	if (to->facts)
		__atomic_fetch_add(&to->facts->signals_sent, 1, __ATOMIC_SEQ_CST);
	if (!q)
		return 0;
	q->next = q;
	join_rings(&pending->last[info->signo - 1], q);
	return 0;
}

int signal_queue_take(struct pending_signals *pending, u64 signals, struct siginfo *info)
{
	u64 urgent = signals & SIGNALS_SYNCHRONOUS;
	unsigned i = (unsigned)__builtin_ctzll(urgent ? urgent : signals);
	struct queued_signal *q = take_first(&pending->last[i]);

	if (!pending->last[i])
		pending->set &= ~BIT(i);
	if (likely(q)) {
		*info = q->info;
		release(q);
	} else { /* as if process 0 had sent it */
		*info = (struct siginfo){ .signo = (int)i + 1 };
	}
	return (int)i + 1;
}

void signal_queue_take_out(struct pending_signals *pending, u64 signals,
			   struct queued_signal **ring)
{
	u64 there = pending->set & signals;

	pending->set &= ~signals;
	for (; there; there &= there - 1) {
		struct queued_signal **last = &pending->last[__builtin_ctzll(there)];

		if (*last)
			join_rings(ring, *last);
		*last = NULL;
	}
}

bool signal_queue_release(struct queued_signal **ring)
{
	for (unsigned i = 0; *ring && i < RELEASED_AT_ONCE; i++)
		release(take_first(ring));
	return *ring;
}

void signal_queue_release_all(struct queued_signal *ring)
{
	bool more = ring;

	while (more) {
		SPIN_SCOPE(&process_lock)
			more = signal_queue_release(&ring);
		sched_point();
	}
}
