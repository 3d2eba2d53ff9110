/*
 * How the audit says what it found.
 */
#include "kernel/base/format.h"
#include "mm/audit/finding.h"

void finding(struct audit_report *r, unsigned rule, const char *fmt, ...)
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

void page_finding(struct audit_report *r, unsigned rule, virt_addr_t va,
		  const struct ledger_entry *e, int cpu, const char *fmt, ...)
{
	char whose[16] = "shared", what[120];
	va_list args;

	if (cpu >= 0)
		format(whose, sizeof(whose), "cpu %d", cpu);
	va_start(args, fmt);
	format_va(what, sizeof(what), fmt, args);
	va_end(args);
	finding(r, rule, "page %#lx (%s, %s, owner %s): %s", va, e->name, whose, e->owner, what);
}

const char *rights_name(u64 rights)
{
	static const char *const name[] = { "R X", "RWX", "R", "RW" };

	return name[(rights & PTE_NX ? 2 : 0) + (rights & PTE_W ? 1 : 0)];
}
