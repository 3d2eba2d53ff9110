/*
 * The page tables of a user half, or of a shared object's tree, as ranges of addresses see
 * them: for mm/space/pages.c and mm/space/shared.c, under the lock of what has the tables.
 * There are no large pages in these.
 */
#ifndef MM_SPACE_PT_RANGE_H
#define MM_SPACE_PT_RANGE_H

#include "mm/pagetable.h"

/* How many of the tables on the way to the 4 KiB entry of `va` are absent. */
unsigned pt_missing(pte_t *pgd, virt_addr_t va);

/*
 * The next 4 KiB entries at or after *va and in front of end: a pointer to the
 * first, with *va its address and *count how many follow one another in its
 * table (1 to PT_ENTRIES).  Absent tables are skipped whole.  NULL: no table.
 */
pte_t *pt_next_entries(pte_t *pgd, virt_addr_t *va, virt_addr_t end, unsigned *count);

#endif
