/*
 * Decisions on traps: what mm/ or arch/ found out is turned here into going
 * on, a signal, or a panic.
 *
 *   from user mode     page faults that mm_fault() handles: go on; everything
 *                      else ends the process with Linux's signal number
 *   from kernel mode   a user address that mm_fault() handles: go on; an
 *                      instruction of the exception table: its fixup; else our
 *                      bug: panic
 *   IST events         in kernel mode they come through seam_do_paranoid(), at
 *                      any instruction, and touch nothing but their own stack
 *
 * Entered with interrupts off; seam_do_trap() returns with interrupts off.
 * Read next: entry/interrupt.asm, kernel/panic.c.
 */
#include "arch/apic.h"
#include "arch/smp.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/seams.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/trap.h"
#include "mm/uaccess.h"

bool (*trap_paranoid_hook)(struct pt_regs *regs);
u64 trap_count[NR_VECTORS];

static const struct {
	const char *name;
	int signal; /* from user mode; 0: none */
} exception[NR_EXCEPTIONS] = {
	[VEC_DE] = { "#DE", SIGFPE },   [VEC_DB] = { "#DB", SIGTRAP },
	[VEC_NMI] = { "NMI", 0 },       [VEC_BP] = { "#BP", SIGTRAP },
	[VEC_OF] = { "#OF", SIGSEGV },  [VEC_BR] = { "#BR", SIGSEGV },
	[VEC_UD] = { "#UD", SIGILL },   [VEC_NM] = { "#NM", SIGSEGV },
	[VEC_DF] = { "#DF", SIGSEGV },  [VEC_TS] = { "#TS", SIGSEGV },
	[VEC_NP] = { "#NP", SIGBUS },   [VEC_SS] = { "#SS", SIGBUS },
	[VEC_GP] = { "#GP", SIGSEGV },  [VEC_PF] = { "#PF", SIGSEGV },
	[VEC_MF] = { "#MF", SIGFPE },   [VEC_AC] = { "#AC", SIGBUS },
	[VEC_MC] = { "#MC", SIGBUS },   [VEC_XM] = { "#XM", SIGFPE },
	[VEC_VE] = { "#VE", SIGSEGV },  [VEC_CP] = { "#CP", SIGSEGV },
};

const char *trap_name(unsigned vector)
{
	if (vector >= NR_EXCEPTIONS)
		return "interrupt";
	return exception[vector].name ? exception[vector].name : "exception";
}

const char *signal_name(int signal)
{
	switch (signal) {
	case SIGILL: return "SIGILL";
	case SIGTRAP: return "SIGTRAP";
	case SIGABRT: return "SIGABRT";
	case SIGBUS: return "SIGBUS";
	case SIGFPE: return "SIGFPE";
	case SIGKILL: return "SIGKILL";
	case SIGSEGV: return "SIGSEGV";
	default: return "signal ?";
	}
}

/* ---- Exceptions from user mode ---------------------------------------------- */

static __noreturn void kill_current(const struct pt_regs *regs, unsigned vector,
				    int signal, u64 cr2)
{
	const struct task *t = current_task();

	if (t->quiet)
		task_exit(WAIT_STATUS(0, signal));
	if (vector == VEC_PF)
		log("%s[%d]: killed by %s: %s of %#lx at ip %#lx\n", t->name, t->pid,
		    signal_name(signal),
		    regs->orig_ax & PF_INSTR ? "fetch" :
		    regs->orig_ax & PF_WRITE ? "write" : "read", cr2, regs->ip);
	else
		log("%s[%d]: killed by %s: %s (error %#lx) at ip %#lx\n", t->name,
		    t->pid, signal_name(signal), trap_name(vector), regs->orig_ax,
		    regs->ip);
	task_exit(WAIT_STATUS(0, signal));
}

static void user_exception(struct pt_regs *regs, unsigned vector)
{
	u64 cr2 = read_cr2();

	if (vector == VEC_DB)
		write_dr6(0xffff0ff0);
	interrupts_on();
	if (vector == VEC_PF) {
		enum fault_verdict v = mm_fault(current_task()->mm, cr2, regs->orig_ax);

		if (v == FAULT_HANDLED)
			return;
		kill_current(regs, vector, v == FAULT_OOM ? SIGKILL : SIGSEGV, cr2);
	}
	kill_current(regs, vector, exception[vector].signal ?
		     exception[vector].signal : SIGSEGV, cr2);
}

/* ---- Exceptions from kernel mode --------------------------------------------- */

static bool fixup(struct pt_regs *regs)
{
	u64 to = extable_find(regs->ip);

	if (!to)
		return false;
	regs->ip = to;
	__atomic_fetch_add(&extable_hits, 1, __ATOMIC_RELAXED);
	return true;
}

/* A copy to or from user memory faults in what the program has not touched. */
static bool user_copy_fault(const struct pt_regs *regs, u64 cr2)
{
	struct mm *mm = this_cpu()->mm;
	bool handled;

	if (!mm || cr2 >= USER_END || !(regs->flags & RFLAGS_IF) || !extable_find(regs->ip))
		return false;
	if (uaccess_smap && !(regs->flags & RFLAGS_AC))
		return false;
	interrupts_on();
	handled = mm_fault(mm, cr2, regs->orig_ax) == FAULT_HANDLED;
	interrupts_off();
	return handled;
}

static void kernel_exception(struct pt_regs *regs, unsigned vector)
{
	u64 cr2 = read_cr2();

	if (vector == VEC_PF && user_copy_fault(regs, cr2))
		return;
	if ((vector == VEC_PF || vector == VEC_GP || vector == VEC_SS) && fixup(regs))
		return;
	panic_regs(regs, "%s in kernel mode, error %#lx, CR2 %#lx",
		   trap_name(vector), regs->orig_ax, cr2);
}

/* ---- Interrupts ---------------------------------------------------------------- */

static void interrupt(unsigned vector)
{
	switch (vector) {
	case VEC_TIMER:
		apic_eoi();
		seam_timer_tick();
		break;
	case VEC_IPI_CALL:
		apic_eoi();
		smp_handle_call();
		break;
	case VEC_IPI_RESCHEDULE:
		apic_eoi();
		this_cpu()->need_resched = true;
		break;
	case VEC_SPURIOUS:
		break; /* not in service: no end-of-interrupt */
	default:
		apic_eoi(); /* nobody's: counted, that is all */
		break;
	}
}

static void nmi(void)
{
	this_cpu()->nmis++;
	if (smp_stopping())
		for (;;)
			halt();
}

static void machine_check(struct pt_regs *regs)
{
	u64 status = rdmsr(MSR_MCG_STATUS);

	wrmsr(MSR_MCG_STATUS, 0); /* MCIP: the next one would shut us down */
	log("cpu %u: machine check, MCG_STATUS %#lx, at ip %#lx\n", this_cpu()->cpu,
	    status, regs->ip);
	if (!user_mode(regs) && !(status & 1))
		panic_regs(regs, "machine check: found RIPV clear, cannot go on");
}

void seam_do_trap(struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	uaccess_close();
	__atomic_fetch_add(&trap_count[vector], 1, __ATOMIC_RELAXED);
	if (vector == VEC_NMI)
		nmi();
	else if (vector >= NR_EXCEPTIONS)
		interrupt(vector);
	else if (!user_mode(regs))
		kernel_exception(regs, vector);
	else {
		if (vector == VEC_MC)
			machine_check(regs);
		user_exception(regs, vector);
	}
	/* In an NMI's handler NMIs are masked until the IRET: no schedule(). */
	if (user_mode(regs) && vector != VEC_NMI)
		sched_before_user();
}

/* Kernel mode, any instruction, IST kernel stack. */
void seam_do_paranoid(struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	uaccess_close();
	this_cpu()->in_paranoid++;
	__atomic_fetch_add(&trap_count[vector], 1, __ATOMIC_RELAXED);
	if (vector == VEC_NMI)
		nmi();
	if (!trap_paranoid_hook || !trap_paranoid_hook(regs)) {
		if (vector == VEC_MC)
			machine_check(regs);
		else if (vector == VEC_DB)
			write_dr6(0xffff0ff0);
		else if (vector != VEC_NMI)
			panic_regs(regs, "%s in kernel mode, error %#lx, CR2 %#lx",
				   trap_name(vector), regs->orig_ax, read_cr2());
	}
	this_cpu()->in_paranoid--;
}
