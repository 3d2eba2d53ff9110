/*
 * Sets of pending signals with what is known of each, for the files on signals alone.
 * All of it under process_lock.
 */
#ifndef KERNEL_LINUX_SIGNAL_QUEUE_H
#define KERNEL_LINUX_SIGNAL_QUEUE_H

#include "kernel/linux/signal/signal.h"

/*
 * Adds a signal to a set of `to` or its threads, behind those that are there.  A
 * standard signal that is pending already is not added again.  0, or -EAGAIN: a
 * real-time signal for which there is no memory, or no room within the
 * RLIMIT_SIGPENDING of its process.
 */
int signal_queue_add(struct pending_signals *pending, struct process *to,
		     const struct siginfo *info);

/*
 * Which of these signals, each of them pending, is to be taken first; its first entry into
 * *info.  It stays pending if there are more.
 */
int signal_queue_take(struct pending_signals *pending, u64 signals, struct siginfo *info);

/*
 * None of these signals is pending any more; what was known of them goes to *ring
 * (NULL at first).  The other function gives back up to 64 of a ring; true: there
 * are more.
 */
void signal_queue_take_out(struct pending_signals *pending, u64 signals,
			   struct queued_signal **ring);
bool signal_queue_release(struct queued_signal **ring);

/* All of a ring, in pieces: process_lock must not be held. */
void signal_queue_release_all(struct queued_signal *ring);

/* Entries that are in use, for the tests. */
unsigned signal_queue_used(void);

#endif
