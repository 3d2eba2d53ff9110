/*
 * Which pairs are audited, and the end of the machine if one is not right.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/log.h"
#include "mm/audit.h"
#include "mm/audit/all.h"
#include "mm/audit/roots.h"
#include "mm/audit/slots.h"
#include "mm/pti.h"

static void audit_or_panic(const pte_t *kernel_pgd, const char *when)
{
	static struct audit_report report;

	if (audit_pair(kernel_pgd, 0, &report))
		panic("audit: %s: %u finding(s), first: %s", when, report.findings, report.text);
}

void audit_roots_or_panic(const char *when)
{
	if (!pti_roots_per_cpu)
		audit_or_panic(pti_init_pgd, when);
	for_each_cpu(cpu, &cpus_online)
		if (pti_roots_per_cpu)
			audit_or_panic(audit_root(cpu), when);
}

void audit_process_or_panic(const pte_t *kernel_pgd, const char *when)
{
	if (pti_roots_per_cpu)
		audit_slots_or_panic(kernel_pgd, 0, when);
	else
		audit_or_panic(kernel_pgd, when);
}

void audit_slots_or_panic(const pte_t *kernel_pgd, u32 ldt, const char *when)
{
	struct audit_report report = { 0 };

	if (!pti_enabled)
		return;
	check_slots(&report, kernel_pgd, pti_user_pgd((pte_t *)kernel_pgd), ldt, false);
	if (report.findings)
		panic("audit: %s: %s", when, report.text);
}
