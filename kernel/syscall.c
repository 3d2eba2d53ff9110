/*
 * From the entry code to a system call and back: table, dispatch, and the
 * decision whether SYSRET may be used.
 *
 * SYSRET takes RIP from RCX and RFLAGS from R11, and on Intel's processors
 * faults in ring 0, on the user's stack, if RCX is not canonical
 * (CVE-2012-0217).  So it is used only when it restores exactly what pt_regs
 * say, and RIP is in the user half; for all else there is IRET.
 * Called through the vault's do_syscall.  Read next: kernel/sys_*.c.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/nospec.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stack_poison.h"
#include "kernel/exit_work.h"
#include "kernel/ptrace.h"
#include "kernel/syscall.h"

static long (*const table[])(struct pt_regs *) = {
#define SYSCALL(nr, name) [nr] = sys_##name,
#include "kernel/syscall_list.h"
#undef SYSCALL
};

__attribute__((cold)) long syscall_unknown(void)
{
	this_cpu()->syscalls_unknown++;
	return -ENOSYS;
}

u64 syscall_unknown_count(void)
{
	u64 n = 0;

	for_each_cpu(cpu, &cpus_online)
		n += VAULT_OF(cpu)->syscalls_unknown;
	return n;
}

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
	if (likely(array_index_take(&nr, ARRAY_SIZE(table))) && likely(table[nr] != NULL))
		regs->ax = (u64)table[nr](regs);
	else
		regs->ax = (u64)syscall_unknown();
	exit_work_before_user(regs);
	return sysret_will_do(regs);
}
