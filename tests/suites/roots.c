/*
 * roots=cpu: CR3 holds the CPU's own pair for ever, which shows nothing of another CPU,
 * and whose user half is that of the process that runs there, and of no other.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/clock.h"
#include "arch/state/ldt.h"
#include "arch/state/user_desc.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/linux/process/exit.h"
#include "kernel/task/sched.h"
#include "mm/audit.h"
#include "mm/frames/frame.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/mm_range.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"

#define NEW_SLOT 77 /* of the user half: no program has anything there */
#define NEW_PAGE ((u64)NEW_SLOT << PT_SHIFT(4))
#define MOVES 200

static bool cannot(struct selftest *t, unsigned cpus)
{
	if (!pti_roots_per_cpu)
		selftest_skip(t, "the processes have the roots: roots=process");
	else if (cpumask_count(&cpus_online) < cpus)
		selftest_skip(t, "found one CPU, expected two");
	return t->skip[0];
}

static void own_root(struct selftest *t)
{
	if (cannot(t, 1))
		return;
	cpus_read_state();
	for_each_cpu(cpu, &cpus_online) {
		EXPECT_EQ(t, cpu_state[cpu].cr3 & CR3_ADDR_MASK,
			  virt_to_phys(VAULT_OF(cpu)->root), "what CR3 holds");
		for_each_cpu(other, &cpus_online)
			EXPECT(t, other == cpu || VAULT_OF(other)->root != VAULT_OF(cpu)->root,
			       "no two CPUs have the same");
	}
}

/* ---- Nothing of another CPU ---------------------------------------------------------- */

/* Pages of CPU b's area that the user PGD of CPU a shows. */
static unsigned pages_shown(unsigned a, unsigned b)
{
	const pte_t *view = pti_user_pgd(VAULT_OF(a)->root);
	unsigned shown = 0;

	for (u64 off = 0; off < CEA_STRIDE; off += PAGE_SIZE)
		shown += pt_translate(view, (u64)cea(b) + off) != NO_FRAME;
	return shown;
}

static void own_area(struct selftest *t)
{
	unsigned all = 0, other = 0;

	if (cannot(t, 1))
		return;
	for_each_cpu(a, &cpus_online) {
		EXPECT(t, pages_shown(a, a) >= 7U + ledger_trampoline, "each shows its own");
		for_each_cpu(b, &cpus_online) {
			other += a != b ? pages_shown(a, b) : 0;
			all += pt_translate(VAULT_OF(a)->root, (u64)&cea(b)->entry_stack) !=
			       NO_FRAME;
		}
	}
	EXPECT_EQ(t, other, 0, "pages of other CPUs that a user PGD shows");
	EXPECT_EQ(t, all, cpumask_count(&cpus_online) * cpumask_count(&cpus_online),
		  "areas that the kernel PGDs show");
}

static void planted(struct selftest *t)
{
	static struct audit_report r;
	unsigned a = online_cpu(0), b = online_cpu(1), page = CEA_ENTRY_STACK / PAGE_SIZE;
	pte_t *own = VAULT_OF(a)->shown_area, old = own ? own[page] : 0, *other;

	if (cannot(t, 2))
		return;
	other = pt_entry(pti_user_pgd(VAULT_OF(a)->root), (u64)&cea(b)->entry_stack, 1, false);
	if (EXPECT(t, other, "both areas are in one page table")) {
		*other = *pt_entry(pti_init_pgd, (u64)&cea(b)->entry_stack, 1, false);
		EXPECT_EQ(t, audit_pair(VAULT_OF(a)->root, 0, &r), 1, "another CPU's page");
		EXPECT(t, glob_match("P4: page 0x* (entry stack, cpu *): found it in the user PGD "
				     "of cpu *, expected nothing of another CPU", r.text), r.text);
		*other = 0;
	}
	own[page] = *pt_entry(pti_init_pgd, (u64)&cea(b)->entry_stack, 1, false);
	audit_pair(VAULT_OF(a)->root, 0, &r);
	EXPECT(t, glob_match("P3: page 0x* (entry stack, cpu *): found frame *", r.text), r.text);
	own[page] = old;
	EXPECT_EQ(t, audit_pair(VAULT_OF(a)->root, 0, &r), 0, "undone");
}

/* ---- The user half -------------------------------------------------------------------- */

static unsigned user_slots(unsigned cpu)
{
	const pte_t *kernel = VAULT_OF(cpu)->root, *user = pti_user_pgd(VAULT_OF(cpu)->root);
	unsigned n = user[PGD_SLOT_PROCESS_ENTRY] != 0;

	for (unsigned s = 0; s < PGD_FIRST_KERNEL_SLOT; s++)
		n += kernel[s] || user[s];
	return n;
}

static void expect_user_half(struct selftest *t, unsigned cpu, const struct mm *mm)
{
	const pte_t *kernel = VAULT_OF(cpu)->root, *user = pti_user_pgd(VAULT_OF(cpu)->root);
	unsigned wrong = 0;

	for (unsigned s = 0; s < PGD_FIRST_KERNEL_SLOT; s++)
		wrong += kernel[s] != mm->pgd[s] || user[s] != (mm->pgd[s] & ~PTE_NX) ||
			 (kernel[s] && !(kernel[s] & PTE_NX));
	EXPECT_EQ(t, wrong, 0, "slots that are not the process's, NX in the kernel PGD alone");
}

static void no_process(struct selftest *t)
{
	if (cannot(t, 1))
		return;
	for_each_cpu(cpu, &cpus_online) {
		struct thread *task = user_new(t, USER_CODE(calls), 0, cpu);

		if (!task)
			return;
		user_set(task, USER_WORD(count), 3);
		user_start(task);
		EXPECT_EQ(t, process_wait_for(task), 0, "a process runs there");
	}
	for_each_cpu(cpu, &cpus_online)
		EXPECT_EQ(t, user_slots(cpu), 0, "slots that are left when it has ended");
}

static void at_once(struct selftest *t)
{
	unsigned cpu = online_cpu(1), word = 7;
	struct thread *task;
	struct mm *mm;

	if (cannot(t, 2))
		return;
	move_to_cpu(online_cpu(0));
	task = user_run(t, USER_CODE(spin_loop), 0, cpu);
	if (task && EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs")) {
		mm = task->process->mm;
		expect_user_half(t, cpu, mm);
		EXPECT_EQ(t, mm_map(mm, NEW_PAGE, PAGE_SIZE, VMA_READ | VMA_WRITE, MM_FIXED),
			  NEW_PAGE, "a page in a slot that it has not had");
		EXPECT_EQ(t, mm_write(mm, NEW_PAGE, &word, sizeof(word)), 0, "touched from here");
		EXPECT(t, VAULT_OF(cpu)->root[NEW_SLOT], "its CPU has the slot");
		expect_user_half(t, cpu, mm);
		user_set(task, USER_WORD(stop), 1);
		EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
	}
	move_to_cpu(ANY_CPU);
}

/* ---- Slot 507 ---------------------------------------------------------------------------- */

struct found {
	struct audit_report report;
	unsigned espfix;
};

/* In an interrupt, while the process runs. */
static void audit_here(void *arg)
{
	struct found *f = arg;
	const pte_t *root = this_cpu()->root;

	audit_pair(root, this_cpu()->mm->ldt.active, &f->report);
	for_each_cpu(cpu, &cpus_online)
		f->espfix += pt_translate(pti_user_pgd((pte_t *)root), espfix_page(cpu)) !=
			     NO_FRAME;
}

static void with_ldt(struct selftest *t)
{
	static struct found f;
	unsigned cpu = online_cpu(1);
	struct thread *task;

	if (cannot(t, 2))
		return;
	move_to_cpu(online_cpu(0));
	f = (struct found){ 0 };
	task = user_run(t, USER_CODE(spin_loop), 0, cpu);
	if (task && EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs")) {
		EXPECT_EQ(t, ldt_write(task->process->mm, 3, 0), 0, "an LDT, from another CPU");
		call_on_cpu(cpu, audit_here, &f);
		EXPECT_EQ(t, f.report.findings, 0, f.report.text);
		EXPECT_EQ(t, f.espfix, 1, "ESPFIX stacks that its CPU shows: its own");
		user_set(task, USER_WORD(stop), 1);
		EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
	}
	move_to_cpu(ANY_CPU);
	EXPECT_EQ(t, user_slots(cpu), 0, "slots that are left");
}

/* ---- Going elsewhere ----------------------------------------------------------------------- */

/* In the middle of system calls, which then return on the other CPU. */
static void moved(struct selftest *t)
{
	struct thread *task;

	if (cannot(t, 2))
		return;
	task = user_new(t, USER_CODE(call_loop), 0, online_cpu(1));
	if (!task)
		return;
	user_set(task, USER_WORD(number), NR_sched_yield);
	user_set(task, USER_WORD(expected), 0);
	user_start(task);
	for (unsigned i = 0; i < MOVES; i++) {
		u64 turns = user_get(task, USER_WORD(turns));

		task_move(task_of(task), online_cpu(i % 2));
		if (!EXPECT(t, user_reaches(task, USER_WORD(turns), turns + 2), "it goes on"))
			break;
	}
	user_set(task, USER_WORD(stop), 1);
	EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
}

static const struct selftest_case cases[] = {
	{ "CR3 holds each CPU's own pair", own_root },
	{ "a user PGD shows the area of its CPU and of no other", own_area },
	{ "the audit finds another CPU's page, and another frame", planted },
	{ "nothing of a process is left when it has ended", no_process },
	{ "a new slot is on the CPU that runs the process at once", at_once },
	{ "with an LDT a CPU shows its own ESPFIX stack", with_ldt },
	{ "a process goes from CPU to CPU in its system calls", moved },
};
SELFTEST_SUITE(roots, cases);
