/*
 * The ESPFIX region shows each page at 65536 addresses (arch/espfix.c).  A walk visits
 * the first of them; this proves the others to be the same: every entry that should be
 * a copy of another is one, at each level, and is marked with PTE_ALIAS; the first is
 * not.
 */
#include "kernel/base/phys.h"
#include "mm/audit/espfix.h"
#include "mm/audit/finding.h"

static void check_copies(struct audit_report *r, const pte_t *table, unsigned level,
			 virt_addr_t base, unsigned count, unsigned period)
{
	for (unsigned i = 0; i < count; i++) {
		pte_t first = table[i % period] & ~(pte_t)PTE_ALIAS;
		pte_t expected = first && i >= period ? first | PTE_ALIAS : first;

		if (table[i] != expected)
			finding(r, 4,
				"%#lx in the ESPFIX region: found the level-%u entry %#lx, "
				"expected a copy of %#lx",
				base + i * (u64)PT_SIZE(level), level, table[i], first);
	}
}

static const pte_t *next_table(pte_t entry)
{
	return (entry & PTE_P) && !(entry & PTE_PS) ? phys_to_virt(entry & PTE_ADDR_MASK) : NULL;
}

void check_espfix(struct audit_report *r, const pte_t *view)
{
	const pte_t *pud = next_table(view[PGD_SLOT_PROCESS_ENTRY]);
	unsigned copies = ESPFIX_GROUP_SIZE >> PT_SHIFT(3);

	for (virt_addr_t va = ESPFIX_BASE; pud && va < ESPFIX_END; va += ESPFIX_GROUP_SIZE) {
		const pte_t *entry = &pud[PT_INDEX(va, 3)];
		const pte_t *pmd = next_table(*entry);
		const pte_t *pt = pmd ? next_table(pmd[0]) : NULL;

		check_copies(r, entry, 3, va, copies, 1);
		if (pmd)
			check_copies(r, pmd, 2, va, PT_ENTRIES, 1);
		if (pt)
			check_copies(r, pt, 1, va, PT_ENTRIES, ESPFIX_STRIDE_PAGES);
	}
}
