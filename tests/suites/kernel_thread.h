/*
 * The end of a kernel thread: the tests' own end, the kernel's never do.
 */
#ifndef TESTS_SUITES_KERNEL_THREAD_H
#define TESTS_SUITES_KERNEL_THREAD_H

#include "kernel/task/task.h"

/* Ends the current kernel thread with a status for task_wait().  Task context. */
__noreturn void task_exit(int status);

/* Waits until it has ended, gives back the hold, and returns the status.  Task context. */
int task_wait(struct task *t);

#endif
