/*
 * Page-table isolation: KAISER, by its later name KPTI.
 *
 * The problem.  While a user program runs, the processor can be made to load
 * from a kernel address that is mapped, speculatively, and to leave a trace of
 * what it read (Meltdown, CVE-2017-5754).  Supervisor-only is not enough: what
 * must not be read must not be mapped.  But a system call or an interrupt
 * arrives before any instruction of ours can change CR3, so something of the
 * kernel must be mapped: the gate.
 *
 * The pair.  Every address space has two PGDs in one 8 KiB-aligned pair of
 * frames: the kernel PGD, and the user PGD 4 KiB above it, so that flipping
 * bit 12 of CR3 goes from one to the other and no memory is read to find it.
 *
 *                       kernel PGD            user PGD
 *   user half (0-255)   entry | NX            the same entry: lower levels shared
 *   slot 508            cpu_entry_area        the same PUD page, shared whole
 *   slot 507            absent; or, in a pair whose process has an LDT, one PUD
 *                       page of its own in both (mm/process_entry.c)
 *   all else            the kernel            absent
 *
 * Invariants, checked against the tables themselves by mm/audit.c:
 *   P1 user-half slots are equal in both PGDs, NX aside
 *   P2 user-half slots are NX in the kernel PGD: if the way out ever forgets to
 *      switch, the first user instruction faults instead of running with the
 *      kernel mapped
 *   P3 the user PGD's kernel half shows slot 508 only, and 507 for its owner
 *   P4 every page there is in the ledger, with the ledger's rights
 *   P5 to P7 are in mm/audit.c
 *
 * What may not happen: a user-half slot written other than by
 * pti_set_user_pgd(); a Global bit on anything that the user PGD does not
 * show, since global entries outlive the CR3 write that should hide them.
 *
 * The kernel half of all pairs is the same, 507 aside: slots are filled at boot, before
 * the first copy is made, and only lower levels change afterwards.
 * Read next: mm/ledger.c, entry/trampoline.asm (where CR3 is flipped).
 */
#include "kernel/base/errno.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/tlb.h"

pte_t *pti_init_pgd;
bool pti_enabled;

/*
 * A pair is two frames with a shadow, one without.  Aligned to two either way:
 * entry text tells a user PGD from a kernel PGD by bit 12 of CR3.
 */
static pte_t *alloc_pair_frames(void)
{
	phys_addr_t pa = frame_alloc_contiguous(2, NO_FRAME);

	if (pa == NO_FRAME)
		return NULL;
	if (!pti_enabled)
		frame_free(pa + PAGE_SIZE);
	return phys_to_virt(pa);
}

void pti_init(bool enabled)
{
	pti_enabled = enabled;
	pti_init_pgd = alloc_pair_frames();
	if (!pti_init_pgd)
		panic("pti: no memory for the first PGD pair");
}

pte_t *pti_alloc_pair(void)
{
	pte_t *pgd = alloc_pair_frames();
	size_t half = (PT_ENTRIES - PGD_FIRST_KERNEL_SLOT) * sizeof(pte_t);

	if (!pgd)
		return NULL;
	memcpy(pgd + PGD_FIRST_KERNEL_SLOT, pti_init_pgd + PGD_FIRST_KERNEL_SLOT, half);
	if (pti_enabled)
		pti_user_pgd(pgd)[PGD_SLOT_CEA] = pgd[PGD_SLOT_CEA];
	return pgd;
}

void pti_free_pair(pte_t *pgd)
{
	for (unsigned slot = 0; slot < PGD_FIRST_KERNEL_SLOT; slot++)
		ASSERT_OP(pgd[slot], ==, 0);
	ASSERT_OP(pgd[PGD_SLOT_PROCESS_ENTRY], ==, 0);
	frame_free_contiguous(virt_to_phys(pgd), pti_enabled ? 2 : 1);
}

void pti_set_user_pgd(pte_t *kernel_pgd, unsigned slot, pte_t entry)
{
	ASSERT_OP(slot, <, PGD_FIRST_KERNEL_SLOT);
	if (!pti_enabled) {
		kernel_pgd[slot] = entry;
		return;
	}
	pti_user_pgd(kernel_pgd)[slot] = entry;
	kernel_pgd[slot] = entry & PTE_P ? entry | PTE_NX : entry;
}

void pti_set_process_entry(pte_t *kernel_pgd, pte_t entry)
{
	kernel_pgd[PGD_SLOT_PROCESS_ENTRY] = entry;
	if (pti_enabled)
		pti_user_pgd(kernel_pgd)[PGD_SLOT_PROCESS_ENTRY] = entry;
}

pte_t *pti_user_pte(pte_t *kernel_pgd, virt_addr_t va, bool alloc)
{
	unsigned slot = PT_INDEX(va, PT_LEVELS);

	if (!(kernel_pgd[slot] & PTE_P)) {
		phys_addr_t pa = alloc ? frame_alloc_zeroed() : NO_FRAME;

		if (pa == NO_FRAME)
			return NULL;
		pti_set_user_pgd(kernel_pgd, slot, pa | PTE_P | PTE_W | PTE_U | PTE_A);
	}
	return pt_entry(kernel_pgd, va, 1, alloc);
}

int pti_kernel_map_lookup(const pte_t *kernel_pgd, virt_addr_t va,
			  struct pt_leaf *leaf)
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
