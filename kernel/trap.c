/*
 * What becomes of each trap: the kernel goes on, the program gets a signal, or the
 * kernel panics.
 *
 *   exception, user mode    a page, or a signal: kernel/linux/calls/exception.c
 *   exception, kernel mode  in a copy from or to user memory that mm_fault() handles:
 *                           go on; in an instruction of the exception table: go on at
 *                           its fixup; anywhere else: our bug, panic
 *   interrupt               its handler, from either mode
 *   NMI, #DB, #DF, #MC      in kernel mode these arrive at any instruction, come to
 *                           do_paranoid() and touch nothing but their own stack
 *
 * The gate calls do_trap() and do_paranoid() with interrupts off; both return so.
 * Read next: entry/interrupt.asm, kernel/debug/panic.c.
 */
#include "arch/machine/apic.h"
#include "arch/machine/ipi_call.h"
#include "arch/machine/smp.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/debug/names.h"
#include "kernel/debug/panic.h"
#include "kernel/debug/watchdog.h"
#include "kernel/files/tty.h"
#include "kernel/linux/calls/exception.h"
#include "kernel/linux/process/alarm.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/syscall.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"

/*
 * __noinline, below: what a function saves on the stack is for its own path, and not
 * for the system calls and exceptions that take another.
 */

bool (*trap_paranoid_hook)(struct pt_regs *regs);

/* ---- Exceptions from kernel mode --------------------------------------------- */

static bool fixup(struct pt_regs *regs)
{
	u64 to = extable_find(regs->ip);

	if (!to)
		return false;
	regs->ip = to;
	this_cpu()->fixup_flags = regs->flags;
	__atomic_fetch_add(&extable_hits, 1, __ATOMIC_RELAXED);
	return true;
}

/* A copy to or from user memory faults in what the program has not touched. */
static bool user_copy_fault(const struct pt_regs *regs, u64 cr2)
{
	struct mm *mm = this_cpu()->mm;
	enum fault_verdict v;

	if (!mm || cr2 >= USER_END || !(regs->flags & RFLAGS_IF) || !extable_find(regs->ip))
		return false;
	if (uaccess_smap && !(regs->flags & RFLAGS_AC))
		return false;
	interrupts_on();
	do
		v = seam_long_work_point() ? FAULT_DIES : mm_fault(mm, cr2, regs->orig_ax);
	while (v == FAULT_OOM && oom_make_room(OOM_TOUCHES, 0));
	interrupts_off();
	return v == FAULT_HANDLED;
}

static __noinline void kernel_exception(struct pt_regs *regs, unsigned vector)
{
	u64 cr2 = read_cr2();

	if (vector == VEC_PF && user_copy_fault(regs, cr2))
		return;
	if ((vector == VEC_PF || vector == VEC_GP || vector == VEC_SS) && fixup(regs))
		return;
	panic_regs(regs, "%s in kernel mode, error %#lx, CR2 %#lx", trap_name(vector),
		   regs->orig_ax, cr2);
}

/* ---- Interrupts ---------------------------------------------------------------- */

/*
 * An interrupt between the STI and the HLT of the idle loop: resume behind the HLT, or
 * the CPU sleeps through what the interrupt wanted it to do (kernel/task/idle.asm).
 */
static void skip_halt(struct pt_regs *regs)
{
	if (regs->ip == (u64)idle_halt)
		regs->ip++;
}

static __noinline void interrupt(struct pt_regs *regs, unsigned vector)
{
	switch (vector) {
	case VEC_TIMER:
		apic_eoi();
		sched_tick();
		alarm_check_cpu(regs);
		watchdog_tick();
		tty_poll();
		break;
	case VEC_COM1:
		apic_eoi();
		tty_poll();
		break;
	case VEC_IPI_CALL:
		apic_eoi();
		smp_handle_call();
		break;
	case VEC_IPI_RESCHEDULE:
		apic_eoi();
		sched_set_need_resched();
		break;
	case VEC_SPURIOUS: break; /* not in service: no end-of-interrupt */
	default:
		apic_eoi(); /* no device of ours: counted, that is all */
		break;
	}
	if (user_mode(regs))
		exit_work_before_user(regs);
	else
		skip_halt(regs);
}

/* ---- NMI and machine check ------------------------------------------------------- */

static void nmi(const struct pt_regs *regs)
{
	/* There the processor must hold NMIs back: this frame lies over the first one's. */
	if (!user_mode(regs) && regs->ip == entry_labels.stubs + VEC_NMI * ENTRY_STUB_SIZE)
		panic_regs(regs, "NMI: found it on the first instruction of another's handler, "
				 "expected it to be held back");
	this_cpu()->nmis++;
	this_cpu()->ist_used = true;
	if (smp_stopping())
		for (;;)
			halt();
	nmi_reader(regs);
	if (user_mode(regs))
		stretch_leave(); /* not exit_work: NMIs are masked until the IRET */
}

static __noinline void machine_check(struct pt_regs *regs)
{
	u64 status = rdmsr(MSR_MCG_STATUS);

	wrmsr(MSR_MCG_STATUS, 0); /* MCIP: the next one would shut us down */
	log("cpu %u: machine check, MCG_STATUS %#lx, at ip %#lx\n", this_cpu()->cpu, status,
	    regs->ip);
	if (!user_mode(regs) && !(status & 1))
		panic_regs(regs, "machine check: found RIPV clear, cannot go on");
}

static __noinline void user_machine_check(struct pt_regs *regs)
{
	this_cpu()->ist_used = true;
	machine_check(regs);
	exception_from_user(regs, VEC_MC);
}

/*
 * INT 0x80, 32-bit SYSCALL and SYSENTER come through the trap's door, too.  The
 * last two have no vector; a stub's is sign-extended.
 */
static bool is_ia32_syscall(struct pt_regs *regs)
{
	if ((u8)regs->vector == VEC_INT80)
		return user_mode(regs);
	return regs->vector == VEC_SYSCALL32 || regs->vector == VEC_SYSENTER;
}

/*
 * A way out to user mode left the kernel PGD in CR3, and what user mode did first
 * was trapped: its fetch, since the user half is NX there (P2 of mm/pti.c).
 */
static __noreturn __noinline void switch_missed(const struct pt_regs *regs)
{
	panic_regs(regs,
		   "missed CR3 switch: user mode was entered on the kernel PGD; "
		   "%s, error %#lx, CR2 %#lx",
		   trap_name(regs->vector & 0xff), regs->orig_ax, read_cr2());
}

static __noinline void exception_or_interrupt(struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	__atomic_fetch_add(&trap_count[vector], 1, __ATOMIC_RELAXED);
	if (unlikely(this_cpu_test(user_kernel_cr3)) && pti_enabled && user_mode(regs))
		switch_missed(regs);
	if (vector == VEC_NMI)
		nmi(regs);
	else if (vector >= NR_EXCEPTIONS)
		interrupt(regs, vector);
	else if (!user_mode(regs))
		kernel_exception(regs, vector);
	else if (vector == VEC_MC)
		user_machine_check(regs);
	else
		exception_from_user(regs, vector);
}

void do_trap(struct pt_regs *regs)
{
	bool irqs_were_on = regs->flags & RFLAGS_IF;

	user_access_end();
	if (user_mode(regs))
		stretch_enter();
	else if (irqs_were_on)
		stretch_trap();
	if (is_ia32_syscall(regs))
		ia32_do_syscall(regs);
	else
		exception_or_interrupt(regs);
	if (!user_mode(regs) && irqs_were_on)
		stretch_irqs_on();
}

/* Kernel mode, any instruction, IST kernel stack. */
void do_paranoid(struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	user_access_end();
	this_cpu()->in_paranoid++;
	this_cpu()->ist_used = true;
	__atomic_fetch_add(&trap_count[vector], 1, __ATOMIC_RELAXED);
	if (vector == VEC_NMI)
		nmi(regs);
	if (!trap_paranoid_hook || !trap_paranoid_hook(regs)) {
		if (vector == VEC_MC)
			machine_check(regs);
		else if (vector == VEC_DB)
			debugreg_kernel_trap(current_task() ? &current_task()->user.debug : NULL);
		else if (vector != VEC_NMI)
			panic_regs(regs, "%s in kernel mode, error %#lx, CR2 %#lx",
				   trap_name(vector), regs->orig_ax, read_cr2());
	}
	this_cpu()->in_paranoid--;
}
