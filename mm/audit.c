/*
 * The audit reads the page tables themselves, from the PGD down, and compares:
 *
 *   P1 user-half slots are equal in both PGDs, NX aside
 *   P2 user-half slots are NX in the kernel PGD
 *   P3 the user PGD's kernel half shows slot 508 only; and 507, the same as in
 *      the kernel PGD, if the process has an LDT
 *   P4 every leaf there is in the ledger with exactly its rights, supervisor-
 *      only; every page the ledger demands is there; nothing else is global;
 *      the copies of each ESPFIX page are copies
 *   P5 nothing is writable and executable, in any table
 *   P6 no writable alias, visible to the user PGD, of a frame that the ledger
 *      calls read-only
 *   P7 no visible byte string is a hidden address (mm/leakscan.c)
 *
 * It runs at every boot, after every suite and on demand.  It trusts nothing
 * that the code which built the tables has kept.
 * Read next: mm/ledger.c.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/audit.h"
#include "mm/leakscan.h"
#include "mm/ledger.h"
#include "mm/pti.h"

/* Read-only frames: shared ones, GDT and TSS of each CPU, an LDT. */
#define MAX_RO_FRAMES (CEA_ENTRY_TEXT_MAX_PAGES + 3 + \
		       NR_CPUS * (1 + CEA_TSS_PAGES) + LDT_MAX_PAGES)

struct audit {
	struct audit_report *report;
	u32 ldt; /* as mm->ldt.active */
	struct cpumask areas; /* CPUs with a page in their area */
	u64 ro_pfn[MAX_RO_FRAMES];
	unsigned ro_count;
	u64 last_pfn_of[AUDIT_MAX_KINDS];
	virt_addr_t last_va; /* the page visited before, for what lies across two */
	const void *last_page;
	bool last_chosen;
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

/* Slots of the kernel half that a user PGD shows: equal to the kernel PGD's. */
static void check_shown(struct audit_report *r, const pte_t *kernel, const pte_t *user,
			unsigned s)
{
	if ((kernel[s] ^ user[s]) & ~(pte_t)PTE_A)
		finding(r, 3, "slot %u: found %#lx in the user PGD, expected the "
			"kernel PGD's %#lx", s, user[s], kernel[s]);
}

static void check_slots(struct audit_report *r, const pte_t *kernel, const pte_t *user,
			u32 ldt)
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
		if (user[s] && s != PGD_SLOT_CEA && !(ldt && s == PGD_SLOT_PROCESS_ENTRY))
			finding(r, 3, "slot %u (%#lx): found %#lx in the user PGD, "
				"expected nothing", s,
				pt_canonical((u64)s << PT_SHIFT(4)), user[s]);
	check_shown(r, kernel, user, PGD_SLOT_CEA);
	if (ldt)
		check_shown(r, kernel, user, PGD_SLOT_PROCESS_ENTRY);
}

void audit_slots_or_panic(const pte_t *kernel_pgd, u32 ldt, const char *when)
{
	struct audit_report report = { 0 };

	if (!pti_enabled)
		return;
	check_slots(&report, kernel_pgd, pti_user_pgd((pte_t *)kernel_pgd), ldt);
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

/* Of the LDT that the process has, not of the other place. */
static bool is_ldt_page(const struct audit *a, virt_addr_t va)
{
	return a->ldt && va - ldt_address(a->ldt) < ldt_pages(a->ldt) * PAGE_SIZE;
}

/* Has a program chosen bytes of this page: an LDT, or an IO bitmap? */
static bool is_chosen(const struct ledger_entry *e, int cpu)
{
	/* A vault that is not mapped yet belongs to an area that is not whole. */
	return e->kind == LEDGER_LDT ||
	       (e->kind == LEDGER_TSS && cpumask_test(&cpus_online, (unsigned)cpu) &&
		VAULT_OF(cpu)->io);
}

static long scan(const struct pt_leaf *leaf, const struct ledger_entry *e, int cpu,
		 u64 *value)
{
	const void *page = phys_to_virt(leaf->pa);

	if (e->kind == LEDGER_TSS && is_chosen(e, cpu))
		return leakscan_tss(page, (unsigned)((leaf->va - ledger_address(e, (unsigned)cpu)) /
						     PAGE_SIZE), value);
	return leakscan_page(page, e->kind, value);
}

/* Across this page and the one visited before, if that is right below it. */
static void scan_seam(struct audit *a, const struct pt_leaf *leaf, bool chosen)
{
	const void *page = phys_to_virt(leaf->pa);
	bool both_chosen = chosen && a->last_chosen;
	long at = -1;
	u64 value;

	if (a->last_page && leaf->va == a->last_va + PAGE_SIZE && !both_chosen)
		at = leakscan_seam(a->last_page, page, &value);
	if (at >= 0)
		finding(a->report, 7, "pages %#lx and %#lx: found the hidden address %#lx "
			"across them, at offset %#lx, expected none", a->last_va, leaf->va,
			value, at);
	a->last_va = leaf->va;
	a->last_page = page;
	a->last_chosen = chosen;
}

static int check_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;
	int cpu;
	const struct ledger_entry *e = ledger_find(leaf->va, &cpu);
	u64 found = leaf->rights & (PTE_W | PTE_NX);
	long bad;
	u64 value;

	if (leaf->entry & PTE_ALIAS)
		return 0; /* check_any_leaf(), check_espfix() */
	if (cpu >= 0)
		cpumask_set(&a->areas, (unsigned)cpu);
	if (!e || (e->kind == LEDGER_LDT && !is_ldt_page(a, leaf->va))) {
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
	bad = scan(leaf, e, cpu, &value);
	a->report->bytes_scanned += PAGE_SIZE;
	if (bad >= 0)
		finding(a->report, 7, "page %#lx (%s, %s, owner %s): found the hidden "
			"address %#lx at offset %#lx, expected none", leaf->va,
			e->name, whose(a, cpu), e->owner, value, bad);
	scan_seam(a, leaf, is_chosen(e, cpu));
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
				whose(a, ledger_per_cpu(e) ? (int)cpu : -1), e->owner,
				rights_name(e->prot));
	}
}

static void check_ldt_present(struct audit *a, const pte_t *view)
{
	struct pt_leaf leaf;

	for (unsigned i = 0; a->ldt && i < ldt_pages(a->ldt); i++)
		if (pt_walk(view, ldt_address(a->ldt) + i * PAGE_SIZE, &leaf))
			finding(a->report, 4, "page %#lx (LDT): found nothing, expected R",
				ldt_address(a->ldt) + i * PAGE_SIZE);
}

static void check_all_present(struct audit *a, const pte_t *view)
{
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpumask_test(&cpus_online, cpu))
			cpumask_set(&a->areas, cpu);
	a->report->cpus = cpumask_count(&a->areas);
	for (unsigned i = 0; i < ledger_size; i++) {
		if (!ledger_required(&ledger[i]))
			continue;
		if (!ledger_per_cpu(&ledger[i]))
			check_present(a, view, &ledger[i], 0);
		for_each_cpu(cpu, &a->areas)
			if (ledger_per_cpu(&ledger[i]))
				check_present(a, view, &ledger[i], cpu);
	}
}

/*
 * The ESPFIX region, whose leaves are visited once: every entry that should be
 * a copy of another is one, at each level, and marked; the first is not.
 */
static void check_copies(struct audit *a, const pte_t *table, unsigned level,
			 virt_addr_t base, unsigned count, unsigned period)
{
	for (unsigned i = 0; i < count; i++) {
		pte_t first = table[i % period] & ~(pte_t)PTE_ALIAS;
		pte_t expected = first && i >= period ? first | PTE_ALIAS : first;

		if (table[i] != expected)
			finding(a->report, 4, "%#lx in the ESPFIX region: found the level-%u "
				"entry %#lx, expected a copy of %#lx", base + i * (u64)PT_SIZE(level),
				level, table[i], first);
	}
}

static const pte_t *next_table(pte_t entry)
{
	return (entry & PTE_P) && !(entry & PTE_PS) ?
	       phys_to_virt(entry & PTE_ADDR_MASK) : NULL;
}

static void check_espfix(struct audit *a, const pte_t *view)
{
	const pte_t *pud = next_table(view[PGD_SLOT_CEA]);
	unsigned copies = ESPFIX_GROUP_SIZE >> PT_SHIFT(3);

	for (virt_addr_t va = ESPFIX_BASE; va < ESPFIX_END; va += ESPFIX_GROUP_SIZE) {
		const pte_t *entry = &pud[PT_INDEX(va, 3)];
		const pte_t *pmd = next_table(*entry);
		const pte_t *pt = pmd ? next_table(pmd[0]) : NULL;

		check_copies(a, entry, 3, va, copies, 1);
		if (pmd)
			check_copies(a, pmd, 2, va, PT_ENTRIES, 1);
		if (pt)
			check_copies(a, pt, 1, va, PT_ENTRIES, ESPFIX_STRIDE_PAGES);
	}
}

/* ---- P5, Global, P6 -------------------------------------------------------------- */

static int check_any_leaf(const struct pt_leaf *leaf, void *arg)
{
	struct audit *a = arg;
	bool cea = leaf->va >= CEA_SLOT_BASE && leaf->va < CEA_SLOT_END;
	bool espfix = leaf->va >= ESPFIX_BASE && leaf->va < ESPFIX_END;

	if (leaf->entry & PTE_ALIAS) { /* nobody looks below it */
		if (!espfix)
			finding(a->report, 4, "page %#lx: found its entry marked as a second "
				"one, expected that in the ESPFIX region only", leaf->va);
		return 0;
	}

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

	if (!(leaf->rights & PTE_W) || (leaf->entry & PTE_ALIAS))
		return 0;
	for (unsigned i = 0; i < a->ro_count; i++)
		if (a->ro_pfn[i] - PFN(leaf->pa) < PT_SIZE(leaf->level) / PAGE_SIZE)
			finding(a->report, 6, "page %#lx: found a writable alias of frame %#lx, "
				"which the ledger calls read-only, expected none",
				leaf->va, a->ro_pfn[i] << PAGE_SHIFT);
	return 0;
}

static unsigned audit(const pte_t *kernel_pgd, u32 ldt, struct audit_report *report)
{
	struct audit *a = &the_audit;
	const pte_t *view = kernel_pgd;
	unsigned first = PGD_SLOT_PROCESS_ENTRY, last = PT_ENTRIES - 1;

	memset(a, 0, sizeof(*a));
	memset(report, 0, sizeof(*report));
	a->report = report;
	a->ldt = ldt;
	if (pti_enabled) {
		view = pti_user_pgd((pte_t *)kernel_pgd);
		check_slots(report, kernel_pgd, view, ldt);
		pt_for_each_leaf(view, 0, last, check_any_leaf, a);
		pt_for_each_leaf(view, PGD_FIRST_KERNEL_SLOT, last, check_leaf, a);
	} else {
		pt_for_each_leaf(view, first, PGD_SLOT_CEA, check_leaf, a);
	}
	check_espfix(a, view);
	check_all_present(a, view);
	check_ldt_present(a, view);
	pt_for_each_leaf(kernel_pgd, 0, last, check_any_leaf, a);
	pt_for_each_leaf(view, 0, PGD_FIRST_KERNEL_SLOT - 1, check_writable_alias, a);
	pt_for_each_leaf(view, first, PGD_SLOT_CEA, check_writable_alias, a);
	return report->findings;
}

unsigned audit_pair(const pte_t *kernel_pgd, struct audit_report *report)
{
	return audit(kernel_pgd, 0, report);
}

unsigned audit_process(const pte_t *kernel_pgd, u32 ldt, struct audit_report *report)
{
	return audit(kernel_pgd, ldt, report);
}

void audit_or_panic(const pte_t *kernel_pgd, const char *when)
{
	static struct audit_report report;

	if (audit_pair(kernel_pgd, &report))
		panic("audit: %s: %u finding(s), first: %s", when, report.findings,
		      report.text);
}
