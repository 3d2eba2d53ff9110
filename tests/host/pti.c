/*
 * mm/pti.c, for host tests of what has page tables but no user PGD.
 */
#include "mm/pti.h"

void pti_set_user_pgd(pte_t *kernel_pgd, unsigned slot, pte_t entry)
{
	kernel_pgd[slot] = entry;
}
