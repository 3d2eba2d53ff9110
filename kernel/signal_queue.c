/*
 * Pending signals: a bit for each in a set, and behind the set a queue of what
 * is known of them.
 *
 * The entries are counted by the real uid of the process they were sent to, as
 * Linux counts them, against that process's RLIMIT_SIGPENDING.  Standard signals
 * that kill or the kernel sent are queued above it, too: there are at most 31 of
 * them in a set, so RLIMIT_NPROC bounds them.  A standard signal that finds no
 * memory is pending without its info, and so is any that kill sent; a real-time
 * one of any other code is refused, so that none is lost silently.
 */
#include "kernel/base/errno.h"
#include "kernel/pieces.h"
#include "kernel/process.h"
#include "kernel/signal_queue.h"

struct queued_signal {
	struct queued_signal *next;
	struct user *user; /* whose it is counted as: a hold */
	struct siginfo info;
};
static_assert(sizeof(struct queued_signal) <= PIECE_SIZE, "an entry is a piece");

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
	q->next = NULL;
	q->user = user_hold(u);
	q->info = *info;
	return q;
}

/* Takes q, which comes after `before` (NULL: nothing), out of the queue. */
static void drop(struct signal_queue *queue, struct queued_signal *before,
		 struct queued_signal *q)
{
	if (before)
		before->next = q->next;
	else
		queue->first = q->next;
	if (queue->last == q)
		queue->last = before;
	q->user->signals--;
	user_put(q->user);
	piece_free(q);
	used--;
}

unsigned signal_queue_used(void)
{
	return used;
}

int signal_queue_add(u64 *pending, struct signal_queue *queue, struct process *to,
		     const struct siginfo *info)
{
	bool real_time = info->signo >= SIGRTMIN;
	struct queued_signal *q = NULL;

	if (!real_time && (*pending & SIGNAL_BIT(info->signo)))
		return 0;
	if (info->signo != SIGKILL)
		q = alloc(to, info);
	if (!q && real_time && info->code != SI_USER)
		return -EAGAIN;
	*pending |= SIGNAL_BIT(info->signo);
	if (!q)
		return 0;
	if (queue->first)
		queue->last->next = q;
	else
		queue->first = q;
	queue->last = q;
	return 0;
}

static bool has_another(const struct queued_signal *q, int signal)
{
	while (q && q->info.signo != signal)
		q = q->next;
	return q;
}

void signal_queue_take(u64 *pending, struct signal_queue *queue, int signal,
		       struct siginfo *info)
{
	struct queued_signal *before = NULL, *q = queue->first;

	while (q && q->info.signo != signal) {
		before = q;
		q = q->next;
	}
	if (!q || !has_another(q->next, signal))
		*pending &= ~SIGNAL_BIT(signal);
	if (!q) { /* as if process 0 had sent it */
		*info = (struct siginfo){ .signo = signal };
		return;
	}
	*info = q->info;
	drop(queue, before, q);
}

void signal_queue_flush(u64 *pending, struct signal_queue *queue, u64 signals)
{
	struct queued_signal *before = NULL, *q = queue->first;

	*pending &= ~signals;
	while (q) {
		struct queued_signal *next = q->next;

		if (signals & SIGNAL_BIT(q->info.signo))
			drop(queue, before, q);
		else
			before = q;
		q = next;
	}
}
