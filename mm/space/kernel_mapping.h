/*
 * Showing more of the kernel's map through one process's user PGD.  Nothing of the
 * kernel does so today but the tests: this is the door for a feature that has to.
 */
#ifndef MM_SPACE_KERNEL_MAPPING_H
#define MM_SPACE_KERNEL_MAPPING_H

#include "mm/pti.h"

/*
 * Looks up a kernel-half address in the kernel's own map, at any page size.
 * 0, or -EIO if the kernel maps nothing there.
 */
int pti_kernel_map_lookup(const pte_t *kernel_pgd, virt_addr_t va, struct pt_leaf *leaf);

/*
 * The PTE of `va` in the shadow; with `alloc`, missing tables are made.  NULL: a table
 * is missing, or there is no memory for it.
 */
pte_t *pti_shadow_walk(pte_t *kernel_pgd, virt_addr_t va, bool alloc);

/*
 * Shows [addr, addr + size) of the kernel's map through the user PGD, as 4 KiB
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
