/*
 * What is due before a return to user mode: another task's turn, signals.
 */
#ifndef KERNEL_LINUX_PROCESS_TO_USER_H
#define KERNEL_LINUX_PROCESS_TO_USER_H

#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stretch.h"

/*
 * Does what is due, which may change *regs, or never return.  Comes back with
 * interrupts off and nothing due.  Context: task stack, on the way to user
 * mode with *regs.
 */
void exit_work_do(struct pt_regs *regs);

/* The same; true: something was due, and *regs may be others. */
static inline bool exit_work_before_user(struct pt_regs *regs)
{
	bool due;

	interrupts_off();
	due = this_cpu_test(work_due);
	if (unlikely(due))
		exit_work_do(regs);
	lock_check_none();
	stretch_leave();
	return due;
}

/*
 * Behind a system call with TF set, and all that was due: a tracer may have stepped over it.
 * Its stop, and what it asks for.  Context: as above.
 */
void exit_work_of_step(struct pt_regs *regs);

/*
 * Ends a system call whose thread has registers that are not a call's any more, but those of
 * a signal frame or of a new program: by IRET, since SYSRET must not be asked for what
 * SYSCALL did not leave (kernel/syscall.c).  Context: as exit_work_do().
 */
__noreturn void exit_to_new_registers(void);

#endif
