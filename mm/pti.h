/*
 * The PGD pair: the functions that change what the user PGD shows (but for slot 508,
 * which mm/kernel_map.c sets once).  The theory is in mm/pti.c.
 */
#ifndef MM_PTI_H
#define MM_PTI_H

#include "kernel/base/types.h"
#include "mm/pagetable.h"

/*
 * The pair of no process: kernel threads and idle CPUs run on its kernel PGD.
 * Every other pair copies its kernel half from here.
 */
extern pte_t *pti_init_pgd;

/* Whether there is a shadow (pti=on).  Set once by pti_init(). */
extern bool pti_enabled;

/*
 * roots=cpu: CR3 holds a pair that is the CPU's, and a process has one PGD frame, which
 * is never loaded (mm/space/roots.c).  Set once by pti_init().
 */
extern bool pti_roots_per_cpu;
#define PTI_SLOT_WORDS (PGD_FIRST_KERNEL_SLOT / 64)

/* Makes the first pair.  Boot CPU, once, before any other pair. */
void pti_init(bool enabled, bool roots_per_cpu);

/*
 * A new pair, kernel half taken from pti_init_pgd, user half empty.  Returns
 * the kernel PGD, or NULL if there is no memory.  pti_free_pair() wants the
 * user half's slots cleared (asserted).
 */
pte_t *pti_alloc_pair(void);
void pti_free_pair(pte_t *pgd);

/* The other half of the pair: 4 KiB above.  Only with pti_enabled. */
static inline pte_t *pti_user_pgd(pte_t *kernel_pgd)
{
	return (pte_t *)((virt_addr_t)kernel_pgd | PAGE_SIZE);
}

/*
 * Sets a user-half slot (0 to 255) of both PGDs: the only writer of one.  The
 * kernel PGD's copy gets NX, so that a missed switch on the way out faults at
 * the first user instruction.  The caller flushes.
 */
void pti_set_user_pgd(pte_t *kernel_pgd, unsigned slot, pte_t entry);

/*
 * Sets slot 507, the process's own, in both PGDs: the only writer of it.  With 0 the
 * user PGD's is empty and the kernel PGD's is that of all kernel PGDs, as it must be
 * again before pti_free_pair().
 */
void pti_set_process_entry(pte_t *kernel_pgd, pte_t entry);

/*
 * The user-half PTE of `va`; with `alloc`, missing tables are made, a new slot's by
 * pti_set_user_pgd().  NULL: a table is missing, or there is no memory for it.
 */
pte_t *pti_user_pte(pte_t *kernel_pgd, virt_addr_t va, bool alloc);

#endif
