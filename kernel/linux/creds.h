/*
 * Credentials: how a process changes its users and groups, and what these let it do to
 * other processes.
 */
#ifndef KERNEL_LINUX_CREDS_H
#define KERNEL_LINUX_CREDS_H

#include "kernel/linux/tree.h"

/*
 * The current process takes new credentials.  0, or -EAGAIN: no memory for a new
 * user, nothing has changed.  process_lock is held, and has been since the old
 * ones were read.
 */
int creds_change(const struct ids *new);

/*
 * The current process has just execed: the saved ids become the effective ones,
 * and its new memory may be traced unless it runs with another's rights or may
 * not read its own program.  process_lock is held.
 */
void creds_exec(bool readable);

/*
 * What the current process may do to another, or to itself: send it a signal;
 * attach to it and learn addresses of its memory; change its limits; change how
 * its threads are scheduled.  process_lock is held.
 */
bool creds_may_signal(const struct process *p, int signal);
bool creds_may_trace(const struct process *p);
bool creds_may_limit(const struct process *p);
bool creds_may_schedule(const struct process *p);

/*
 * The current process asks `parent` to trace it: may that process get all that the current
 * one can do?  process_lock is held.
 */
bool creds_may_trace_child(const struct process *parent);

#endif
