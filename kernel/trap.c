/*
 * Decisions on traps: what mm/ or arch/ found out is turned here into going
 * on, a signal, or a panic.
 *
 *   from user mode     page faults that mm_fault() handles: go on; everything
 *                      else becomes a signal, as Linux has it
 *   from kernel mode   a user address that mm_fault() handles: go on; an
 *                      instruction of the exception table: its fixup; else our
 *                      bug: panic
 *   IST events         in kernel mode they come through do_paranoid(), at
 *                      any instruction, and touch nothing but their own stack
 *
 * Entered with interrupts off; do_trap() returns with interrupts off.
 * Read next: entry/interrupt.asm, kernel/debug/panic.c.
 */
#include "arch/machine/apic.h"
#include "arch/machine/ipi_call.h"
#include "arch/machine/smp.h"
#include "arch/state/emulate.h"
#include "arch/state/fpu.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/debug/names.h"
#include "kernel/debug/panic.h"
#include "kernel/debug/watchdog.h"
#include "kernel/files/tty.h"
#include "kernel/ia32_syscall.h"
#include "kernel/linux/calls/vsyscall.h"
#include "kernel/linux/process/alarm.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/ptrace.h"
#include "kernel/linux/process/segments.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/task/sched.h"
#include "kernel/trap.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"

bool (*trap_paranoid_hook)(struct pt_regs *regs);

/* The signal for each exception from user mode.  at_ip: si_addr is its ip, else 0. */
static const struct {
	int signal;
	int code; /* 0: SI_KERNEL */
	bool at_ip;
} exception[NR_EXCEPTIONS] = {
	[VEC_DE] = { SIGFPE, FPE_INTDIV, true },
	[VEC_DB] = { SIGTRAP, TRAP_BRKPT, true },
	[VEC_BP] = { SIGTRAP, 0, false },
	[VEC_OF] = { SIGSEGV, 0, false },
	[VEC_BR] = { SIGSEGV, 0, false },
	[VEC_UD] = { SIGILL, ILL_ILLOPN, true },
	[VEC_NM] = { SIGSEGV, 0, false },
	[VEC_DF] = { SIGSEGV, 0, false },
	[VEC_TS] = { SIGSEGV, 0, false },
	[VEC_NP] = { SIGBUS, 0, false },
	[VEC_SS] = { SIGBUS, 0, false },
	[VEC_GP] = { SIGSEGV, 0, false },
	[VEC_PF] = { SIGSEGV, 0, false },
	[VEC_MF] = { SIGFPE, 0, true },
	[VEC_AC] = { SIGBUS, BUS_ADRALN, false },
	[VEC_MC] = { SIGBUS, 0, false },
	[VEC_XM] = { SIGFPE, 0, true },
	[VEC_VE] = { SIGSEGV, 0, false },
	[VEC_CP] = { SIGSEGV, 0, false },
};

/* ---- Exceptions from user mode ---------------------------------------------- */

static void force(const struct pt_regs *regs, unsigned vector, int code, u64 error)
{
	int signal = exception[vector].signal;

	signal_force_fault(signal ? signal : SIGSEGV, code ? code : SI_KERNEL,
			   exception[vector].at_ip ? regs->ip : 0, vector, error);
}

/*
 * The page is touched again when there is memory; whoever is killed for that
 * meanwhile dies on its way out.  Nobody else can be: then init ends.
 */
static void out_of_memory(const struct pt_regs *regs, u64 cr2, u64 error)
{
	const struct thread *t = current_thread();

	if (oom_make_room(OOM_TOUCHES, 0) || task_must_die())
		return;
	if (!t->process->quiet)
		log("%s[%d]: killed by %s: out of memory, nobody else can be killed: "
		    "%s of %#lx at ip %#lx\n", t->name, t->pid, signal_name(SIGKILL),
		    error & PF_INSTR ? "fetch" : error & PF_WRITE ? "write" : "read", cr2,
		    regs->ip);
	process_exit(WAIT_STATUS(0, SIGKILL));
}

/* Of a kernel address the error code tells nothing, not even if it is mapped. */
static void page_fault(const struct pt_regs *regs, u64 cr2, u64 error)
{
	enum fault_verdict v = mm_fault(current_task()->mm, cr2, error);
	bool kernel = cr2 >= USER_END;
	int code = SEGV_MAPERR;

	if (v == FAULT_HANDLED || v == FAULT_DIES)
		return;
	if (v == FAULT_OOM) {
		out_of_memory(regs, cr2, error);
		return;
	}
	if (v == FAULT_BUS) {
		signal_force_fault(SIGBUS, BUS_ADRERR, cr2, VEC_PF, error | PF_USER);
		return;
	}
	if (v == FAULT_ACCERR && !kernel)
		code = error & PF_PK ? SEGV_PKUERR : SEGV_ACCERR;
	signal_force_fault(SIGSEGV, code, cr2, VEC_PF,
			   error | PF_USER | (kernel ? PF_PROT : 0));
}

/* dr6: what debugreg_user_trap() returned; nothing in it: INT1. */
static void debug_exception(const struct pt_regs *regs, u64 dr6)
{
	if (dr6 & DR6_STEP && ptrace_step_done()) {
		dr6 &= ~(u64)DR6_STEP;
		if (!(dr6 & DR6_TRAPS))
			return;
	}
	if (dr6 && !(dr6 & (DR6_STEP | DR6_TRAPS)))
		return;
	force(regs, VEC_DB, dr6 & DR6_STEP ? TRAP_TRACE :
	      dr6 & DR6_TRAPS ? TRAP_HWBKPT : TRAP_BRKPT, 0);
}

/*
 * Behind what the kernel has executed in the processor's place, at `ip`: with TF set the
 * single-step trap comes there, as behind any other instruction; nothing of it is due
 * if that has ended in a signal instead.
 */
static void step_behind(const struct pt_regs *regs, u64 ip)
{
	if (!(regs->flags & RFLAGS_TF) || regs->ip == ip)
		return;
	debugreg_note_step(&current_task()->user.debug);
	debug_exception(regs, DR6_STEP);
}

/* The fault of a bad pointer is the program's, at the call's address. */
static void vsyscall(struct pt_regs *regs)
{
	u64 error, ip = regs->ip;
	virt_addr_t at;

	if (vsyscall_emulate(regs, &at, &error) == 0)
		step_behind(regs, ip);
	else if (at)
		page_fault(regs, at, error);
	else
		force(regs, VEC_PF, SI_KERNEL, regs->orig_ax);
}

static void math_exception(const struct pt_regs *regs, unsigned vector)
{
	struct thread *t = current_thread();
	int code;

	fpu_save(t->user.fpu);
	code = fpu_exception_code(t->user.fpu, vector == VEC_XM);
	t->signals.trapno = vector;
	t->signals.error = 0;
	if (code)
		force(regs, vector, code, 0);
}

/* Instructions that the kernel executes in the processor's place. */
static bool emulate(struct pt_regs *regs)
{
	struct task *t = current_task();
	enum emulation done;
	u64 ip = regs->ip;
	virt_addr_t bad;

	done = umip_emulate(t->mm, regs, &bad);
	if (done == EMULATE_FAULT)
		signal_force_fault(SIGSEGV, SEGV_MAPERR, bad, VEC_PF, PF_USER | PF_WRITE);
	else if (done == EMULATE_NOT && !io_skip_cli(&t->user.io, t->mm, regs))
		return false;
	step_behind(regs, ip);
	return true;
}

static void user_exception(struct pt_regs *regs, unsigned vector)
{
	u64 cr2 = read_cr2(), dr6 = 0;

	if (vector == VEC_DB)
		dr6 = debugreg_user_trap(&current_task()->user.debug);
	interrupts_on();
	switch (vector) {
	case VEC_PF:
		if (vsyscall_is_called(regs, cr2))
			vsyscall(regs);
		else
			page_fault(regs, cr2, regs->orig_ax);
		break;
	case VEC_DB: debug_exception(regs, dr6); break;
	case VEC_MF:
	case VEC_XM: math_exception(regs, vector); break;
	case VEC_GP:
		if (emulate(regs))
			break;
		/* fall through */
	default: force(regs, vector, exception[vector].code, regs->orig_ax); break;
	}
}

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
		v = mm_fault(mm, cr2, regs->orig_ax);
	while (v == FAULT_OOM && oom_make_room(OOM_TOUCHES, 0));
	interrupts_off();
	return v == FAULT_HANDLED;
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
		sched_tick();
		alarm_check_cpu();
		watchdog_tick();
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
	case VEC_SPURIOUS:
		break; /* not in service: no end-of-interrupt */
	default:
		apic_eoi(); /* nobody's: counted, that is all */
		break;
	}
}

/* It was to end this wait, and came too early: see kernel/task/idle.asm. */
static void skip_halt(struct pt_regs *regs)
{
	if (!user_mode(regs) && regs->ip == (u64)idle_halt)
		regs->ip++;
}

static void nmi(const struct pt_regs *regs)
{
	/* The processor holds NMIs back there: this one's frame is over the first's. */
	if (!user_mode(regs) && regs->ip == entry_labels.stubs + VEC_NMI * ENTRY_STUB_SIZE)
		panic_regs(regs, "NMI: found it on the first instruction of another's handler, "
			   "expected it to be held back");
	this_cpu()->nmis++;
	if (smp_stopping())
		for (;;)
			halt();
	watchdog_nmi(regs);
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
static void panic_if_switch_missed(const struct pt_regs *regs)
{
	if (pti_enabled && user_mode(regs))
		panic_regs(regs, "missed CR3 switch: user mode was entered on the kernel PGD; "
			   "%s, error %#lx, CR2 %#lx", trap_name(regs->vector & 0xff),
			   regs->orig_ax, read_cr2());
}

/* Not in the function below: what it saves on the stack is for this path. */
static __attribute__((noinline)) void exception_or_interrupt(struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	__atomic_fetch_add(&trap_count[vector], 1, __ATOMIC_RELAXED);
	if (unlikely(this_cpu_test(user_kernel_cr3)))
		panic_if_switch_missed(regs);
	if (vector == VEC_NMI)
		nmi(regs);
	else if (vector >= NR_EXCEPTIONS) {
		interrupt(vector);
		skip_halt(regs);
	} else if (!user_mode(regs))
		kernel_exception(regs, vector);
	else {
		if (vector == VEC_MC)
			machine_check(regs);
		user_exception(regs, vector);
	}
	/* In an NMI's handler NMIs are masked until the IRET: no schedule(). */
	if (user_mode(regs) && vector != VEC_NMI)
		exit_work_before_user(regs);
	else if (user_mode(regs))
		stretch_leave();
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
