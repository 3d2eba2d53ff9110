/*
 * With roots=cpu, what holds of a CPU's own pair: its user PGD
 * has tables of its own in slots 507 and 508, so P3 cannot compare the slots.  It
 * compares what they lead to.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/percpu.h"
#include "mm/audit/finding.h"
#include "mm/audit/roots.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"

int audit_owner(const pte_t *kernel_pgd)
{
	for_each_cpu(cpu, &cpus_online)
		if (pti_roots_per_cpu && VAULT_OF(cpu)->root == kernel_pgd)
			return (int)cpu;
	return pti_user_pgd((pte_t *)kernel_pgd) == kernel_pgd ? AUDIT_NONE : AUDIT_ANY;
}

void audit_root_leaf(struct audit_report *r, const pte_t *kernel_pgd, const struct pt_leaf *leaf,
		     const struct ledger_entry *e, int cpu, int own)
{
	if (cpu >= 0 && cpu != own)
		page_finding(r, 4, leaf->va, e, cpu,
			     "found it in the user PGD of cpu %d, expected nothing of another CPU",
			     own);
	if (pt_translate(kernel_pgd, leaf->va) != leaf->pa)
		page_finding(r, 3, leaf->va, e, cpu,
			     "found frame %#lx in the user PGD, expected the kernel PGD's",
			     leaf->pa);
}

pte_t *audit_root(unsigned cpu)
{
	return pti_roots_per_cpu ? VAULT_OF(cpu)->root : pti_init_pgd;
}
