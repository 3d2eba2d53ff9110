/*
 * The loop before user mode: the flag work_due of this CPU says that there may
 * be something, need_resched and the task's own work_due say what.  Each may
 * be set again, from an interrupt or another CPU, until interrupts are off and
 * the flag is found clear.
 */
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/task/sched.h"

void exit_work_do(struct pt_regs *regs)
{
	while (this_cpu_test(work_due)) {
		this_cpu()->work_due = false;
		if (this_cpu_test(need_resched))
			schedule(); /* perhaps on another CPU from here */
		if (current_thread()->work_due) {
			interrupts_on();
			if (process_must_leave())
				process_exit_thread(0);
			signal_deliver(regs);
			interrupts_off();
		}
	}
}
