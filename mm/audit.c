/*
 * The audit reads the page tables themselves, from the PGD down, and compares them with
 * the ledger and with the invariants P1 to P7, which mm/pti.c states.  It runs at every
 * boot, after every suite and for each first program, and trusts nothing that the code
 * which built the tables has kept.
 *
 * "The view" is the PGD that user mode runs on: the user PGD, or the kernel PGD where
 * there is no shadow.
 * Read next: mm/ledger.c, mm/leakscan.c.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/audit.h"
#include "mm/audit/espfix.h"
#include "mm/audit/finding.h"
#include "mm/audit/overlay.h"
#include "mm/audit/pti_stack.h"
#include "mm/audit/read_only.h"
#include "mm/audit/roots.h"
#include "mm/audit/slots.h"
#include "mm/leakscan.h"
#include "mm/pti.h"

/* The page visited before: a word may lie across it and the next. */
struct scanned {
	virt_addr_t va; /* 0: none */
	const void *page;
	bool chosen;
};

/* One audit under way. */
static struct audit {
	struct audit_report *report;
	u32 ldt;              /* as mm->ldt.active */
	struct cpumask areas; /* CPUs with a page in their area */
	int own;              /* audit_owner() */
	const pte_t *kernel;
	u64 last_pfn_of[LEDGER_ROWS];
	struct scanned last;
} audit; /* too large for a stack; audits do not nest */

/* ---- P4, P7: each page that the view's kernel half shows ----------------------- */

static void count(struct audit *a, const struct ledger_entry *e, const struct pt_leaf *leaf)
{
	unsigned kind = (unsigned)(e - ledger);
	bool seen = false;

	a->report->pages++;
	a->report->pages_of[kind]++;
	/* One frame may be behind many pages: the trampoline; GDT and TSS of one CPU. */
	for (unsigned k = 0; k < ledger_size; k++)
		seen |= a->last_pfn_of[k] == PFN(leaf->pa);
	a->report->frames += !seen;
	a->last_pfn_of[kind] = PFN(leaf->pa);
}

/* Has a program chosen the bytes of such a page? */
static bool is_chosen(const struct ledger_entry *e)
{
	return e->kind == LEDGER_LDT || e->kind == LEDGER_IO_BITMAP || e->kind == LEDGER_PTI;
}

static void scan(struct audit *a, const struct pt_leaf *leaf, const struct ledger_entry *e, int cpu)
{
	const void *page = phys_to_virt(leaf->pa);
	bool chosen = is_chosen(e); /* or no neighbour of the last */
	u64 value;
	long at = pti_stack_or_page_leak(page, e->kind, &value);

	a->report->bytes_scanned += PAGE_SIZE;
	if (at >= 0)
		page_finding(a->report, 7, leaf->va, e, cpu,
			     "found the hidden address %#lx "
			     "at offset %#lx, expected none",
			     value, at);
	chosen |= a->last.chosen || leaf->va != a->last.va + PAGE_SIZE;
	at = chosen ? -1 : leakscan_seam(a->last.page, page, &value);
	if (at >= 0)
		finding(a->report, 7,
			"pages %#lx and %#lx: found the hidden address %#lx "
			"across them, at offset %#lx, expected none",
			a->last.va, leaf->va, value, at);
	a->last = (struct scanned){ leaf->va, page, is_chosen(e) };
}

/* Does a task with IO ports run there?  A CPU that is not online may lack a vault. */
static bool has_ports(int cpu)
{
	return cpumask_test(&cpus_online, (unsigned)cpu) && VAULT_OF(cpu)->io;
}

static int check_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;
	int cpu;
	const struct ledger_entry *e = ledger_find(leaf->va, &cpu);
	u64 found = leaf->rights & (PTE_W | PTE_NX);

	if (leaf->entry & PTE_ALIAS)
		return 0; /* check_any_leaf(), check_espfix() */
	if (cpu >= 0 && a->own == AUDIT_ANY)
		cpumask_set(&a->areas, (unsigned)cpu);
	if (!e || (e->kind == LEDGER_LDT &&
		   leaf->va - ldt_address(a->ldt) >= ldt_pages(a->ldt) * PAGE_SIZE)) {
		finding(a->report, 4,
			"page %#lx: found it visible (%s), expected nothing: "
			"no owner in the ledger",
			leaf->va, rights_name(leaf->rights));
		return 0;
	}
	if (a->own >= 0)
		audit_root_leaf(a->report, a->kernel, leaf, e, cpu, a->own);
	if (e->kind == LEDGER_IO_BITMAP && !has_ports(cpu))
		page_finding(a->report, 4, leaf->va, e, cpu,
			     "found it visible, expected nothing: no task with ports runs there");
	if (leaf->level != 1 || found != (e->prot & (PTE_W | PTE_NX)))
		page_finding(a->report, 4, leaf->va, e, cpu, "found %s%s, expected %s",
			     rights_name(leaf->rights), leaf->level == 1 ? "" : " in a large page",
			     rights_name(e->prot));
	if (leaf->rights & PTE_U)
		page_finding(a->report, 4, leaf->va, e, cpu,
			     "found it open to user mode, expected supervisor");
	count(a, e, leaf);
	if (!(e->prot & PTE_W))
		read_only_remember(a->report, leaf->pa); /* P6 */
	scan(a, leaf, e, cpu);
	return 0;
}

/* Are `pages` pages of an entry there, of that CPU's if the entry is per CPU? */
static void check_present(struct audit *a, const pte_t *view, const struct ledger_entry *e,
			  unsigned cpu, virt_addr_t at, unsigned pages)
{
	struct pt_leaf leaf;

	for (virt_addr_t va = at; va < at + pages * PAGE_SIZE; va += PAGE_SIZE)
		if (pt_walk(view, va, &leaf))
			page_finding(a->report, 4, va, e, ledger_per_cpu(e) ? (int)cpu : -1,
				     "found nothing, expected %s", rights_name(e->prot));
}

static void check_all_present(struct audit *a, const pte_t *view)
{
	for_each_cpu(cpu, &cpus_online)
		if (a->own == AUDIT_ANY || cpu == (unsigned)a->own)
			cpumask_set(&a->areas, cpu);
	a->report->cpus = cpumask_count(&a->areas);
	for (const struct ledger_entry *e = ledger; e < ledger + ledger_size; e++) {
		if (e->kind == LEDGER_LDT)
			check_present(a, view, e, 0, ldt_address(a->ldt), ldt_pages(a->ldt));
		if (!ledger_required(e) && !(e->place == LEDGER_ESPFIX && a->ldt))
			continue;
		if (!ledger_per_cpu(e) && a->own != AUDIT_NONE)
			check_present(a, view, e, 0, e->at, ledger_pages(e));
		for_each_cpu(cpu, &a->areas)
			if (ledger_per_cpu(e))
				check_present(a, view, e, cpu, ledger_address(e, cpu),
					      ledger_pages(e));
	}
}

/* ---- P5, and P4's Global bit: every page of a table ------------------------------ */

static int check_any_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;
	bool cea = leaf->va >= CEA_SLOT_BASE &&
		   leaf->va < (pti_roots_per_cpu ? CEA_BASE : CEA_SLOT_END);
	bool espfix = leaf->va >= ESPFIX_BASE && leaf->va < ESPFIX_END;

	if (leaf->entry & PTE_ALIAS) { /* the walk does not go below it */
		if (!espfix)
			finding(a->report, 4,
				"page %#lx: found its entry marked as a second "
				"one, expected that in the ESPFIX region only",
				leaf->va);
		return 0;
	}
	if ((leaf->rights & PTE_W) && !(leaf->rights & PTE_NX))
		finding(a->report, 5, "page %#lx: found W and X together, expected at most one",
			leaf->va);
	if ((leaf->rights & PTE_G) && pti_enabled && !cea)
		finding(a->report, 4,
			"page %#lx: found the Global bit, expected it only on "
			"what every table shows",
			leaf->va);
	return 0;
}

/* ---- All of them ------------------------------------------------------------------- */

unsigned audit_pair(const pte_t *kernel_pgd, u32 ldt, struct audit_report *report)
{
	struct audit *a = &audit;
	const pte_t *view = kernel_pgd;
	unsigned first = PGD_SLOT_PROCESS_ENTRY, last = PT_ENTRIES - 1;

	memset(a, 0, sizeof(*a));
	memset(report, 0, sizeof(*report));
	read_only_forget();
	a->report = report;
	a->ldt = ldt;
	a->own = audit_owner(kernel_pgd);
	a->kernel = kernel_pgd;
	if (pti_enabled) {
		view = pti_user_pgd((pte_t *)kernel_pgd);
		check_slots(report, kernel_pgd, view, ldt, a->own >= 0); /* P1 to P3 */
		pt_for_each_leaf(view, 0, last, check_any_leaf, a);
		pt_for_each_leaf(view, PGD_FIRST_KERNEL_SLOT, last, check_leaf, a);
	} else {
		pt_for_each_leaf(view, first, PGD_SLOT_CEA, check_leaf, a);
	}
	check_espfix(report, view);
	check_overlay(report, view);
	check_all_present(a, view);
	pt_for_each_leaf(kernel_pgd, 0, last, check_any_leaf, a);
	read_only_check(report, view);
	return report->findings;
}
