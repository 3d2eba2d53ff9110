/*
 * From the entry code to a system call and back: dispatch, and the
 * decision whether SYSRET may be used.
 *
 * SYSRET takes RIP from RCX and RFLAGS from R11, and on Intel's processors
 * faults in ring 0, on the user's stack, if RCX is not canonical
 * (CVE-2012-0217).  So it is used only when it restores exactly what pt_regs
 * say, and RIP is in the user half; for all else there is IRET.
 * Read next: kernel/linux/calls/table.c.
 */
#include "kernel/base/insn.h"
#include "kernel/base/nospec.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stack_poison.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/process/ptrace.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/syscall.h"

/* RF and TF: SYSRET would restore them too late or not at all. */
static bool sysret_will_do(struct pt_regs *regs)
{
	u64 ip = regs->ip, flags = regs->flags;

	if (unlikely(flags & (RFLAGS_RF | RFLAGS_TF))) {
		while (ptrace_step_over_call())
			exit_work_before_user(regs);
		return false;
	}
	return likely(ip == regs->cx) && likely(ip >> 47 == 0) &&
	       likely(flags == regs->r11) &&
	       likely(regs->cs == SEL_USER_CS) && likely(regs->ss == SEL_USER_DS);
}

bool do_syscall(struct pt_regs *regs)
{
	/* Linux looks at the low 32 bits only. */
	u64 nr = (u32)regs->orig_ax;

	stretch_enter();
	this_cpu_inc(syscalls);
	interrupts_on();
	stack_poison();
	if (likely(array_index_take(&nr, NR_SYSCALLS)) && likely(syscall_table[nr] != NULL))
		regs->ax = (u64)syscall_table[nr](regs);
	else
		regs->ax = (u64)syscall_unknown();
	exit_work_before_user(regs);
	return sysret_will_do(regs);
}
