/*
 * The monitor: what becomes of a guest's traps.
 *
 *   interrupt, NMI, #MC      the kernel's, as from any program
 *   #PF on a covered page    the instruction is executed here, on the guest's own bytes
 *   #PF elsewhere            a page of its memory at the first touch; else its end
 *   #GP of an instruction    executed here, on its virtual processor
 *     that is ring 0's
 *   #NP, #SS                 guest=one: the descriptor is converted, and loaded again
 *   any other, INT n         its own, through its IDT
 *
 * A guest ends by port 0xf4, by HLT with interrupts off, by what it cannot do here, with
 * one line, and by its third fault in a row.
 * Read next: kernel/guest/tables.c.
 */
#include "arch/state/debugreg.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stretch.h"
#include "kernel/debug/names.h"
#include "kernel/guest/guest.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/process/make.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/process/to_user.h"
#include "mm/space/uaccess.h"

static __noreturn void kill_for(const struct guest *g, const struct guest_insn *insn,
				const char *expected)
{
	char bytes[3 * INSN_MAX + 1] = "";

	for (unsigned i = 0; i < insn->length && i < INSN_MAX; i++)
		format(bytes + 3 * i, sizeof(bytes) - 3 * i, " %02x", insn->byte[i]);
	guest_kill(g, SIGILL, "found the instruction%s, expected %s", bytes, expected);
}

#define ERROR_IDT 2 /* the index in the error code is one of the IDT */

/* ---- Instructions in the processor's place ----------------------------------------------- */

/* With TF before it, the trap behind it. */
static void finish(struct guest *g, enum guest_done done, bool stepped,
		   const struct guest_fault *fault)
{
	if (done == GUEST_FAULT)
		guest_deliver_fault(g, fault);
	else if (stepped)
		guest_deliver(g, VEC_DB, -1);
}

/* It touches a covered page. */
static void execute(struct guest *g)
{
	const struct guest_memory memory = guest_memory_of(g);
	bool stepped = g->regs->flags & RFLAGS_TF;
	struct guest_fault fault;
	struct guest_insn insn;
	enum guest_done done;

	if (!guest_fetch(g, &insn))
		kill_for(g, &insn, "one that can be decoded");
	done = guest_insn_execute(&insn, g->regs, &memory, &fault);
	if (done == GUEST_UNKNOWN)
		done = guest_segment_insn(g, &insn, &fault);
	if (done == GUEST_UNKNOWN) /* without UMIP: SGDT and its like */
		done = guest_privileged(g, &insn, &fault);
	if (done == GUEST_UNKNOWN)
		kill_for(g, &insn, "one that is emulated beside a descriptor table");
	finish(g, done, stepped, &fault);
}

/* A #GP: an INT n, an instruction of ring 0, or an exception of its own. */
static void general_protection(struct guest *g, u32 error)
{
	bool stepped = g->regs->flags & RFLAGS_TF;
	struct guest_fault fault;
	struct guest_insn insn;
	enum guest_done done;

	if (!guest_fetch(g, &insn)) {
		guest_deliver(g, VEC_GP, error);
		return;
	}
	if (insn.opcode == 0xcd && (error & ERROR_IDT)) { /* QEMU: 16 times the vector */
		guest_insn_skip(&insn, g->regs);
		guest_deliver_int(g, insn.immediate & 0xff, insn.length);
		return;
	}
	done = guest_is_ring0_segment_insn(&insn) ? guest_segment_insn(g, &insn, &fault) :
						    guest_privileged(g, &insn, &fault);
	if (done == GUEST_UNKNOWN) {
		guest_deliver(g, VEC_GP, error);
		return;
	}
	g->exits[GUEST_EXIT_PRIVILEGED]++;
	finish(g, done, stepped, &fault);
}

/* INT3, INTO and INT n of a gate that ring 3 may use: IP is behind it. */
static void software_interrupt(struct guest *g, unsigned vector)
{
	u8 last = guest_code_byte(g, (u32)g->regs->ip - 1);

	guest_deliver_int(g, vector, last == vector ? 2 : 1);
}

/* ---- Pages ----------------------------------------------------------------------------- */

static void out_of_memory(const struct guest *g)
{
	if (!oom_make_room(OOM_TOUCHES, 0) && !task_must_die())
		guest_kill(g, SIGKILL, "found no memory, and no other process to be killed for it");
}

static void page_fault(struct guest *g, u64 cr2, u32 error)
{
	if (!(error & PF_INSTR) && cr2 < GUEST_MEMORY && guest_covered(g, (u32)cr2)) {
		bool table = guest_in_table(g, (u32)cr2);

		g->exits[table ? GUEST_EXIT_TABLE : GUEST_EXIT_NEIGHBOUR]++;
		execute(g);
		return;
	}
	switch (mm_fault(g->mm, cr2, error)) {
	case FAULT_HANDLED:
	case FAULT_DIES: return;
	case FAULT_OOM: out_of_memory(g); return;
	default:
		guest_kill(g, SIGSEGV,
			   "found %s of %#lx, expected one of its %u MiB (code: R X, else RW)",
			   fault_access(error), cr2, GUEST_MEMORY >> 20);
	}
}

/* ---- All -------------------------------------------------------------------------------- */

static bool has_error_code(unsigned vector)
{
	return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

static void exception(struct guest *g, unsigned vector, u64 cr2)
{
	u32 error = (u32)g->regs->orig_ax;
	bool absent = vector == VEC_NP || vector == VEC_SS;

	if (vector == VEC_PF) {
		page_fault(g, cr2, error);
	} else if (absent && !(error & 3) && error && guest_first_load(g, (u16)error)) {
		g->exits[GUEST_EXIT_FIRST_LOAD]++;
	} else if (vector == VEC_GP) {
		general_protection(g, error);
	} else if (vector == VEC_BP || vector == VEC_OF || vector == VEC_INT80) {
		software_interrupt(g, vector);
	} else {
		guest_deliver(g, vector, has_error_code(vector) ? (s64)error : -1);
	}
}

/* SYSCALL and SYSENTER: #UD and #GP there, but here the processor has changed registers. */
static __noreturn void kill_for_syscall(const struct guest *g)
{
	guest_kill(g, SIGILL, "found %s, expected no instruction for system calls",
		   g->regs->vector == VEC_SYSENTER ? "SYSENTER" : "SYSCALL");
}

static void guests_trap(struct guest *g, struct pt_regs *regs)
{
	u64 vector = regs->vector, cr2 = read_cr2(), dr6 = DR6_STEP;

	user_access_end();
	stretch_enter();
	if (vector == VEC_DB)
		dr6 = debugreg_user_trap(&current_task()->user.debug);
	interrupts_on();
	if (vector == VEC_SYSCALL32 || vector == VEC_SYSENTER)
		kill_for_syscall(g);
	if (vector != VEC_DB || !dr6 || (dr6 & DR6_STEP))
		exception(g, vector & 0xff, cr2);
	exit_work_before_user(regs);
}

static bool is_kernels(const struct pt_regs *regs)
{
	unsigned vector = regs->vector & 0xff;

	if (regs->vector == VEC_SYSCALL32 || regs->vector == VEC_SYSENTER)
		return false;
	return vector == VEC_NMI || vector == VEC_MC ||
	       (vector >= NR_EXCEPTIONS && vector != VEC_INT80);
}

void guest_do_trap(struct pt_regs *regs)
{
	struct guest *g = current_task()->mm->guest;

	if (!user_mode(regs)) { /* a segment register that could not be loaded */
		g->do_trap(regs);
		return;
	}
	guest_leave(g, regs);
	g->regs = regs;
	if (is_kernels(regs))
		g->do_trap(regs);
	else
		guests_trap(g, regs);
	guest_enter(g, regs);
}
