/*
 * Page tables as ranges of addresses see them.  Programs map little of much: what is
 * absent is passed by in steps of a table's whole empty stretch.
 */
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "mm/pti.h"
#include "mm/space/pt_range.h"

/* Upper levels grant everything; the leaf decides. */
#define USER_TABLE (PTE_P | PTE_W | PTE_U | PTE_A)

/* Down from the PGD as far as tables lead to `va`: the last entry, and its level. */
static pte_t *descend(pte_t *pgd, virt_addr_t va, unsigned *level)
{
	pte_t *entry = &pgd[PT_INDEX(va, PT_LEVELS)];
	unsigned at;

#pragma GCC unroll 4
	for (at = PT_LEVELS; at > 1; at--) {
		pte_t *table;

		if (!(*entry & PTE_P))
			break;
		table = phys_to_virt(*entry & PTE_ADDR_MASK);
		entry = &table[PT_INDEX(va, at - 1)];
	}
	*level = at;
	return entry;
}

pte_t *pt_find_entry(pte_t *pgd, virt_addr_t va)
{
	unsigned level;
	pte_t *entry = descend(pgd, va, &level);

	return level == 1 ? entry : NULL;
}

unsigned pt_missing(pte_t *pgd, virt_addr_t va)
{
	unsigned level;

	descend(pgd, va, &level);
	return level - 1;
}

static phys_addr_t table_around(const pte_t *entry)
{
	return ALIGN_DOWN(virt_to_phys(entry), PAGE_SIZE);
}

/*
 * Below `entry`, of that level.  The tables are linked from the lowest up: each is whole when
 * it can be seen.
 */
static __noinline pte_t *make_tables(pte_t *pgd, virt_addr_t va, pte_t *entry, unsigned level)
{
	phys_addr_t table[PT_LEVELS] = { NO_FRAME };
	pte_t *lowest;
	unsigned n;

	for (n = 0; n < level - 1; n++) {
		table[n] = frame_alloc_zeroed();
		if (table[n] == NO_FRAME)
			break;
	}
	if (n < level - 1) {
		while (n > 0)
			frame_free_clean(table[--n]);
		return NULL;
	}
	for (n = 1; n < level - 1; n++) {
		pte_t *upper = phys_to_virt(table[n]);

		upper[PT_INDEX(va, n + 1)] = table[n - 1] | USER_TABLE;
	}
	if (level < PT_LEVELS) {
		frame_hold(table_around(entry));
		*entry = table[n - 1] | USER_TABLE;
	} else {
		pti_set_user_pgd(pgd, PT_INDEX(va, level), table[n - 1] | USER_TABLE);
	}
	lowest = phys_to_virt(table[0]);
	return &lowest[PT_INDEX(va, 1)];
}

pte_t *pt_make_user_entry(pte_t *pgd, virt_addr_t va, unsigned *made)
{
	unsigned level;
	pte_t *entry = descend(pgd, va, &level);

	*made = level - 1;
	return likely(level == 1) ? entry : make_tables(pgd, va, entry, level);
}

unsigned pt_free_user_table(pte_t *pgd, virt_addr_t va)
{
	pte_t *entry[PT_LEVELS + 1];
	unsigned level;
	bool last;

	entry[PT_LEVELS] = &pgd[PT_INDEX(va, PT_LEVELS)];
	for (level = PT_LEVELS; level > 2; level--) {
		pte_t *table = phys_to_virt(*entry[level] & PTE_ADDR_MASK);

		entry[level - 1] = &table[PT_INDEX(va, level - 1)];
	}
	do {
		phys_addr_t table = *entry[level] & PTE_ADDR_MASK;

		last = level < PT_LEVELS && frame_drop(table_around(entry[level]));
		if (level < PT_LEVELS)
			*entry[level] = 0;
		else
			pti_set_user_pgd(pgd, PT_INDEX(va, level), 0);
		frame_free_clean(table);
		level++;
	} while (last && level <= PT_LEVELS);
	return level - 2;
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
		if (ALIGN_DOWN(*va, PT_SIZE(level)) + PT_SIZE(level) >= end)
			return NULL;
		next = pt_next_used(entry - index, index + 1);
		*va = ALIGN_DOWN(*va, PT_SIZE(level)) + (next - index) * PT_SIZE(level);
	}
	return NULL;
}
