/*
 * The process entry area: slot 507 of a pair whose process has an LDT.
 *
 * The processor reads the LDT in user mode, at any load of a segment register,
 * so the user PGD must show it; but it is this process's, so it cannot lie in
 * slot 508, which all share.  Both PGDs of the pair point to one PUD page of
 * the process's own.  Read-only: the frames are written through the direct map,
 * before they are mapped; a table that is mapped never changes.
 *
 *   PROCESS_ENTRY_BASE            the LDT, or the one before or after it
 *   PROCESS_ENTRY_BASE + 64 KiB   the same
 *
 * A change is a new table at the other place, so that other CPUs go on with the
 * old one until they are told (arch/state/ldt.c).  Not global: other pairs have
 * nothing, or something else, there.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/space/process_entry.h"
#include "mm/pti.h"
#include "mm/tlb.h"

int process_entry_map(pte_t *pgd, u32 active, phys_addr_t table)
{
	bool first = !pgd[PGD_SLOT_PROCESS_ENTRY];

	for (unsigned i = 0; i < ldt_pages(active); i++) {
		virt_addr_t va = ldt_address(active) + i * PAGE_SIZE;
		int err = pt_map(pgd, va, table + i * PAGE_SIZE, PROT_R);

		if (err) { /* both places are in one page table: the first time */
			ASSERT(first);
			pt_free_tables(pgd, PGD_SLOT_PROCESS_ENTRY, PGD_SLOT_PROCESS_ENTRY);
			return err;
		}
	}
	if (first)
		pti_set_process_entry(pgd, pgd[PGD_SLOT_PROCESS_ENTRY]);
	return 0;
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
	pt_free_tables(pgd, PGD_SLOT_PROCESS_ENTRY, PGD_SLOT_PROCESS_ENTRY);
	pti_set_process_entry(pgd, 0);
}
