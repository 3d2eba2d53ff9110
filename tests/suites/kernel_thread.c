/* The end of a kernel thread: see tests/suites/kernel_thread.h. */
#include "kernel/task/sched.h"
#include "tests/suites/kernel_thread.h"

void task_exit(int status)
{
	current_task()->status = status;
	sched_exit();
}

int task_wait(struct task *t)
{
	int status;

	sched_wait_for_exit(t);
	status = t->status;
	task_put(t);
	return status;
}
