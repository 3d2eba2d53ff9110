/*
 * Page tables as ranges of addresses see them.  Programs map little of much: what is
 * absent is passed by in steps of a table's whole empty stretch.
 */
#include "kernel/base/phys.h"
#include "mm/space/pt_range.h"

/* Down from the PGD as far as tables lead to `va`: the last entry, and its level. */
static pte_t *descend(pte_t *pgd, virt_addr_t va, unsigned *level)
{
	pte_t *entry = &pgd[PT_INDEX(va, PT_LEVELS)];

	for (*level = PT_LEVELS; *level > 1 && (*entry & PTE_P);) {
		pte_t *table = phys_to_virt(*entry & PTE_ADDR_MASK);

		entry = &table[PT_INDEX(va, --*level)];
	}
	return entry;
}

unsigned pt_missing(pte_t *pgd, virt_addr_t va)
{
	unsigned level;

	descend(pgd, va, &level);
	return level - 1;
}

pte_t *pt_next_entries(pte_t *pgd, virt_addr_t *va, virt_addr_t end, unsigned *count)
{
	while (*va < end) {
		unsigned level, index, next;
		pte_t *entry = descend(pgd, *va, &level);

		index = PT_INDEX(*va, level);
		if (level == 1) {
			u64 left = (end - *va + PAGE_SIZE - 1) / PAGE_SIZE;

			*count = (unsigned)MIN(left, PT_ENTRIES - index);
			return entry;
		}
		next = pt_next_used(entry - index, index + 1);
		*va = ALIGN_DOWN(*va, PT_SIZE(level)) + (next - index) * PT_SIZE(level);
	}
	return NULL;
}
