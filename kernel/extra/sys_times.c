/*
 * times(): processor time in hundredths of a second, all the program's own, as in getrusage().
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/task/sched.h"

#define TICK_NS (NSEC_PER_SEC / 100)

/* Written as tms_utime, tms_stime, tms_cutime, tms_cstime; the result counts from the boot. */
long sys_times(struct pt_regs *regs)
{
	const struct process *p = current_process();
	u64 words[4] = { sched_group_run_ns(&p->run_ns) / TICK_NS };

	SPIN_SCOPE(&process_lock)
		words[2] = p->children_run_ns / TICK_NS;
	if (regs->di && abi_write_words(regs->di, words, 4, abi_width()))
		return -EFAULT;
	return (long)(clock_ns() / TICK_NS);
}
