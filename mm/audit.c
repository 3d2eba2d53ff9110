/*
 * The audit reads the page tables themselves, from the PGD down, and compares:
 *
 *   P1 user-half slots are equal in both PGDs, NX aside
 *   P2 user-half slots are NX in the kernel PGD
 *   P3 the user PGD's kernel half shows slot 508 only
 *   P4 every leaf there is in the ledger with exactly its rights, supervisor-
 *      only; every page the ledger demands is there; nothing else is global
 *   P5 nothing is writable and executable, in any table
 *   P6 no writable alias, visible to the user PGD, of a frame that the ledger
 *      calls read-only
 *   P7 no visible byte string is a hidden address (mm/leakscan.c)
 *
 * It runs at every boot, after every suite and on demand.  It trusts nothing
 * that the code which built the tables has kept.  Called by kernel/main.c,
 * tests/suites.  Read next: mm/ledger.c.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "mm/audit.h"
#include "mm/leakscan.h"
#include "mm/ledger.h"
#include "mm/phys.h"
#include "mm/pti.h"

/* Read-only frames: shared ones, and GDT and TSS of each CPU. */
#define MAX_RO_FRAMES (CEA_ENTRY_TEXT_MAX_PAGES + 3 + NR_CPUS * (1 + CEA_TSS_PAGES))

struct audit {
	struct audit_report *report;
	struct cpumask areas; /* CPUs with a page in their area */
	u64 ro_pfn[MAX_RO_FRAMES];
	unsigned ro_count;
	u64 last_pfn_of[AUDIT_MAX_KINDS];
	char whose[16]; /* made by whose() */
};

static struct audit the_audit; /* too large for a stack; audits do not nest */

static void __printf_like(3, 4) finding(struct audit_report *r, unsigned rule,
					const char *fmt, ...)
{
	va_list args;
	int n;

	if (r->findings++)
		return;
	r->rule = rule;
	n = format(r->text, sizeof(r->text), "P%u: ", rule);
	va_start(args, fmt);
	format_va(r->text + n, sizeof(r->text) - (size_t)n, fmt, args);
	va_end(args);
}

static const char *rights_name(u64 rights)
{
	static const char *const name[] = { "R X", "RWX", "R", "RW" };

	return name[(rights & PTE_NX ? 2 : 0) + (rights & PTE_W ? 1 : 0)];
}

/* Whose area a page is in: "cpu 3", or "shared". */
static const char *whose(struct audit *a, int cpu)
{
	if (cpu < 0)
		return "shared";
	format(a->whose, sizeof(a->whose), "cpu %d", cpu);
	return a->whose;
}

/* ---- P1, P2, P3 ------------------------------------------------------------ */

static void check_slots(struct audit_report *r, const pte_t *kernel, const pte_t *user)
{
	for (unsigned s = 0; s < PGD_FIRST_KERNEL_SLOT; s++) {
		pte_t differ = (kernel[s] ^ user[s]) & ~(pte_t)(PTE_NX | PTE_A);

		if (differ)
			finding(r, 1, "slot %u: found %#lx in the user PGD, "
				"expected the kernel PGD's %#lx", s, user[s], kernel[s]);
		if ((kernel[s] & PTE_P) && !(kernel[s] & PTE_NX))
			finding(r, 2, "slot %u: found %#lx in the kernel PGD, "
				"expected NX", s, kernel[s]);
	}
	for (unsigned s = PGD_FIRST_KERNEL_SLOT; s < PT_ENTRIES; s++)
		if (user[s] && s != PGD_SLOT_CEA)
			finding(r, 3, "slot %u (%#lx): found %#lx in the user PGD, "
				"expected nothing", s,
				pt_canonical((u64)s << PT_SHIFT(4)), user[s]);
	if ((kernel[PGD_SLOT_CEA] ^ user[PGD_SLOT_CEA]) & ~(pte_t)PTE_A)
		finding(r, 3, "slot 508: found %#lx in the user PGD, expected the "
			"kernel PGD's %#lx", user[PGD_SLOT_CEA], kernel[PGD_SLOT_CEA]);
}

void audit_slots_or_panic(const pte_t *kernel_pgd, const char *when)
{
	struct audit_report report = { 0 };

	if (!pti_enabled)
		return;
	check_slots(&report, kernel_pgd, pti_user_pgd((pte_t *)kernel_pgd));
	if (report.findings)
		panic("audit: %s: %s", when, report.text);
}

/* ---- P4 and the counts ------------------------------------------------------- */

static void remember_read_only(struct audit *a, phys_addr_t pa)
{
	for (unsigned i = a->ro_count; i > 0; i--)
		if (a->ro_pfn[i - 1] == PFN(pa))
			return;
	if (a->ro_count == MAX_RO_FRAMES)
		finding(a->report, 6, "frame %#lx: found more than %u read-only frames, "
			"expected room for all", pa, a->ro_count);
	else
		a->ro_pfn[a->ro_count++] = PFN(pa);
}

static void count(struct audit *a, const struct ledger_entry *e, const struct pt_leaf *leaf)
{
	unsigned kind = (unsigned)(e - ledger);

	a->report->pages++;
	a->report->pages_of[kind]++;
	/* One frame may be behind many pages: the trampoline, the zero page. */
	if (a->last_pfn_of[kind] != PFN(leaf->pa))
		a->report->frames++;
	a->last_pfn_of[kind] = PFN(leaf->pa);
}

static int check_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;
	int cpu;
	const struct ledger_entry *e = ledger_find(leaf->va, &cpu);
	u64 found = leaf->rights & (PTE_W | PTE_NX);
	long bad;
	u64 value;

	if (cpu >= 0)
		cpumask_set(&a->areas, (unsigned)cpu);
	if (!e) {
		finding(a->report, 4, "page %#lx: found it visible (%s), expected nothing: "
			"no owner in the ledger", leaf->va, rights_name(leaf->rights));
		return 0;
	}
	if (leaf->level != 1 || found != (e->prot & (PTE_W | PTE_NX)))
		finding(a->report, 4, "page %#lx (%s, %s, owner %s): found %s%s, expected %s",
			leaf->va, e->name, whose(a, cpu), e->owner, rights_name(leaf->rights),
			leaf->level == 1 ? "" : " in a large page",
			rights_name(e->prot));
	if (leaf->rights & PTE_U)
		finding(a->report, 4, "page %#lx (%s, %s, owner %s): found it open to "
			"user mode, expected supervisor", leaf->va, e->name,
			whose(a, cpu), e->owner);
	count(a, e, leaf);
	if (!(e->prot & PTE_W))
		remember_read_only(a, leaf->pa);
	bad = leakscan_page(phys_to_virt(leaf->pa), e->kind, &value);
	a->report->bytes_scanned += PAGE_SIZE;
	if (bad >= 0)
		finding(a->report, 7, "page %#lx (%s, %s, owner %s): found the hidden "
			"address %#lx at offset %#lx, expected none", leaf->va,
			e->name, whose(a, cpu), e->owner, value, bad);
	return 0;
}

static void check_present(struct audit *a, const pte_t *view,
			  const struct ledger_entry *e, unsigned cpu)
{
	struct pt_leaf leaf;

	for (unsigned i = 0; i < ledger_pages(e); i++) {
		virt_addr_t va = ledger_address(e, cpu) + i * PAGE_SIZE;

		if (pt_walk(view, va, &leaf))
			finding(a->report, 4, "page %#lx (%s, %s, owner %s): found "
				"nothing, expected %s", va, e->name,
				whose(a, e->per_cpu ? (int)cpu : -1), e->owner,
				rights_name(e->prot));
	}
}

static void check_all_present(struct audit *a, const pte_t *view)
{
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpumask_test(&cpus_online, cpu))
			cpumask_set(&a->areas, cpu);
	a->report->cpus = cpumask_count(&a->areas);
	for (unsigned i = 0; i < ledger_size; i++) {
		if (ledger[i].optional)
			continue;
		if (!ledger[i].per_cpu)
			check_present(a, view, &ledger[i], 0);
		for_each_cpu(cpu, &a->areas)
			if (ledger[i].per_cpu)
				check_present(a, view, &ledger[i], cpu);
	}
}

/* ---- P5, Global, P6 -------------------------------------------------------------- */

static int check_any_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;
	bool cea = leaf->va >= CEA_SLOT_BASE && leaf->va < CEA_SLOT_END;

	if ((leaf->rights & PTE_W) && !(leaf->rights & PTE_NX))
		finding(a->report, 5, "page %#lx: found W and X together, expected at most one",
			leaf->va);
	if ((leaf->rights & PTE_G) && pti_enabled && !cea)
		finding(a->report, 4, "page %#lx: found the Global bit, expected it only on "
			"what every table shows", leaf->va);
	return 0;
}

/* In the user half of the kernel PGD all is NX; the shared levels decide. */
static int check_writable_alias(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;

	if (!(leaf->rights & PTE_W))
		return 0;
	for (unsigned i = 0; i < a->ro_count; i++)
		if (a->ro_pfn[i] - PFN(leaf->pa) < PT_SIZE(leaf->level) / PAGE_SIZE)
			finding(a->report, 6, "page %#lx: found a writable alias of frame %#lx, "
				"which the ledger calls read-only, expected none",
				leaf->va, a->ro_pfn[i] << PAGE_SHIFT);
	return 0;
}

unsigned audit_pair(const pte_t *kernel_pgd, struct audit_report *report)
{
	struct audit *a = &the_audit;
	const pte_t *view = kernel_pgd;
	unsigned last = PT_ENTRIES - 1;

	memset(a, 0, sizeof(*a));
	memset(report, 0, sizeof(*report));
	a->report = report;
	if (pti_enabled) {
		view = pti_user_pgd((pte_t *)kernel_pgd);
		check_slots(report, kernel_pgd, view);
		pt_for_each_leaf(view, 0, last, check_any_leaf, a);
		pt_for_each_leaf(view, PGD_FIRST_KERNEL_SLOT, last, check_leaf, a);
	} else {
		pt_for_each_leaf(view, PGD_SLOT_CEA, PGD_SLOT_CEA, check_leaf, a);
	}
	check_all_present(a, view);
	pt_for_each_leaf(kernel_pgd, 0, last, check_any_leaf, a);
	pt_for_each_leaf(view, 0, PGD_FIRST_KERNEL_SLOT - 1, check_writable_alias, a);
	pt_for_each_leaf(view, PGD_SLOT_CEA, PGD_SLOT_CEA, check_writable_alias, a);
	return report->findings;
}

void audit_or_panic(const pte_t *kernel_pgd, const char *when)
{
	static struct audit_report report;

	if (audit_pair(kernel_pgd, &report))
		panic("audit: %s: %u finding(s), first: %s", when, report.findings,
		      report.text);
}
