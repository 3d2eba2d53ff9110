/*
 * From the entry code to a system call and back, for both architectures.
 *
 * 64-bit code comes by SYSCALL.  SYSRET takes RIP from RCX and RFLAGS from R11, and
 * Intel's processors fault in ring 0, on the user's stack, if RCX is not canonical
 * (CVE-2012-0217).  So SYSRET is used only where it restores exactly what pt_regs say
 * and RIP is in the user half; IRET does all else.  What SYSCALL itself has left there is
 * so, USER_END being a page below the end: others are signals' and tracers', which is work
 * before user mode, and those of rt_sigreturn and execve, which leave by IRET.
 *
 * i386's calls come in three ways:
 *
 *            number  1    2    3    4    5    6            returns to
 *   INT 0x80  eax   ebx  ecx  edx  esi  edi  ebp           behind it
 *   SYSENTER  eax   ebx  ecx  edx  esi  edi  word at ebp   landing pad
 *   SYSCALL   eax   ebx  ebp  edx  esi  edi  word at esp   landing pad
 *
 * The last two lose registers, so only the code in the vDSO page
 * (arch/vdso/ia32_vdso.asm) can use them well; but any program can execute them,
 * with anything in EBP and ESP.  They are made to look as if the page's INT 0x80 had
 * been executed.  A process without the page, a 64-bit one, has no landing pad to
 * return to, and gets SIGSEGV.
 *
 * A 64-bit program's INT 0x80 means the same numbers, and the low halves of its
 * registers.  Results are as long as the call makes them: RAX of such a program
 * shows the sign of an errno in all 64 bits, as on Linux.
 * Read next: kernel/linux/calls/table.c.
 */
#include "arch/vdso/ia32_vdso.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/nospec.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stack_poison.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/signal/send.h"
#include "kernel/syscall.h"
#include "kernel/trace/tracee.h"
#include "mm/space/uaccess.h"

/* RF and TF: SYSRET would restore them too late or not at all. */
static bool sysret_will_do(struct pt_regs *regs)
{
	u64 ip = regs->ip, flags = regs->flags;

	if (unlikely(flags & (RFLAGS_RF | RFLAGS_TF))) {
		exit_work_of_step(regs);
		return false;
	}
	return likely(ip == regs->cx) && likely(ip >> 47 == 0) && likely(flags == regs->r11) &&
	       likely(regs->cs == SEL_USER_CS) && likely(regs->ss == SEL_USER_DS);
}

bool do_syscall(struct pt_regs *regs)
{
	/* Linux looks at the low 32 bits only. */
	u64 nr = array_index_or_end((u32)regs->orig_ax, NR_SYSCALLS);

	stretch_enter();
	this_cpu_inc(syscalls);
	interrupts_on();
	stack_poison();
	regs->ax = (u64)syscall_table[nr](regs);
	if (unlikely(exit_work_before_user(regs)) ||
	    unlikely(regs->flags & (RFLAGS_RF | RFLAGS_TF)))
		return sysret_will_do(regs);
	return likely(regs->ip == regs->cx);
}

/* After SYSENTER or SYSCALL; false: there will be no system call. */
static bool as_if_by_int80(struct pt_regs *regs)
{
	virt_addr_t landing_pad = ia32_vdso_landing_pad(current_task()->mm);
	u32 sixth;

	if (!landing_pad) {
		regs->ax = (u64)-ENOSYS;
		signal_force_fault(SIGSEGV, SI_KERNEL, 0, VEC_GP, 0);
		return false;
	}
	regs->ip = landing_pad;
	if (regs->vector == VEC_SYSCALL32)
		regs->cx = regs->bp;
	if (copy_from_user(&sixth, (u32)regs->sp, sizeof(sixth))) {
		regs->ax = (u64)-EFAULT;
		return false;
	}
	regs->bp = (regs->bp & ~0xffffffffULL) | sixth;
	return true;
}

void ia32_do_syscall(struct pt_regs *regs)
{
	struct pt_regs args; /* the six arguments; no call looks at the rest */

	regs->orig_ax = (u32)regs->ax;
	this_cpu_inc(syscalls);
	interrupts_on();
	stack_poison();
	if (likely((u8)regs->vector == VEC_INT80))
		regs->vector = VEC_INT80;
	else if (!as_if_by_int80(regs))
		goto out;
	if (unlikely(current_thread()->trace.calls) && !ptrace_stop_at_call(regs))
		goto out;
	args.di = (u32)regs->bx;
	args.si = (u32)regs->cx;
	args.dx = (u32)regs->dx;
	args.r10 = (u32)regs->si;
	args.r8 = (u32)regs->di;
	args.r9 = (u32)regs->bp;
	regs->ax =
		(u64)ia32_syscall_table[array_index_or_end(regs->orig_ax, NR_IA32_SYSCALLS)](&args);
out:
	if (unlikely(current_thread()->trace.in_call))
		ptrace_call_ends();
	exit_work_before_user(regs);
	if (unlikely(regs->flags & RFLAGS_TF))
		exit_work_of_step(regs);
}
