/*
 * The PGD pair: what the user PGD shows, and the functions that change it (but
 * for slot 508, which mm/kernel_map.c sets once).  The theory is in mm/pti.c.
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

/* Makes the first pair.  Boot CPU, once, before any other pair. */
void pti_init(bool enabled);

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
 * Sets slot 507, the process's own, in both PGDs: the only writer of the user
 * PGD's.  pti_free_pair() wants it cleared, too.
 */
void pti_set_process_entry(pte_t *kernel_pgd, pte_t entry);

/*
 * The user-half PTE of `va`, tables made on the way (NULL: no memory).  Goes
 * through pti_set_user_pgd() for a new slot.
 */
pte_t *pti_user_pte(pte_t *kernel_pgd, virt_addr_t va, bool alloc);

/*
 * Looks up a kernel-half address in the kernel's own map, at any page size.
 * 0, or -EIO if the kernel maps nothing there.
 */
int pti_kernel_map_lookup(const pte_t *kernel_pgd, virt_addr_t va,
			  struct pt_leaf *leaf);

/*
 * The PTE of `va` in the shadow, tables made on the way.  NULL: no memory.
 */
pte_t *pti_shadow_walk(pte_t *kernel_pgd, virt_addr_t va, bool alloc);

/*
 * For what a later feature has to show of one process; the tests alone call it
 * today.  Shows [addr, addr + size) of the kernel's map through the user PGD, as 4 KiB
 * pages with `prot` (PROT_R, PROT_RW or PROT_RX; never PTE_U or PTE_G).
 * Both ends are rounded outwards to pages.  Errors, all of which leave the
 * shadow as it was:
 *   -EINVAL  below the kernel half, a size of 0 or one that wraps, a prot that
 *            is W and X or user, or within slot 507 or 508, whose tables both PGDs
 *            share (pti_set_process_entry() alone shows and hides slot 507)
 *   -EIO     the kernel maps nothing at one of the pages
 *   -EEXIST  the shadow shows one of the pages already
 *   -ENOMEM
 * What is added must be in the ledger, or the next audit stops the machine.
 * Context: there is a shadow (asserted); no spinlock held (-ENOMEM flushes).
 */
int pti_add_kernel_mapping(pte_t *kernel_pgd, virt_addr_t addr, u64 size, u64 prot);

/*
 * Takes it out again, and frees shadow tables that are empty then.  -EINVAL as
 * above; -ENOENT, with the shadow as it was, if a page is not shown.  Flushes
 * all CPUs; no spinlock held.
 */
int pti_remove_kernel_mapping(pte_t *kernel_pgd, virt_addr_t addr, u64 size);

#endif
