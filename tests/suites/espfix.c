/*
 * The ESPFIX stacks: each CPU's one page stands at all its addresses, in the pair of a
 * process with an LDT, and in no other user PGD; and the audit finds a table entry that
 * is not the copy it should be.
 * What they are for is tested where 16-bit stacks are (tests/user/machine/ldt.c).
 */
#include "arch/cpu_entry_area.h"
#include "arch/espfix.h"
#include "kernel/base/percpu.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/kernel_map.h"
#include "mm/pti.h"
#include "mm/space/process_entry.h"
#include "tests/suites/cpus.h"
#include "tests/suites/scratch_pair.h"

#define ALIASES (ESPFIX_GROUP_SIZE / ESPFIX_STRIDE)

/* Of one of our own pairs, as user mode would have it. */
static const pte_t *view_of(pte_t *pgd)
{
	return pti_enabled ? pti_user_pgd(pgd) : pgd;
}

static void one_frame_in(struct selftest *t, const pte_t *view)
{
	for_each_cpu(cpu, &cpus_online) {
		phys_addr_t pa = pt_translate(view, espfix_page(cpu));
		unsigned other = 0;
		struct pt_leaf leaf;

		EXPECT(t, pa != NO_FRAME, "the page is mapped");
		EXPECT(t, pt_walk(view, espfix_page(cpu) - PAGE_SIZE, &leaf),
		       "below it is nothing");
		for (u64 i = 0; i < ALIASES; i++)
			other += pt_walk(view, espfix_page(cpu) + i * ESPFIX_STRIDE, &leaf) ||
				 leaf.pa != pa ||
				 leaf.rights != (PTE_W | PTE_NX | kernel_map_global());
		EXPECT_EQ(t, other, 0, "addresses with another frame, or other rights");
		EXPECT_EQ(t, VAULT_OF(cpu)->espfix_stack,
			  espfix_page(cpu) + ESPFIX_STACK_TOP_OFFSET, "the vault's pointer");
		EXPECT_EQ(t, VAULT_OF(cpu)->espfix_stack & 0xffff0000, 0,
			  "its bits 31:16, into which the user's go");
	}
}

static void one_frame(struct selftest *t)
{
	phys_addr_t table = frame_alloc_zeroed();
	pte_t *pgd = pti_alloc_pair();
	unsigned shown = 0;
	struct pt_leaf leaf;

	if (!EXPECT(t, pgd && table != NO_FRAME, "memory for a pair"))
		return;
	one_frame_in(t, pti_init_pgd);
	for_each_cpu(cpu, &cpus_online)
		shown += pti_enabled && !pt_walk(view_of(pgd), espfix_page(cpu), &leaf);
	EXPECT_EQ(t, shown, 0, "pages that a user PGD shows without an LDT");
	EXPECT_EQ(t, process_entry_map(pgd, 1, table), 0, "an LDT");
	one_frame_in(t, view_of(pgd));
	process_entry_free(pgd, 1, table);
	EXPECT_EQ(t, pgd[PGD_SLOT_PROCESS_ENTRY], pti_init_pgd[PGD_SLOT_PROCESS_ENTRY],
		  "slot 507 of the kernel PGD afterwards");
	one_frame_in(t, pgd);
	pti_free_pair(pgd);
}

static void absent_cpus(struct selftest *t)
{
	unsigned present = 0, own = 0;

	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		if (pt_translate(pti_init_pgd, (u64)VAULT_OF(cpu)) == NO_FRAME)
			present += pt_translate(pti_init_pgd, espfix_page(cpu)) != NO_FRAME;
		for (unsigned other = 0; other < cpu; other++)
			own += espfix_page(cpu) == espfix_page(other);
	}
	EXPECT_EQ(t, present, 0, "pages of CPUs that do not exist");
	EXPECT_EQ(t, own, 0, "CPUs that share a page");
	EXPECT_EQ(t, ESPFIX_END, CEA_SLOT_BASE, "the region ends where slot 507 ends");
}

/* Context: interrupts off. */
static void write_here(void *wrong)
{
	unsigned cpu = this_cpu()->cpu;
	static const u64 alias[] = { 0, 1, 0x1ff, 0x8000, ALIASES - 1 };
	volatile u64 *first = (volatile u64 *)espfix_page(cpu);

	for (unsigned i = 0; i < ARRAY_SIZE(alias); i++) {
		u64 at = espfix_page(cpu) + alias[i] * ESPFIX_STRIDE;

		*(volatile u64 *)at = 0x1234 + i;
		if (*first != 0x1234 + i)
			__atomic_fetch_add((unsigned *)wrong, 1, __ATOMIC_RELAXED);
	}
	first[ESPFIX_STACK_TOP_OFFSET / 8 - 1] = SEL_TI | 3; /* SS of a frame */
	cea_scrub(this_cpu());
	for (unsigned i = 0; i < ESPFIX_STACK_TOP_OFFSET / 8; i++)
		if (first[i])
			__atomic_fetch_add((unsigned *)wrong, 1, __ATOMIC_RELAXED);
}

static void written(struct selftest *t)
{
	unsigned wrong = 0;

	cpus_call_all(write_here, &wrong);
	EXPECT_EQ(t, wrong, 0, "words that one address shows and another does not, or "
		  "that are left after a scrub");
}

/* ---- What the audit finds ------------------------------------------------------ */

static void plant(struct selftest *t, pte_t *pgd, virt_addr_t va, unsigned level,
		  pte_t value, const char *step)
{
	pte_t *entry = scratch_entry(pgd, va, level), old = *entry;

	*entry = value;
	scratch_expect_finding(t, pgd, 4, "P4: 0xfffffd* in the ESPFIX region: found the "
			       "level-? entry *, expected a copy of *", step);
	EXPECT_EQ(t, scratch_findings(), 1, "findings");
	*entry = old;
	scratch_expect_clean(t, pgd, "undone");
}

/* A mark hides what is below an entry from the walks: it may stand here only. */
static void mark(struct selftest *t, pte_t *pgd, virt_addr_t va, unsigned level,
		 const char *step)
{
	pte_t *entry = scratch_entry(pgd, va, level);

	*entry |= PTE_ALIAS;
	scratch_expect_finding(t, pgd, 4, "P4: page *: found its entry marked as a second "
			       "one, expected that in the ESPFIX region only", step);
	*entry &= ~(pte_t)PTE_ALIAS;
	scratch_expect_clean(t, pgd, "undone");
}

static void audited(struct selftest *t)
{
	phys_addr_t empty = frame_alloc_zeroed();
	pte_t *pgd = scratch_pair_make_ldt();
	pte_t rw = empty | PROT_RW | kernel_map_global() | PTE_ALIAS;
	pte_t table = empty | PTE_P | PTE_W | PTE_A | PTE_ALIAS;

	plant(t, pgd, ESPFIX_BASE + 3 * PT_SIZE(3), 3, 0, "1 GiB missing");
	plant(t, pgd, ESPFIX_BASE + PT_SIZE(3), 3, table, "another table for 1 GiB");
	plant(t, pgd, ESPFIX_BASE + 511 * PT_SIZE(2), 2, 0, "2 MiB missing");
	plant(t, pgd, ESPFIX_BASE + PT_SIZE(2), 2, table, "another table for 2 MiB");
	plant(t, pgd, ESPFIX_BASE + PT_SIZE(2), 2,
	      *scratch_entry(pgd, ESPFIX_BASE, 2) | PTE_U | PTE_ALIAS, "a user bit at 2 MiB");
	plant(t, pgd, ESPFIX_BASE + ESPFIX_STRIDE, 1, rw, "another frame at one address");
	plant(t, pgd, ESPFIX_BASE + 31 * ESPFIX_STRIDE, 1, 0, "one address missing");
	plant(t, pgd, ESPFIX_BASE + ESPFIX_STRIDE, 1,
	      (*scratch_entry(pgd, ESPFIX_BASE, 1) & ~(pte_t)PTE_NX) | PTE_ALIAS,
	      "one address executable");
	mark(t, pgd, CEA_IDT, 1, "a page that is said to be shown elsewhere");
	mark(t, pgd, CEA_BASE, 2, "2 MiB of them");
	scratch_pair_free(pgd);
	frame_free(empty);
}

static const struct selftest_case cases[] = {
	{ "each CPU's page stands at all its 65536 addresses, shown with an LDT alone", one_frame },
	{ "CPUs that do not exist have none, and no two share one", absent_cpus },
	{ "what is written at one address is read at the others, until it is scrubbed",
	  written },
	{ "P4: an entry of the region that is no copy is found, at each level", audited },
};
SELFTEST_SUITE(espfix, cases);
