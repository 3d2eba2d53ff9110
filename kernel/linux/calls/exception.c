/*
 * What an exception in user mode becomes: a page, an instruction or a vsyscall that the
 * kernel executes in the processor's place, or a signal, as Linux has it.
 * Read next: kernel/linux/signal/send.c, signal_force_fault().
 */
#include "arch/state/emulate.h"
#include "arch/state/fpu.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/nospec.h"
#include "kernel/debug/names.h"
#include "kernel/linux/calls/exception.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/to_user.h"
#include "kernel/linux/signal/send.h"
#include "kernel/linux/syscalls.h"
#include "kernel/trace/tracee.h"
#include "mm/space/uaccess.h"

/* The signal for each exception from user mode.  at_ip: si_addr is its ip, else 0. */
static const struct {
	int signal;
	u16 code; /* 0: SI_KERNEL.  u16: an index finds an entry of 8 bytes */
	bool at_ip;
} exception[NR_EXCEPTIONS] = {
	[VEC_DE] = { SIGFPE, FPE_INTDIV, true },  [VEC_DB] = { SIGTRAP, TRAP_BRKPT, true },
	[VEC_BP] = { SIGTRAP, 0, false },         [VEC_OF] = { SIGSEGV, 0, false },
	[VEC_BR] = { SIGSEGV, 0, false },         [VEC_UD] = { SIGILL, ILL_ILLOPN, true },
	[VEC_NM] = { SIGSEGV, 0, false },         [VEC_DF] = { SIGSEGV, 0, false },
	[VEC_TS] = { SIGSEGV, 0, false },         [VEC_NP] = { SIGBUS, 0, false },
	[VEC_SS] = { SIGBUS, 0, false },          [VEC_GP] = { SIGSEGV, 0, false },
	[VEC_PF] = { SIGSEGV, 0, false },         [VEC_MF] = { SIGFPE, 0, true },
	[VEC_AC] = { SIGBUS, BUS_ADRALN, false }, [VEC_MC] = { SIGBUS, 0, false },
	[VEC_XM] = { SIGFPE, 0, true },           [VEC_VE] = { SIGSEGV, 0, false },
	[VEC_CP] = { SIGSEGV, 0, false },
};

static void force(const struct pt_regs *regs, unsigned vector, int code, u64 error)
{
	int signal = exception[vector].signal;

	signal_force_fault(signal ? signal : SIGSEGV, code ? code : SI_KERNEL,
			   exception[vector].at_ip ? regs->ip : 0, vector, error);
}

/*
 * When room has been made the program touches the page again; if this process was
 * killed to make it, its thread dies on the way out.  Where no process can be killed,
 * this one is init, and ends.
 */
static void out_of_memory(const struct pt_regs *regs, u64 cr2, u64 error)
{
	const struct thread *t = current_thread();

	if (oom_make_room(OOM_TOUCHES, 0) || task_must_die())
		return;
	if (!t->process->quiet)
		log("%s[%d]: killed by %s: out of memory, nobody else can be killed: "
		    "%s of %#lx at ip %#lx\n",
		    t->name, t->pid, signal_name(SIGKILL), fault_access(error), cr2, regs->ip);
	process_exit(WAIT_STATUS(0, SIGKILL));
}

/* The error code of a kernel address must not tell the program whether it is mapped. */
static __noinline void bad_fault(const struct pt_regs *regs, u64 cr2, u64 error,
				 enum fault_verdict v)
{
	bool kernel = cr2 >= USER_END;
	int code = SEGV_MAPERR;

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
	signal_force_fault(SIGSEGV, code, cr2, VEC_PF, error | PF_USER | (kernel ? PF_PROT : 0));
}

static void page_fault(const struct pt_regs *regs, u64 cr2, u64 error)
{
	enum fault_verdict v = mm_fault(current_task()->mm, cr2, error);

	if (unlikely(v != FAULT_HANDLED && v != FAULT_DIES))
		bad_fault(regs, cr2, error, v);
}

/* dr6: what debugreg_user_trap() returned; 0: the program executed INT1. */
static void debug_exception(struct pt_regs *regs, u64 dr6)
{
	if (dr6 & DR6_STEP && step_done(&current_task()->user.step, regs)) {
		dr6 &= ~(u64)DR6_STEP;
		if (!(dr6 & DR6_TRAPS))
			return;
	}
	if (dr6 && !(dr6 & (DR6_STEP | DR6_TRAPS)))
		return;
	force(regs, VEC_DB,
	      dr6 & DR6_STEP  ? TRAP_TRACE :
	      dr6 & DR6_TRAPS ? TRAP_HWBKPT :
				TRAP_BRKPT,
	      0);
}

/*
 * The single-step trap behind an instruction at `ip` that the kernel has executed in
 * the processor's place.  None is due if the instruction ended in a signal: then the
 * program is still at `ip`.
 */
static void step_behind(struct pt_regs *regs, u64 ip)
{
	if (!(regs->flags & RFLAGS_TF) || regs->ip == ip)
		return;
	debugreg_note_step(&current_task()->user.debug);
	debug_exception(regs, DR6_STEP);
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

/* Executes an instruction in the processor's place; false: it is none of those. */
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

/* A system call that the thread's tracer sees: SYSCALL was #UD.  False: it was none. */
static bool traced_call(struct pt_regs *regs)
{
	bool call;

	if (likely(!debugreg_calls_trap(&current_task()->user.debug)) ||
	    !ptrace_call_begins(regs, &call))
		return false;
	this_cpu_inc(syscalls);
	if (call)
		regs->ax = (u64)syscall_table[array_index_or_end((u32)regs->orig_ax, NR_SYSCALLS)](
			regs);
	ptrace_call_ends();
	return true;
}

/* ---- vsyscalls ----------------------------------------------------------------------- */

/*
 * gettimeofday, time and getcpu at VSYSCALL_PAGE, 1 KiB apart: the three calls at fixed
 * addresses that programs made before there was a vDSO, and that static programs of that
 * time still make.  Linux answers them so with vsyscall=xonly: nothing is mapped there, in
 * no PGD.  The fetch faults, and the handler of page faults does the work of the call and
 * its RET.  So there is no code at an address that every program knows, nothing to read,
 * and no way but the front door: at any other address of the page there is nothing.
 *
 * No register but RAX, RIP and RSP changes.  Bad pointers were SIGSEGV when this was
 * code of the program's, and still are, reported at the address of the call.
 */
#define VSYSCALL_SPACING 0x400

/* The two pointers of a call; 0 bytes: it has only one. */
static const struct {
	long (*call)(struct pt_regs *regs);
	u8 first_size, second_size;
} vsyscalls[] = {
	{ sys_gettimeofday, 16, 8 },
	{ sys_time, 8, 0 },
	{ sys_getcpu, 4, 4 },
};

static bool is_vsyscall(const struct pt_regs *regs, virt_addr_t cr2)
{
	return ALIGN_DOWN(cr2, PAGE_SIZE) == VSYSCALL_PAGE && regs->ip == cr2 &&
	       (regs->orig_ax & (PF_INSTR | PF_WRITE)) == PF_INSTR;
}

/* The first of n bytes of a call's result that cannot be written; 0: none, or no pointer. */
static virt_addr_t unwritable(virt_addr_t to, u64 n)
{
	const u8 zero = 0;
	virt_addr_t at = to;

	if (to && !user_range_ok(to, n))
		return to;
	while (to && at < to + n) {
		if (copy_to_user(at, &zero, sizeof(zero)))
			return at;
		at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE;
	}
	return 0;
}

static void vsyscall(struct pt_regs *regs)
{
	u64 offset = regs->ip - VSYSCALL_PAGE, ip = regs->ip, caller;
	unsigned i = (unsigned)(offset / VSYSCALL_SPACING);
	virt_addr_t bad;
	long result;

	if (offset % VSYSCALL_SPACING != 0 || i >= ARRAY_SIZE(vsyscalls) ||
	    copy_from_user(&caller, regs->sp, sizeof(caller))) {
		force(regs, VEC_PF, SI_KERNEL, regs->orig_ax);
		return;
	}
	result = vsyscalls[i].call(regs);
	if (result == -EFAULT) {
		bad = unwritable(regs->di, vsyscalls[i].first_size);
		if (!bad)
			bad = unwritable(regs->si, vsyscalls[i].second_size);
		if (bad) /* as the program's own store there would fault */
			page_fault(regs, bad,
				   PF_USER | PF_WRITE | (fpu_lets_write() ? 0 : PF_PK | PF_PROT));
		return; /* not bad: it is there by now, and the call made again */
	}
	regs->ax = (u64)result;
	regs->ip = caller;
	regs->sp += sizeof(caller);
	step_behind(regs, ip);
}

/* ---- All --------------------------------------------------------------------------- */

void exception_from_user(struct pt_regs *regs, unsigned vector)
{
	u64 cr2 = read_cr2(), dr6 = 0;

	if (vector == VEC_DB) {
		this_cpu()->ist_used = true;
		dr6 = debugreg_user_trap(&current_task()->user.debug);
	}
	interrupts_on();
	switch (vector) {
	case VEC_PF:
		if (is_vsyscall(regs, cr2))
			vsyscall(regs);
		else
			page_fault(regs, cr2, regs->orig_ax);
		break;
	case VEC_DB: debug_exception(regs, dr6); break;
	case VEC_MF:
	case VEC_XM: math_exception(regs, vector); break;
	case VEC_UD:
	case VEC_GP:
		if (vector == VEC_UD ? traced_call(regs) : emulate(regs))
			break;
		/* fall through */
	default: force(regs, vector, exception[vector].code, regs->orig_ax); break;
	}
	exit_work_before_user(regs);
}
