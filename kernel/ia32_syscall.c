/*
 * From i386's three ways in to a system call.
 *
 *            number  1    2    3    4    5    6            returns to
 *   INT 0x80  eax   ebx  ecx  edx  esi  edi  ebp           behind it
 *   SYSENTER  eax   ebx  ecx  edx  esi  edi  word at ebp   landing pad
 *   SYSCALL   eax   ebx  ebp  edx  esi  edi  word at esp   landing pad
 *
 * The last two lose registers, so that only the code in the vDSO page
 * (kernel/linux/ia32_vdso.asm) uses them well; but anybody can execute them, with
 * anything in EBP and ESP.  Here they are made to look as if the page's INT 0x80
 * had been executed.  A process without the page, a 64-bit one, cannot be
 * returned to, and gets SIGSEGV.
 *
 * A 64-bit program's INT 0x80 means the same numbers, and the low halves of its
 * registers.  Results are as long as the call makes them: RAX of such a program
 * shows the sign of an errno in all 64 bits, as on Linux.
 * Read next: kernel/linux/calls/table.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/nospec.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stack_poison.h"
#include "kernel/base/x86.h"
#include "kernel/ia32_syscall.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/ia32_vdso.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/ptrace.h"
#include "kernel/linux/process/to_user.h"
#include "mm/space/uaccess.h"

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
	struct pt_regs args; /* the six of them; nobody looks at the rest */
	u64 nr;

	regs->orig_ax = (u32)regs->ax;
	this_cpu_inc(syscalls);
	interrupts_on();
	stack_poison();
	if (likely((u8)regs->vector == VEC_INT80))
		regs->vector = VEC_INT80;
	else if (!as_if_by_int80(regs))
		goto out;
	nr = regs->orig_ax;
	if (unlikely(!array_index_take(&nr, NR_IA32_SYSCALLS)) || unlikely(!ia32_syscall_table[nr])) {
		regs->ax = (u64)syscall_unknown();
		goto out;
	}
	args.di = (u32)regs->bx;
	args.si = (u32)regs->cx;
	args.dx = (u32)regs->dx;
	args.r10 = (u32)regs->si;
	args.r8 = (u32)regs->di;
	args.r9 = (u32)regs->bp;
	regs->ax = (u64)ia32_syscall_table[nr](&args);
out:
	exit_work_before_user(regs);
	if (unlikely(regs->flags & RFLAGS_TF))
		while (ptrace_step_over_call())
			exit_work_before_user(regs);
}
