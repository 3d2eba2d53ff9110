/*
 * Pending signals: a bit for each in a set, and behind the set a list of what
 * is known of them, in the order in which they came.  The entries are from one
 * pool for all processes.  A standard signal for which the pool has no entry is
 * pending without its info, as in Linux; a real-time one is refused, so that
 * none is lost silently.  One process has at most QUEUED_MAX of them, and so
 * cannot use up the pool for the others alone.
 */
#include "kernel/base/errno.h"
#include "kernel/signal_queue.h"

#define POOL_SIZE 1024
#define QUEUED_MAX 256

struct queued_signal {
	struct queued_signal *next;
	struct siginfo info;
};

static struct queued_signal pool[POOL_SIZE];
static struct queued_signal *free_list;
static unsigned ever_used, used;

static struct queued_signal *pool_alloc(void)
{
	struct queued_signal *q = free_list;

	if (q)
		free_list = q->next;
	else if (ever_used < POOL_SIZE)
		q = &pool[ever_used++];
	if (q)
		used++;
	return q;
}

/* Unlinks *at. */
static void drop(struct queued_signal **at, unsigned *count)
{
	struct queued_signal *q = *at;

	*at = q->next;
	if (q->info.signo >= SIGRTMIN)
		--*count;
	q->next = free_list;
	free_list = q;
	used--;
}

unsigned signal_queue_used(void)
{
	return used;
}

int signal_queue_add(u64 *pending, struct queued_signal **queue, unsigned *count,
		     const struct siginfo *info)
{
	bool real_time = info->signo >= SIGRTMIN;
	struct queued_signal *q = NULL;

	if (!real_time && (*pending & SIGNAL_BIT(info->signo)))
		return 0;
	if (info->signo != SIGKILL && (!real_time || *count < QUEUED_MAX))
		q = pool_alloc();
	if (!q && real_time && info->code != SI_USER)
		return -EAGAIN;
	*pending |= SIGNAL_BIT(info->signo);
	if (!q)
		return 0;
	if (real_time)
		++*count;
	q->info = *info;
	q->next = NULL;
	while (*queue)
		queue = &(*queue)->next;
	*queue = q;
	return 0;
}

void signal_queue_take(u64 *pending, struct queued_signal **queue, unsigned *count,
		       int signal, struct siginfo *info)
{
	struct queued_signal **first = NULL, **at;
	bool more = false;

	for (at = queue; *at && !more; at = &(*at)->next) {
		if ((*at)->info.signo != signal)
			continue;
		if (first)
			more = true;
		else
			first = at;
	}
	if (!more)
		*pending &= ~SIGNAL_BIT(signal);
	if (!first) { /* as if process 0 had sent it */
		*info = (struct siginfo){ .signo = signal };
		return;
	}
	*info = (*first)->info;
	drop(first, count);
}

void signal_queue_flush(u64 *pending, struct queued_signal **queue, unsigned *count,
			u64 signals)
{
	*pending &= ~signals;
	while (*queue) {
		if (signals & SIGNAL_BIT((*queue)->info.signo))
			drop(queue, count);
		else
			queue = &(*queue)->next;
	}
}
