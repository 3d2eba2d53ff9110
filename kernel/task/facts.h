/*
 * What threads and processes may know of themselves without the kernel (pti=deferred):
 * written where it changes, read by entry/deferred/calls.c.  Without pti=deferred none of
 * these does anything, and the first two succeed.
 */
#ifndef KERNEL_TASK_FACTS_H
#define KERNEL_TASK_FACTS_H

#include "entry/deferred/pti_page.h"
#include "kernel/task/task.h"

/* A page for a process that is being made; facts_drop() frees it.  False: no memory. */
bool facts_make(struct process_facts **facts);
void facts_drop(struct process_facts *facts);

/*
 * A PTI stack for a task that is being made, where its pt_regs are from then on; it is
 * freed with the task.  False: no memory.
 */
bool facts_make_stack(struct task *t);

/* t has another number.  process_lock is held, or nobody else has t. */
void facts_tell_number(const struct task *t);

/* Does a tracer see t's calls?  t does not run. */
void facts_tell_traced(const struct task *t, bool traced);

/* t may run on other CPUs.  Context: any. */
void facts_tell_affinity(const struct task *t);

#endif
