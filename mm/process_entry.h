/*
 * Slot 507: what one process shows through its own user PGD only, its LDT.
 */
#ifndef MM_PROCESS_ENTRY_H
#define MM_PROCESS_ENTRY_H

#include "kernel/base/cpumask.h"
#include "kernel/base/layout.h"
#include "mm/pagetable.h"

/* The LDT's two places, used in turn: a full table each. */
#define LDT_ENTRIES 8192
#define LDT_PLACE_SIZE (LDT_ENTRIES * 8)
#define LDT_MAX_PAGES (LDT_PLACE_SIZE / PAGE_SIZE)

/* Tables that the slot needs, of three levels. */
#define LDT_TABLES 3

/* mm->ldt.active: entries (1 to LDT_ENTRIES), and in which place; 0: no LDT. */
#define LDT_ACTIVE_PLACE 0x80000000
#define LDT_ACTIVE_ENTRIES 0xffff

static inline unsigned ldt_entries(u32 active)
{
	return active & LDT_ACTIVE_ENTRIES;
}

static inline unsigned ldt_pages(u32 active)
{
	return (unsigned)(ALIGN_UP(ldt_entries(active) * 8, PAGE_SIZE) / PAGE_SIZE);
}

static inline virt_addr_t ldt_address(u32 active)
{
	return PROCESS_ENTRY_BASE + (active & LDT_ACTIVE_PLACE ? LDT_PLACE_SIZE : 0);
}

/*
 * Maps the frames at `table`, read-only, where `active` says, in both PGDs of
 * the pair.  -ENOMEM: only when nothing has been mapped there before.
 */
int process_entry_map(pte_t *pgd, u32 active, phys_addr_t table);

/*
 * Takes them out again, on all CPUs that have the pair loaded (`cpus`).  No spinlock
 * held.
 */
void process_entry_unmap(pte_t *pgd, const struct cpumask *cpus, u32 active);

/*
 * At the end of the pair: the LDT at `table`, if `active` says that there is one, its
 * tables, and the slot.  No CPU has the pair loaded.
 */
void process_entry_free(pte_t *pgd, u32 active, phys_addr_t table);

#endif
