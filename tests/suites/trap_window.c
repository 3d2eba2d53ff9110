/*
 * #DB in the windows of the entry code, where CR3, GS and RSP belong to
 * different worlds.  A breakpoint register stops at the first instruction of a
 * window while a user program on that CPU goes in and out of the kernel; from
 * there each instruction is stepped with TF, up to the window's end or its
 * door.  So every instruction of a window is interrupted, under the CR3, GS and
 * RSP it really has, and the program must not notice.
 *
 * Not here: the paranoid windows themselves (a #DB in them has no end), and
 * NMIs (tests/suites/nmi.c).
 */
#include "arch/cpu_entry_area.h"
#include "arch/state/insn.h"
#include "entry/deferred/deferred.h"
#include "entry/shared/shared.h"
#include "kernel/base/percpu.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/start/selftest.h"
#include "kernel/trap.h"
#include "mm/leakscan.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/pti_stack.h"
#include "mm/tlb.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/programs.h"

#define USER_GS_BASE 0x123456789000
#define ROUNDS 12 /* of program_registers */
#define MAX_STEPS 32

struct window {
	const char *name;
	u64 start, end; /* in CPU 0's alias, if in the trampoline */
	u64 door;       /* stepping ends in front of it; 0: at the end */
	unsigned hits;  /* at least, by one run of program_registers */
	bool user_cr3, kernel_cr3; /* which it sees, if there is a shadow */
	u64 other_gs;   /* a third base: what a descriptor gives */
};

/* What the handler saw in one window on one CPU. */
static struct {
	bool armed;
	unsigned cpu;
	struct window w; /* addresses in that CPU's alias */
	unsigned hits, steps, run;
	unsigned user_cr3, kernel_cr3;
	unsigned wrong_cpu, wrong_cr3, wrong_gs, wrong_handler, wrong_stack, too_long;
	u64 other_gs;
} watch;

static bool in_slot_508(u64 ip)
{
	return ip >= CEA_SHARED_BASE && ip < CEA_SLOT_END;
}

static void note_step(struct pt_regs *regs)
{
	const struct paranoid_frame *frame =
		container_of(regs, struct paranoid_frame, regs);
	const struct percpu *self = VAULT_OF(watch.cpu);
	bool user = pti_enabled && (frame->cr3 & CR3_USER_PGD);
	u64 below_top = self->ist_kernel_stack[IST_DB - 1] - (u64)(regs + 1);

	watch.steps++;
	watch.user_cr3 += user;
	watch.kernel_cr3 += !user;
	watch.wrong_cr3 += user && !in_slot_508(regs->ip);
	watch.wrong_cpu += this_cpu() != self;
	watch.wrong_handler += pti_enabled && (read_cr3() & CR3_USER_PGD);
	watch.wrong_stack += below_top >= 16;
	if (frame->gs_base != USER_GS_BASE && frame->gs_base != (u64)self &&
	    frame->gs_base != watch.w.other_gs) {
		watch.wrong_gs++;
		watch.other_gs = frame->gs_base;
	}
}

static bool on_debug(struct pt_regs *regs)
{
	bool inside = regs->ip >= watch.w.start && regs->ip < watch.w.end;

	if ((regs->vector & 0xff) != VEC_DB || !watch.armed)
		return false;
	stretch_ignore(); /* not the kernel's: each instruction of it traps */
	write_dr6(DR6_NONE);
	regs->flags &= ~(u64)RFLAGS_TF;
	if (!inside)
		return true; /* the step that left the window */
	note_step(regs);
	regs->flags |= RFLAGS_RF; /* past the breakpoint */
	if (regs->ip == watch.w.start) {
		watch.hits++;
		watch.run = 0;
	}
	if (++watch.run > MAX_STEPS)
		watch.too_long++;
	else if (regs->ip != watch.w.door)
		regs->flags |= RFLAGS_TF;
	return true;
}

static void arm_here(void *arg __unused)
{
	watch.cpu = this_cpu()->cpu;
	watch.armed = true;
	trap_paranoid_hook = on_debug;
	write_dr0(watch.w.start);
	write_dr6(DR6_NONE);
	write_dr7(DR7_EXECUTE_0);
}

static void disarm_here(void *arg __unused)
{
	write_dr7(DR7_NONE);
	write_dr6(DR6_NONE);
	trap_paranoid_hook = NULL;
	watch.armed = false;
}

static void arm(unsigned cpu, const struct window *w)
{
	u64 by = w->start >= CEA_BASE && w->start < CEA_SLOT_END ? cpu * CEA_STRIDE : 0;

	memset(&watch, 0, sizeof(watch));
	watch.w = *w;
	watch.w.start += by;
	watch.w.end += by;
	if (w->door)
		watch.w.door += by;
	cpus_call(cpu, arm_here, NULL);
}

/* ---- After a run ---------------------------------------------------------------------- */

static void check_cpu(struct selftest *t, unsigned cpu)
{
	static const u64 page[] = {
		CEA_ENTRY_STACK, CEA_IST, CEA_IST + CEA_IST_STRIDE,
		CEA_IST + 2 * CEA_IST_STRIDE, CEA_IST + 3 * CEA_IST_STRIDE,
	};
	u64 value;

	cpus_read_state();
	EXPECT_EQ(t, cpu_state[cpu].gs_base, (u64)VAULT_OF(cpu), "GS base afterwards");
	EXPECT_EQ(t, cpu_state[cpu].cr3 & CR3_USER_PGD & -(u64)pti_enabled, 0,
		  "CR3 afterwards is the kernel PGD");
	for (unsigned i = 0; i < ARRAY_SIZE(page); i++)
		EXPECT_EQ(t, leakscan_page((u8 *)cea(cpu) + page[i], LEDGER_DATA, &value),
			  -1, "offset of a hidden address on a stack");
}

static void check_watch(struct selftest *t, const struct window *w)
{
	EXPECT(t, watch.hits >= w->hits, "the breakpoint is hit each time");
	EXPECT(t, watch.steps > watch.hits, "steps follow it");
	EXPECT_EQ(t, watch.wrong_cpu, 0, "steps that took another CPU for theirs");
	EXPECT_EQ(t, watch.wrong_handler, 0, "handlers under the user PGD");
	EXPECT_EQ(t, watch.wrong_cr3, 0, "steps outside slot 508 under the user PGD");
	EXPECT_EQ(t, watch.wrong_stack, 0, "handlers not at the top of their stack");
	EXPECT_EQ(t, watch.too_long, 0, "windows that did not end");
	if (!EXPECT_EQ(t, watch.wrong_gs, 0, "steps with a GS base of nobody"))
		selftest_note("there: GS base %#lx", watch.other_gs);
	if (pti_enabled) {
		EXPECT_EQ(t, watch.user_cr3 > 0, w->user_cr3, "steps under the user PGD");
		EXPECT_EQ(t, watch.kernel_cr3 > 0, w->kernel_cr3,
			  "steps under the kernel PGD");
	} else {
		EXPECT_EQ(t, watch.user_cr3, 0, "steps under a user PGD that is not there");
	}
}

static void step_in_window(struct selftest *t, const struct window *w, unsigned cpu)
{
	struct thread *task = PROCESS_FROM(program_registers, 0);
	bool failed = t->failed;

	if (!EXPECT(t, task, "memory for a process"))
		return;
	task->user.gs_base = USER_GS_BASE;
	if (w->start == entry_labels.window_load_gs_start)
		task->user.gs = SEL_USER_DS;
	arm(cpu, w);
	EXPECT_EQ(t, programs_run(task, cpu), 0, "status of the program");
	cpus_call(cpu, disarm_here, NULL);
	check_watch(t, w);
	check_cpu(t, cpu);
	if (t->failed && !failed)
		selftest_note("there: cpu %u, window %s, %u hits, %u steps, %u under the "
			      "user PGD", cpu, w->name, watch.hits, watch.steps,
			      watch.user_cr3);
}

static void step_window(struct selftest *t, const struct window *w)
{
	if (cpus_skip_breakpoints(t))
		return;
	for_each_cpu(cpu, &cpus_online)
		step_in_window(t, w, cpu);
}

/* ---- The windows ------------------------------------------------------------------------ */

static bool direct(void)
{
	cpus_read_state();
	return cpu_state[0].lstar == entry_labels.syscall_direct;
}

/* LSTAR tells which of the entries is in use; CPU 0's is the labels' alias. */
static struct window syscall_window(void)
{
	const struct entry_labels *l = &entry_labels;
	struct window w = { .name = "syscall", .hits = ROUNDS, .user_cr3 = true,
			    .kernel_cr3 = true, .other_gs = USER_GS_BASE };

	cpus_read_state();
	w.start = cpu_state[0].lstar;
	if (pti_deferred) {
		w.end = deferred_labels.syscall32_in;
		w.kernel_cr3 = false;
		return w;
	}
	if (w.start == l->window_syscall_pcid_start)
		w.end = l->window_syscall_pcid_end;
	else if (w.start == l->window_syscall_start)
		w.end = l->window_syscall_end;
	else
		w.end = w.start == l->syscall_direct ? l->window_direct_end :
			tlb_pcid		      ? entry_shared_labels.window_syscall_pcid_end :
							entry_shared_labels.window_syscall_end;
	return w;
}

static void syscall_steps(struct selftest *t)
{
	struct window w = syscall_window();

	step_window(t, &w);
}

static struct window sysret_window(void)
{
	const struct entry_labels *l = &entry_labels;
	struct window w = {
		"sysret", l->window_sysret_start, l->window_sysret_end, l->door_sysret,
		ROUNDS, true, true, USER_GS_BASE,
	};

	if (pti_deferred) {
		w.start = deferred_labels.call_return;
		w.end = deferred_labels.door_answer + 2;
		w.door = deferred_labels.door_answer;
		w.kernel_cr3 = false;
	} else if (direct()) {
		w.start = l->window_direct_exit_start;
		w.end = l->window_direct_exit_end;
		w.door = l->door_sysret_direct;
	} else if (!ledger_trampoline) {
		w.start = entry_shared_labels.window_sysret_start;
		w.end = entry_shared_labels.window_sysret_end;
		w.door = entry_shared_labels.door_sysret;
	}
	return w;
}

static void sysret_steps(struct selftest *t)
{
	struct window w = sysret_window();

	step_window(t, &w);
}

static void trap_steps(struct selftest *t)
{
	const struct entry_labels *l = &entry_labels;
	struct window w = {
		"trap", l->window_trap_start, l->window_trap_end, 0, ROUNDS, true, true,
		USER_GS_BASE,
	};

	if (pti_deferred) {
		w.start = deferred_labels.to_kernel;
		w.end = deferred_labels.back;
	}
	step_window(t, &w);
}

static void iret_steps(struct selftest *t)
{
	const struct entry_labels *l = &entry_labels;
	struct window w = {
		"iret", l->window_iret_start, l->window_iret_end, l->door_iret_user,
		ROUNDS + 1, true, true, USER_GS_BASE,
	};

	if (pti_deferred) {
		w.start = deferred_labels.back;
		w.end = deferred_labels.door_iret + 2;
		w.door = deferred_labels.door_iret;
		w.hits--; /* its first way to user mode is entry text's */
	}
	step_window(t, &w);
}

static void load_gs_steps(struct selftest *t)
{
	const struct entry_labels *l = &entry_labels;
	const struct window w = {
		"load_gs", l->window_load_gs_start, l->window_load_gs_end, 0, 1, false, true,
		0,
	};

	step_window(t, &w);
}

/*
 * RSP is the user's at the first instruction, and may be any number: one in
 * the stack that the handler is about to use must not be taken for a sign that
 * the handler itself has been interrupted.
 */
static void lie_about_rsp(struct selftest *t, const struct window *w)
{
	for_each_cpu(cpu, &cpus_online) {
		u64 rsp = VAULT_OF(cpu)->ist_kernel_stack[IST_DB - 1] - IST_STACK_SIZE / 2;
		struct thread *task = PROCESS_FROM(program_syscall_with_rsp, rsp);

		if (!EXPECT(t, task, "memory for a process"))
			return;
		task->user.gs_base = USER_GS_BASE;
		arm(cpu, w);
		EXPECT_EQ(t, programs_run(task, cpu), WAIT_STATUS(7, 0),
			  "status of the program");
		cpus_call(cpu, disarm_here, NULL);
		EXPECT(t, watch.hits >= 1, "the breakpoint is hit each time");
		EXPECT_EQ(t, watch.wrong_stack, 0, "handlers where the user's RSP pointed");
		/* Its RSP, our number, is still on the entry stack. */
		task = PROCESS_FROM(program_exit, 0);
		if (EXPECT(t, task, "memory for a process"))
			EXPECT_EQ(t, programs_run(task, cpu), WAIT_STATUS(7, 0), "status");
		check_cpu(t, cpu);
	}
}

static void lying_rsp(struct selftest *t)
{
	const struct window in = syscall_window(), out = sysret_window();

	if (cpus_skip_breakpoints(t))
		return;
	lie_about_rsp(t, &in);
	lie_about_rsp(t, &out);
}

static const struct selftest_case cases[] = {
	{ "each instruction of the SYSCALL window survives a debug trap", syscall_steps },
	{ "each instruction of the SYSRET window survives a debug trap", sysret_steps },
	{ "each instruction of the trap window survives a debug trap", trap_steps },
	{ "each instruction of the IRET window survives a debug trap", iret_steps },
	{ "each instruction of the GS window survives a debug trap", load_gs_steps },
	{ "a user RSP that names a kernel stack is not believed", lying_rsp },
};
SELFTEST_SUITE(trap_window, cases);
