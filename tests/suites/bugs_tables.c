/*
 * Bugs of the field that stand in the page tables, looked for where the processor
 * reads them: below the CR3 that each CPU has while a process of ours runs there, by
 * a walk of this file's own.  (The audit, mm/audit.c, and its tests begin at the
 * tables that the kernel remembers.)
 *
 *   A missed switch to the user PGD.  Linux, December 2017: a way out that forgets
 *   it works, on the tables that it was to leave, and nobody sees it; so the user half
 *   of the kernel PGD got NX.  Here: mm/pti.c; P2; tests/suites/missed_switch.c.
 *   Global bits.  A global entry outlives the CR3 write that hides it: under isolation
 *   Linux 4.15 had none, 4.17 brought them back for what user mode may see, and left
 *   them, until August 2018, on memory that the image had given away.  Here:
 *   kernel_map_global(); P4.
 *   W+X.  Linux looks for such pages when it has booted since 4.4 (2015).  Here: P5.
 *   CVE-2023-0597, what a fixed area shows: its bytes are tests/suites/residue.c's
 *   and audit_leak.c's; here, that none of its pages is user mode's.
 */
#include "arch/cpu.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/linux/process/exit.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/task/sched.h"
#include "mm/pti.h"
#include "tests/suites/cpus.h"
#include "tests/suites/pinned.h"
#include "tests/suites/scratch_pair.h"

#define MOST_CPUS 4

/* ---- The walk ---------------------------------------------------------------------- */

/* Leaves that should not be; `at` is the last of each. */
struct seen {
	u64 leaves;
	u64 write_and_run, global, open, user_runs;
	virt_addr_t at;
};

static void look_at_leaf(struct seen *s, virt_addr_t va, u64 rights, pte_t entry)
{
	bool user_half = va < USER_END;
	bool in_all = va >= CEA_SLOT_BASE && va < CEA_SLOT_END;
	bool write_and_run = (rights & PTE_W) && !(rights & PTE_NX);
	bool global = (entry & PTE_G) && (user_half || (pti_enabled && !in_all));
	bool open = !user_half && (rights & PTE_U);

	s->leaves++;
	s->write_and_run += write_and_run;
	s->global += global;
	s->open += open;
	s->user_runs += user_half && !(rights & PTE_NX);
	if (write_and_run || global || open)
		s->at = va;
}

/* rights: what the levels above grant. */
static void walk(struct seen *s, const pte_t *table, unsigned level, virt_addr_t base, u64 rights)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		virt_addr_t va = pt_canonical(base | (u64)i << PT_SHIFT(level));
		pte_t entry = table[i];
		u64 r = (rights & entry & (PTE_W | PTE_U)) | ((rights | entry) & PTE_NX);

		if (!(entry & PTE_P) || (entry & PTE_ALIAS)) /* where: mm/audit.c, P4 */
			continue;
		if (level == 1 || (entry & PTE_PS))
			look_at_leaf(s, va, r, entry);
		else
			walk(s, phys_to_virt(entry & PTE_ADDR_MASK), level - 1, va, r);
	}
}

static struct seen look_below(const pte_t *pgd)
{
	struct seen s = { 0 };

	walk(&s, pgd, PT_LEVELS, 0, PTE_W | PTE_U);
	return s;
}

static void expect_good(struct selftest *t, const pte_t *pgd, const char *which)
{
	struct seen s = look_below(pgd);
	bool held = EXPECT(t, s.leaves > 0, "leaves");

	held &= EXPECT_EQ(t, s.write_and_run, 0, "pages that can be written and run");
	held &= EXPECT_EQ(t, s.global, 0, "global pages that not all tables show");
	held &= EXPECT_EQ(t, s.open, 0, "pages of the kernel half that user mode can reach");
	if (!held)
		selftest_note("the last in the %s: %#lx", which, s.at);
}

/* ---- Below CR3 ---------------------------------------------------------------------- */

static void look_at_cpu(struct selftest *t, unsigned cpu)
{
	const struct cpu_state *s = &cpu_state[cpu];
	const pte_t *view = cpus_user_view(cpu);
	const pte_t *kernel = phys_to_virt(s->cr3 & CR3_ADDR_MASK & ~(u64)(pti_enabled ? CR3_USER_PGD : 0));

	EXPECT_EQ(t, s->efer & EFER_NXE, EFER_NXE, "EFER.NXE: else NX is no bit");
	EXPECT_EQ(t, s->cr0 & CR0_WP, CR0_WP, "CR0.WP: else read-only is not for the kernel");
	EXPECT_EQ(t, !!(s->cr4 & CR4_PGE), cpu_features.pge, "CR4.PGE");
	expect_good(t, kernel, "kernel PGD");
	expect_good(t, view, "user PGD");
	EXPECT(t, look_below(view).user_runs > 0, "the process's code runs under the user PGD");
	if (pti_enabled)
		EXPECT_EQ(t, look_below(kernel).user_runs, 0, "nothing of it under the kernel PGD");
}

/* A process there, and we elsewhere: what interrupts it finds its CR3. */
static void look_with_process(struct selftest *t, unsigned n)
{
	struct thread *task = user_run(t, USER_CODE(spin_loop), 0, online_cpu(n));

	if (!task)
		return;
	move_to_cpu(online_cpu(n + 1));
	EXPECT(t, user_reaches(task, USER_WORD(turns), 1), "it runs");
	cpus_read_state();
	EXPECT_EQ(t, cpu_state[online_cpu(n)].cr3 & CR3_ADDR_MASK,
		  tables_of(online_cpu(n), task->process->mm), "CR3 in the kernel is its kernel PGD");
	look_at_cpu(t, online_cpu(n));
	user_set(task, USER_WORD(stop), 1);
	EXPECT_EQ(t, process_wait_for(task), 0, "wait status");
}

static void test_below_cr3(struct selftest *t)
{
	unsigned cpus = cpumask_count(&cpus_online);

	if (cpus < 2) {
		selftest_skip(t, "needs 2 CPUs, found 1");
		return;
	}
	for (unsigned n = 0; n < MIN(MOST_CPUS, cpus); n++)
		look_with_process(t, n);
	move_to_cpu(ANY_CPU);
}

/* ---- What would be found ------------------------------------------------------------- */

static void expect_found(struct selftest *t, pte_t *pgd, virt_addr_t va, u64 rights,
			 struct seen expected)
{
	struct seen before = look_below(pgd), s;
	pte_t *entry = scratch_entry(pgd, va, 1);

	*entry = 0x5000 | rights;
	s = look_below(pgd);
	*entry = 0;
	EXPECT_EQ(t, s.leaves, before.leaves + 1, "one leaf more");
	EXPECT_EQ(t, s.write_and_run, before.write_and_run + expected.write_and_run, "W and X");
	EXPECT_EQ(t, s.global, before.global + expected.global, "global");
	EXPECT_EQ(t, s.open, before.open + expected.open, "open to user mode");
	EXPECT_EQ(t, s.user_runs, before.user_runs + expected.user_runs, "user code");
	EXPECT_EQ(t, s.at, va, "its address");
}

static void test_planted(struct selftest *t)
{
	pte_t *pgd = scratch_pair_make();

	expect_found(t, pgd, SCRATCH_BASE, PTE_P | PTE_W,
		     (struct seen){ .write_and_run = 1 });
	expect_found(t, pgd, SCRATCH_USER, PROT_RW | PTE_U | PTE_G, (struct seen){ .global = 1 });
	if (pti_enabled)
		expect_found(t, pgd, SCRATCH_BASE, PROT_R | PTE_G, (struct seen){ .global = 1 });
	*scratch_entry(pgd, SCRATCH_BASE, 1) = 0x5000 | PROT_R | PTE_U;
	for (unsigned level = 2; level <= PT_LEVELS; level++)
		*scratch_entry(pgd, SCRATCH_BASE, level) |= PTE_U;
	EXPECT_EQ(t, look_below(pgd).open, 1, "U at each level opens a page");
	for (unsigned level = 2; level <= PT_LEVELS; level++)
		*scratch_entry(pgd, SCRATCH_BASE, level) &= ~(pte_t)PTE_U;
	EXPECT_EQ(t, look_below(pgd).open, 0, "and at one it does not");
	*scratch_entry(pgd, SCRATCH_BASE, 1) = 0;
	scratch_pair_free(pgd);
}

static const struct selftest_case cases[] = {
	{ "the walk finds W+X, Global and open pages that are planted", test_planted },
	{ "below each CPU's CR3: no W+X, nothing global that is hidden, nothing open", test_below_cr3 },
};
SELFTEST_SUITE(bugs_tables, cases);
