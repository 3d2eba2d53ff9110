/*
 * Slot 507: what one process shows through its own user PGD only, its LDT; and with it
 * the ESPFIX stacks, which nobody without an LDT has a use for.
 */
#ifndef MM_SPACE_PROCESS_ENTRY_H
#define MM_SPACE_PROCESS_ENTRY_H

#include "kernel/base/cpumask.h"
#include "mm/ledger.h"
#include "mm/pagetable.h"

/* Tables that the slot needs, of three levels. */
#define LDT_TABLES 3

/* Maps one page in both PGDs of the pair, by its own tables.  0 or -ENOMEM: nothing is done. */
int process_entry_map_page(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 prot);

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
