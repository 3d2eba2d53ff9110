/*
 * The page tables of a user half, or of a shared object's tree, as ranges of addresses see
 * them: for mm/space/pages.c and mm/space/shared.c, under the lock of what has the tables.
 * There are no large pages in these.
 */
#ifndef MM_SPACE_PT_RANGE_H
#define MM_SPACE_PT_RANGE_H

#include "mm/pagetable.h"

/* The 4 KiB entry of `va`; NULL: no table has one. */
pte_t *pt_find_entry(pte_t *pgd, virt_addr_t va);

/* How many of the tables on the way to the 4 KiB entry of `va` are absent. */
unsigned pt_missing(pte_t *pgd, virt_addr_t va);

/*
 * Of the user half of a pair.  The first returns the 4 KiB entry of `va`, with *made tables
 * that were missing on the way; NULL: no memory, and none was made.  The other takes back
 * the table of that entry, which must be there and empty, with those above it that lead
 * nowhere else, and returns how many: no CPU may have a way to it in its TLB.
 * Each table is a holder (mm/frames/holders.h) of the one that leads to it.
 */
pte_t *pt_make_user_entry(pte_t *pgd, virt_addr_t va, unsigned *made);
unsigned pt_free_user_table(pte_t *pgd, virt_addr_t va);

/*
 * The next 4 KiB entries at or after *va and in front of end: a pointer to the
 * first, with *va its address and *count how many follow one another in its
 * table (1 to PT_ENTRIES).  Absent tables are skipped whole.  NULL: no table.
 */
pte_t *pt_next_entries(pte_t *pgd, virt_addr_t *va, virt_addr_t end, unsigned *count);

#endif
