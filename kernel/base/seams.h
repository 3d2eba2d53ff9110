/*
 * The upward seams: the calls from a lower layer into a higher one, all of them here
 * (and the pointer panic_report, in kernel/base/log.h).  Everything else goes down as
 * arguments and comes up as results; scripts/check_layers.py sees to it.
 */
#ifndef KERNEL_BASE_SEAMS_H
#define KERNEL_BASE_SEAMS_H

#include "kernel/base/cpumask.h"
#include "kernel/base/types.h"

struct sleep_lock;
struct task;

/*
 * mm -> arch: runs fn(arg) on every online CPU of the set, this one included
 * if it is in it, and returns when all have.  Elsewhere it runs in an
 * interrupt.  Context: no spinlock held (asserted); interrupts either way.
 */
void seam_call_on_cpus(const struct cpumask *cpus, void (*fn)(void *), void *arg);

/*
 * mm -> tasks: the slow ways of kernel/base/sleep_lock.h.  Context: task
 * context, no spinlock held.
 */
void seam_sleep_lock_wait(struct sleep_lock *lock);
int seam_sleep_lock_wait_killable(struct sleep_lock *lock);
void seam_sleep_lock_hand_on(struct sleep_lock *lock);

/*
 * mm -> tasks: every loop whose length a program chooses calls it.  Lets other tasks
 * run if it is their turn.  True: the current task is about to die (SIGKILL, or
 * the end of its process), so the caller leaves undone what can be left undone
 * and returns -EINTR, which the program never sees.  Once true, it stays so: the
 * last work of a dying task must not depend on it.  Context: task context or
 * boot, no spinlock held.
 */
bool seam_long_work_point(void);

/*
 * mm -> processes: a limit of the current process, in bytes.  Kernel tasks have none,
 * nor has root of what it locks.  Any context.
 */
enum memory_limit { MEMORY_AS, MEMORY_DATA, MEMORY_STACK, MEMORY_LOCK };
u64 seam_memory_limit(enum memory_limit which);

/*
 * tasks -> processes: whose branches a task's are, for mitigations_switch(): those of
 * its user, if another process of that user may trace it, else its own process's; 0:
 * neither's.  Any context, while the task does not end; the credentials may change
 * meanwhile: then the next switch sees it.
 */
u64 seam_branch_owner(const struct task *t);

#endif
