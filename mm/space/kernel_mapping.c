/*
 * Showing more of the kernel's map through one process's user PGD, and hiding it again.
 *
 * Linux's KAISER began with such calls for each page of the gate; here the gate is one
 * slot that all pairs share, and these two functions are for what a single process must
 * see besides.  What they show must be in the ledger, or the next audit stops the
 * machine.
 * Read next: mm/pti.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/space/kernel_mapping.h"
#include "mm/tlb.h"

int pti_kernel_map_lookup(const pte_t *kernel_pgd, virt_addr_t va, struct pt_leaf *leaf)
{
	return pt_walk(kernel_pgd, va, leaf) ? -EIO : 0;
}

pte_t *pti_shadow_walk(pte_t *kernel_pgd, virt_addr_t va, bool alloc)
{
	return pt_entry(pti_user_pgd(kernel_pgd), va, 1, alloc);
}

/*
 * Rounds outwards; -EINVAL for what can never be shown.  In slots 507 and 508 the
 * shadow has no tables of its own: both PGDs name the same PUD page, so an entry
 * taken out there is gone from the kernel's map, and a table freed is still named.
 */
static int check_range(virt_addr_t *addr, u64 *size)
{
	virt_addr_t start = ALIGN_DOWN(*addr, PAGE_SIZE);
	virt_addr_t last = *addr + *size - 1;

	ASSERT(pti_enabled);
	if (*addr < KERNEL_HALF || *size == 0 || last < *addr)
		return -EINVAL;
	if (last >= PROCESS_ENTRY_BASE && start < CEA_SLOT_END)
		return -EINVAL;
	*addr = start;
	*size = ALIGN_DOWN(last, PAGE_SIZE) - start + PAGE_SIZE;
	return 0;
}

/* Frees the tables above `va` in the shadow that hold nothing any more. */
static void prune(pte_t *user_pgd, virt_addr_t va)
{
	for (unsigned level = 2; level <= PT_LEVELS; level++) {
		pte_t *entry = pt_entry(user_pgd, va, level, false);
		const pte_t *table;

		if (!entry || !(*entry & PTE_P))
			continue;
		table = phys_to_virt(*entry & PTE_ADDR_MASK);
		for (unsigned i = 0; i < PT_ENTRIES; i++)
			if (table[i])
				return;
		frame_free(*entry & PTE_ADDR_MASK);
		*entry = 0;
	}
}

/* No table is freed before every CPU has forgotten the way through it. */
static void remove_pages(pte_t *kernel_pgd, virt_addr_t addr, u64 size)
{
	for (u64 off = 0; off < size; off += PAGE_SIZE)
		pt_unmap(pti_user_pgd(kernel_pgd), addr + off);
	tlb_flush_range(&cpus_online, addr, addr + size);
	for (u64 off = 0; off < size; off += PAGE_SIZE)
		prune(pti_user_pgd(kernel_pgd), addr + off);
}

int pti_add_kernel_mapping(pte_t *kernel_pgd, virt_addr_t addr, u64 size, u64 prot)
{
	int err = check_range(&addr, &size);
	struct pt_leaf leaf;

	if (err || (prot & (PTE_U | PTE_G)) || !(prot & PTE_P) ||
	    ((prot & PTE_W) && !(prot & PTE_NX)))
		return -EINVAL;
	for (u64 off = 0; off < size; off += PAGE_SIZE) {
		if (pti_kernel_map_lookup(kernel_pgd, addr + off, &leaf))
			return -EIO;
		if (!pt_walk(pti_user_pgd(kernel_pgd), addr + off, &leaf))
			return -EEXIST;
	}
	for (u64 off = 0; off < size; off += PAGE_SIZE) {
		pte_t *pte = pti_shadow_walk(kernel_pgd, addr + off, true);

		if (!pte) {
			remove_pages(kernel_pgd, addr, off + PAGE_SIZE);
			return -ENOMEM;
		}
		*pte = pt_translate(kernel_pgd, addr + off) | prot;
	}
	return 0;
}

int pti_remove_kernel_mapping(pte_t *kernel_pgd, virt_addr_t addr, u64 size)
{
	int err = check_range(&addr, &size);
	struct pt_leaf leaf;

	if (err)
		return err;
	for (u64 off = 0; off < size; off += PAGE_SIZE)
		if (pt_walk(pti_user_pgd(kernel_pgd), addr + off, &leaf))
			return -ENOENT;
	remove_pages(kernel_pgd, addr, size);
	return 0;
}
