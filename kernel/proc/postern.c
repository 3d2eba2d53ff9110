/*
 * /sys/kernel/postern.  All of it tells kernel addresses, or costs all CPUs some time: root's.
 */
#include "arch/cpu_entry_area.h"
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/percpu.h"
#include "kernel/base/seams.h"
#include "kernel/debug/names.h"
#include "kernel/proc/postern.h"
#include "kernel/proc/tables.h"
#include "mm/audit.h"
#include "mm/audit/finding.h"
#include "mm/audit/roots.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/space/mm.h"

/* ---- Areas, and the ledger ------------------------------------------------------------------------------ */

int areas_show(struct text *t, const struct inode *inode __unused)
{
	struct pt_leaf leaf;

	for_each_cpu(cpu, &cpus_online) {
		text_print(t, "cpu %u: area %#lx, vault %#lx\n", cpu, (u64)cea(cpu),
			   (u64)VAULT_OF(cpu));
		for (const struct ledger_entry *e = ledger; e < ledger + ledger_size; e++) {
			virt_addr_t at = ledger_address(e, cpu);
			bool there = e->place == LEDGER_AREA && ledger_pages(e) &&
				     !pt_walk(pti_init_pgd, at, &leaf);

			if (e->place == LEDGER_AREA)
				text_print(t, "  +%#07lx %#lx %3u page%s %-4s %s\n", e->at, at,
					   ledger_pages(e), ledger_pages(e) == 1 ? " " : "s",
					   there ? rights_name(leaf.rights) : "-", e->name);
		}
	}
	return 0;
}

struct ledger_walk {
	struct text *text;
	unsigned pages;
};

static int print_page(const struct pt_leaf *leaf, void *arg)
{
	struct ledger_walk *w = arg;
	int cpu;
	const struct ledger_entry *e = ledger_find(leaf->va, &cpu);
	char whose[12] = "all";

	if (leaf->entry & PTE_ALIAS) /* the page has its line at its first address */
		return 0;
	if (cpu >= 0)
		format(whose, sizeof(whose), "cpu %d", cpu);
	w->pages++;
	text_print(w->text, "%#lx %-3s %-7s %-16s %-24s %s\n", leaf->va, rights_name(leaf->rights),
		   whose, e ? e->name : "?", e ? e->owner : "?",
		   e ? e->reason : "not in the ledger");
	return 0;
}

/* Without a shadow, what would be shown if there were one. */
int ledger_show(struct text *t, const struct inode *inode __unused)
{
	struct ledger_walk w = { .text = t };
	unsigned first = pti_enabled ? PGD_FIRST_KERNEL_SLOT : PGD_SLOT_PROCESS_ENTRY;
	unsigned last = pti_enabled ? PT_ENTRIES - 1 : PGD_SLOT_CEA;
	int err = tables_for_each_leaf(true, first, last, print_page, &w);

	if (!err)
		text_print(t, "total: %u pages\n", w.pages);
	return err;
}

/* ---- The audit --------------------------------------------------------------------------------- */

static struct {
	struct sleep_lock lock;
	struct audit_report report;
	unsigned auditor, ready; /* roots=cpu: these three */
	bool done;
} audit = { .lock = SLEEP_LOCK(LOCK_AUDIT) };

static void audit_roots(void)
{
	for_each_cpu(cpu, &cpus_online) {
		const struct mm *mm = VAULT_OF(cpu)->mm;

		if (audit_pair(audit_root(cpu), mm ? mm->ldt.active : 0, &audit.report))
			return;
	}
}

/*
 * On each CPU: what the last event has left on its own stacks is P8's, not a finding.  With
 * roots=cpu all wait here for the one that audits, for their tables change with each switch.
 */
static void gather(void *arg __unused)
{
	cea_scrub(this_cpu());
	if (!pti_roots_per_cpu)
		return;
	__atomic_add_fetch(&audit.ready, 1, __ATOMIC_ACQ_REL);
	if (this_cpu()->cpu == audit.auditor) {
		while (__atomic_load_n(&audit.ready, __ATOMIC_ACQUIRE) <
		       cpumask_count(&cpus_online))
			cpu_relax();
		audit_roots();
		__atomic_store_n(&audit.done, true, __ATOMIC_RELEASE);
	}
	while (!__atomic_load_n(&audit.done, __ATOMIC_ACQUIRE))
		cpu_relax();
}

static void audit_once(void)
{
	audit.ready = 0;
	audit.done = false;
	audit.auditor = this_cpu()->cpu;
	seam_call_on_cpus(&cpus_online, gather, NULL);
	if (!pti_roots_per_cpu)
		audit_pair(pti_init_pgd, 0, &audit.report);
}

/* Others run meanwhile: an NMI's frame, or ports just opened, are no finding the next time. */
#define AUDIT_TRIES 3

int audit_show(struct text *t, const struct inode *inode __unused)
{
	const struct audit_report *r = &audit.report;
	int err = sleep_lock_killable(&audit.lock);

	if (err)
		return err;
	audit_once();
	for (unsigned i = 1; r->findings && i < AUDIT_TRIES; i++)
		audit_once();
	if (r->findings)
		text_print(t, "audit: %u finding(s), first: %s\n", r->findings, r->text);
	else
		text_print(t, "audit: clean; %u pages, %u frames, %lu bytes scanned\n", r->pages,
			   r->frames, r->bytes_scanned);
	sleep_unlock(&audit.lock);
	return 0;
}

/* ---- Windows ---------------------------------------------------------------------------------------------------- */

int windows_show(struct text *t, const struct inode *inode __unused)
{
	struct window w;

	for (unsigned i = 0; place_nth_window(i, &w); i++)
		if (w.start < w.end)
			text_print(t, "%#lx-%#lx %4lu bytes %s\n", w.start, w.end, w.end - w.start,
				   w.name);
	text_print(t, "in them ring 0 has the user's CR3, GS or RSP.  What CR3 shows there:\n"
		      "P1 the user half is the same in both PGDs, NX aside\n"
		      "P2 and is NX in the kernel PGD\n"
		      "P3 of the kernel half the user PGD shows slot 508, and 507 to its owner\n");
	text_print(t, "P4 where each page is in the ledger, with its rights\n"
		      "P5 nothing is writable and executable\n"
		      "P6 what is read-only has no address there at which it is not\n"
		      "P7 no byte string there is an address of what is hidden\n"
		      "P8 nothing of one task is there when another runs\n");
	return 0;
}

/* ---- Counters ----------------------------------------------------------------------------------------------------- */

int counters_show(struct text *t, const struct inode *inode __unused)
{
	text_print(
		t,
		"cpu   switches   syscalls    unknown      timer        NMI  barriers missed CR3\n");
	for_each_cpu(cpu, &cpus_online) {
		const struct percpu *p = VAULT_OF(cpu);

		text_print(t, "%3u %10lu %10lu %10lu %10lu %10lu %9lu %10s\n", cpu,
			   p->context_switches, p->syscalls, p->syscalls_unknown,
			   p->timer_interrupts, p->nmis, p->branch_barriers,
			   p->user_kernel_cr3 ? "yes" : "no");
	}
	text_print(t, "vector, events on all CPUs:\n");
	for (unsigned v = 0; v < ARRAY_SIZE(trap_count); v++)
		if (trap_count[v])
			text_print(t, "%#04x %10lu %s\n", v, trap_count[v], trap_name(v));
	return 0;
}
