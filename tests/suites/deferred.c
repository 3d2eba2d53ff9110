/*
 * pti=deferred: a program whose calls end on the user's table, interrupted at each
 * instruction at which they can be.
 *
 * A breakpoint register stops at the first instruction of each call, TF steps from there
 * to its end, and where interrupts are on, the handler sends this CPU one: it comes in
 * front of that very instruction, and gives the CPU to another thread of the program, which
 * takes the memory away that the call writes to, and sends signals.  When the thread comes
 * back, the call goes on, on the user's table, and the program looks at each answer
 * (tests/user/gate/own_table.c).
 */
#include "arch/machine/smp.h"
#include "arch/state/deferred.h"
#include "arch/state/insn.h"
#include "entry/deferred/deferred.h"
#include "kernel/base/format.h"
#include "kernel/base/stretch.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/tree.h"
#include "kernel/start/selftest.h"
#include "kernel/trap.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"
#include "tests/suites/insn.h"
#include "tests/suites/pinned.h"
#include "tests/suites/programs.h"

#define PROGRAM "/bin/own_table"
#define ROUNDS 6 /* each interrupts each instruction of each call */
#define FEWEST_ROUNDS 2
#define MANY_ROUNDS 100
#define TEXT_MAX (CEA_DEFERRED_TEXT_PAGES * PAGE_SIZE)
#define FEWEST_PLACES 50 /* STI to CLI of all functions of entry/deferred/calls.c have more */

/* Of the CPU on which the program's first two threads are, and stay. */
static struct {
	bool on;                    /* a call is stepped, of a thread that stays here */
	const struct task *task;    /* whose */
	unsigned calls, steps, interrupts;
	u64 switches;               /* when the last interrupt was sent; 0: none is due */
	unsigned late;              /* steps since: STI holds it back for one */
	unsigned stayed;            /* behind it the thread had not given its CPU away */
	unsigned user_gs, user_cr3; /* steps that found these */
	u8 interrupted[TEXT_MAX];   /* at that offset */
} seen;
static unsigned target;

static void look(const struct pt_regs *regs)
{
	const struct paranoid_frame *f = container_of(regs, struct paranoid_frame, regs);

	seen.steps++;
	seen.user_cr3 += !!(f->cr3 & CR3_USER_PGD);
	seen.user_gs += f->gs_base != (u64)this_cpu();
}

/* Has the interrupt that was sent come, and the thread been away? */
static void look_back(const struct pt_regs *regs)
{
	if (!seen.switches)
		return;
	if (this_cpu()->context_switches >= seen.switches + 2)
		seen.switches = 0;
	else if (++seen.late > 1 || !(regs->flags & RFLAGS_IF)) {
		seen.stayed++;
		seen.switches = 0;
	}
}

/* One that may go elsewhere in its call would be stepped no further, and be waited for. */
static bool stays_here(const struct task *t)
{
	return cpumask_count(&t->affinity) == 1 && cpumask_test(&t->affinity, target);
}

/*
 * Another thread of the program wants this CPU, and no other CPU can take it up.  Deferred C
 * holds no lock.
 */
static bool somebody_waits(void)
{
	struct thread *t;

	SPIN_GUARD(&process_lock);
	list_for_each(t, &current_process()->threads, in_process)
		if (task_of(t)->state == TASK_RUNNABLE && stays_here(task_of(t)))
			return true;
	return false;
}

/* In front of this instruction, or of the next one. */
static void interrupt_here(const struct pt_regs *regs)
{
	if (!seen.switches && !somebody_waits())
		return;
	seen.interrupted[regs->ip - deferred_labels.text_start] = 1;
	if (seen.switches)
		return;
	seen.interrupts++;
	seen.late = 0;
	seen.switches = this_cpu()->context_switches;
	smp_kick(this_cpu()->cpu);
}

static bool on_debug(struct pt_regs *regs)
{
	if ((regs->vector & 0xff) != VEC_DB || this_cpu()->cpu != target)
		return false;
	stretch_ignore();
	write_dr6(DR6_NONE);
	regs->flags &= ~(u64)RFLAGS_TF;
	if (regs->ip == deferred_labels.syscall) {
		regs->flags |= RFLAGS_RF;
		if (!seen.on && stays_here(current_task())) { /* else while the first waits */
			seen.on = true;
			seen.task = current_task();
			seen.calls++;
		}
	}
	if (!seen.on || current_task() != seen.task)
		return true;
	if (!deferred_is_at(regs->ip)) { /* on its way into the kernel, or out */
		seen.on = false;
		return true;
	}
	look_back(regs);
	look(regs);
	if (regs->flags & RFLAGS_IF)
		interrupt_here(regs);
	if (regs->ip == deferred_labels.door_answer || regs->ip == deferred_labels.to_kernel)
		seen.on = false;
	else
		regs->flags |= RFLAGS_TF;
	return true;
}

static void arm_here(void *arg __unused)
{
	memset(&seen, 0, sizeof(seen));
	target = this_cpu()->cpu;
	trap_paranoid_hook = on_debug;
	write_dr0(deferred_labels.syscall);
	write_dr6(DR6_NONE);
	write_dr7(DR7_EXECUTE_0);
}

static void disarm_here(void *arg __unused)
{
	write_dr7(DR7_NONE);
	write_dr6(DR6_NONE);
	trap_paranoid_hook = NULL;
}

static void run(struct selftest *t, unsigned cpu, unsigned rounds)
{
	char word[8];
	const char *const argv[] = { PROGRAM, word, NULL };
	static const char *const envp[] = { NULL };
	struct complaint why;
	struct thread *task;

	format(word, sizeof(word), "%u", rounds);
	task = program_load(PROGRAM, argv, envp, &why);
	if (!EXPECT(t, task, "the program is loaded"))
		return;
	task_pin(task_of(task), cpu);
	selftest_expected_begins(PROGRAM);
	process_start(task, process_next_pid());
	EXPECT_EQ(t, process_wait_for(task), 0, "exit status: every answer is right");
	selftest_expected_ends();
}

static bool missing(struct selftest *t)
{
	if (!program_exists(PROGRAM))
		selftest_skip(t, "no %s in the initramfs, or no initramfs", PROGRAM);
	return t->skip[0];
}

static void anywhere(struct selftest *t)
{
	if (!missing(t))
		run(t, ANY_CPU, pti_deferred ? rounds_of(MANY_ROUNDS) : FEWEST_ROUNDS);
}

static unsigned places(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TEXT_MAX; i++)
		n += seen.interrupted[i];
	return n;
}

static void each_instruction(struct selftest *t)
{
	if (!pti_deferred) {
		selftest_skip(t, "needs pti=deferred");
		return;
	}
	if (missing(t) || cpus_skip_breakpoints(t))
		return;
	cpus_call(online_cpu(0), arm_here, NULL);
	run(t, online_cpu(0), MAX(FEWEST_ROUNDS, rounds_of(ROUNDS)));
	cpus_call(online_cpu(0), disarm_here, NULL);
	EXPECT(t, seen.calls > 0, "calls that were stepped");
	EXPECT(t, places() >= FEWEST_PLACES, "instructions that were interrupted");
	EXPECT_EQ(t, seen.stayed, 0, "interrupts that did not give the CPU away");
	EXPECT_EQ(t, seen.user_cr3, seen.steps, "steps on the user's table");
	EXPECT_EQ(t, seen.user_gs, seen.steps, "steps with the user's GS");
	selftest_note("%u calls, %u steps, %u interrupts at %u instructions", seen.calls,
		      seen.steps, seen.interrupts, places());
}

/* ---- Where the stacks are shown -------------------------------------------------------- */

/* Both pages are there in both PGDs, and neither neighbour; or none of the four. */
static bool is_at(const struct mm *mm, virt_addr_t at, bool shown)
{
	const pte_t *views[] = { mm->pgd, pti_user_pgd(mm->pgd) };
	struct pt_leaf leaf;
	bool as_said = true;

	for (unsigned i = 0; i < ARRAY_SIZE(views); i++) {
		as_said &= pt_walk(views[i], at - PAGE_SIZE, &leaf) != 0;
		as_said &= (pt_walk(views[i], at, &leaf) == 0) == shown;
		as_said &= (pt_walk(views[i], at + PAGE_SIZE, &leaf) == 0) == shown;
		as_said &= pt_walk(views[i], at + 2 * PAGE_SIZE, &leaf) != 0;
	}
	return as_said;
}

static void shown_and_hidden(struct selftest *t)
{
	struct mm *mm = mm_alloc();
	struct pti_stack first, second, third;
	virt_addr_t at;
	void *facts;

	if (!EXPECT(t, mm && pti_stack_alloc(&first) && pti_stack_alloc(&second) &&
		       pti_stack_alloc(&third), "memory for three stacks"))
		return;
	facts = third.page; /* any page will do */
	EXPECT_EQ(t, pti_stack_show(&first, mm, facts), 0, "the first is shown");
	EXPECT_EQ(t, pti_stack_show(&second, mm, facts), 0, "the second is shown");
	EXPECT_EQ(t, second.at - first.at, PTI_PLACE_SIZE, "beside the first");
	EXPECT(t, is_at(mm, first.at, true) && is_at(mm, second.at, true), "both are there");
	at = first.at;
	pti_stack_hide(&first);
	EXPECT(t, is_at(mm, at, false), "nothing is left of one that is hidden");
	EXPECT(t, is_at(mm, second.at, true), "and the other is still there");
	EXPECT_EQ(t, pti_stack_show(&third, mm, facts), 0, "another is shown");
	EXPECT_EQ(t, third.at, at, "in the free place");
	pti_stack_hide(&second);
	pti_stack_hide(&third);
	EXPECT(t, is_at(mm, at, false), "nothing is left");
	pti_stack_free(&first);
	pti_stack_free(&second);
	pti_stack_free(&third);
	mm_put(mm);
}

static void places_of_stacks(struct selftest *t)
{
	if (!pti_deferred || pti_roots_per_cpu) {
		selftest_skip(t, "needs pti=deferred, and a pair for each process");
		return;
	}
	shown_and_hidden(t);
}

static const struct selftest_case cases[] = {
	{ "each instruction of deferred C that can be interrupted gives the CPU away, and goes on",
	  each_instruction },
	{ "a PTI stack is shown between two pages that are absent, and hidden again",
	  places_of_stacks },
	{ "calls that need no table of the kernel's are answered right on any CPU", anywhere },
};
SELFTEST_SUITE(deferred, cases);
