/*
 * The process entry area: slot 507 of a pair whose process has an LDT.  (All other
 * kernel PGDs have the same slot 507, with the ESPFIX stacks; their user PGDs none.)
 *
 * The processor reads the LDT in user mode, at any load of a segment register,
 * so the user PGD must show it; but it is this process's, so it cannot lie in
 * slot 508, which all share.  Both PGDs of the pair point to one PUD page of
 * the process's own.  Read-only: the frames are written through the direct map,
 * before they are mapped; a table that is mapped never changes.
 *
 *   PROCESS_ENTRY_BASE            the LDT, or the one before or after it
 *   PROCESS_ENTRY_BASE + 64 KiB   the same
 *   PTI_PLACE_BASE                its threads' PTI stacks: mm/space/pti_stack.c
 *   ESPFIX_BASE                   all CPUs' ESPFIX stacks, by the tables of all pairs
 *
 * A change is a new table at the other place, so that other CPUs go on with the
 * old one until they are told (arch/state/ldt.c).  Not global: other pairs have
 * nothing, or something else, there.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/space/process_entry.h"
#include "mm/pti.h"
#include "mm/tlb.h"

#define FIRST_ESPFIX PT_INDEX(ESPFIX_BASE, 3)

static pte_t *pud_of(const pte_t *pgd)
{
	return phys_to_virt(pgd[PGD_SLOT_PROCESS_ENTRY] & PTE_ADDR_MASK);
}

static bool has_own(const pte_t *pgd)
{
	pte_t entry = pgd[PGD_SLOT_PROCESS_ENTRY];

	return entry && entry != pti_init_pgd[PGD_SLOT_PROCESS_ENTRY];
}

/* In the kernel PGD only: the user PGD follows when there is something to be seen. */
static bool make_own(pte_t *pgd)
{
	phys_addr_t pa = frame_alloc_zeroed();

	if (pa == NO_FRAME)
		return false;
	pgd[PGD_SLOT_PROCESS_ENTRY] = pa | PTE_P | PTE_W | PTE_A;
	return true;
}

/* With an LDT: no other process can have a 16-bit stack. */
static void show_espfix(pte_t *pgd)
{
	memcpy(pud_of(pgd) + FIRST_ESPFIX, pud_of(pti_init_pgd) + FIRST_ESPFIX,
	       (PT_ENTRIES - FIRST_ESPFIX) * sizeof(pte_t));
}

static void free_own(pte_t *pgd)
{
	memset(pud_of(pgd) + FIRST_ESPFIX, 0, (PT_ENTRIES - FIRST_ESPFIX) * sizeof(pte_t));
	pt_free_tables(pgd, PGD_SLOT_PROCESS_ENTRY, PGD_SLOT_PROCESS_ENTRY);
	pti_set_process_entry(pgd, 0);
}

int process_entry_map_page(pte_t *pgd, virt_addr_t va, phys_addr_t pa, u64 prot)
{
	bool first = !has_own(pgd);
	int err;

	if (first && !make_own(pgd))
		return -ENOMEM;
	err = pt_map(pgd, va, pa, prot);
	if (!err && first)
		pti_set_process_entry(pgd, pgd[PGD_SLOT_PROCESS_ENTRY]);
	if (err && first)
		free_own(pgd);
	return err;
}

/* Both places are in one page table: only the first page of the first can fail. */
int process_entry_map(pte_t *pgd, u32 active, phys_addr_t table)
{
	int err = 0;

	for (unsigned i = 0; !err && i < ldt_pages(active); i++)
		err = process_entry_map_page(pgd, ldt_address(active) + i * PAGE_SIZE,
					     table + i * PAGE_SIZE, PROT_R);
	if (!err)
		show_espfix(pgd);
	return err;
}

void process_entry_unmap(pte_t *pgd, const struct cpumask *cpus, u32 active)
{
	virt_addr_t at = ldt_address(active);
	u64 size = ldt_pages(active) * PAGE_SIZE;

	for (u64 off = 0; off < size; off += PAGE_SIZE)
		pt_unmap(pgd, at + off);
	tlb_flush_range(cpus, at, at + size);
}

void process_entry_free(pte_t *pgd, u32 active, phys_addr_t table)
{
	if (active)
		frame_free_contiguous(table, ldt_pages(active));
	if (has_own(pgd))
		free_own(pgd);
}
