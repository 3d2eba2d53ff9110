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
 *   slot 507            ESPFIX stacks         absent
 *     with an LDT       one PUD page of the pair's own in both, for the LDT and
 *                       the ESPFIX stacks (mm/space/process_entry.c)
 *   all else            the kernel            absent
 *
 * Invariants.  mm/audit.c checks P1 to P7 against the tables themselves:
 *   P1 user-half slots are equal in both PGDs, NX aside
 *   P2 user-half slots are NX in the kernel PGD: if the way out ever forgets to
 *      switch, the first user instruction faults instead of running with the
 *      kernel mapped
 *   P3 the user PGD's kernel half shows slot 508 only, and 507 for its owner,
 *      each the same as in the kernel PGD
 *   P4 every page there is in the ledger and has exactly its rights, supervisor-only;
 *      every page that the ledger demands is there; nothing else is global
 *   P5 nothing is writable and executable, in any table
 *   P6 no frame that the ledger calls read-only can be written at another address
 *      that the user PGD shows
 *   P7 no byte string in a page that is shown is an address of what is not
 *   P8 (cea_scrub(), arch/cpu_entry_area.c) nothing that one task has left on the
 *      stacks there is still there when another runs
 *
 * What may not happen: a user-half slot written other than by
 * pti_set_user_pgd(); a Global bit on anything that the user PGD does not
 * show, since global entries outlive the CR3 write that should hide them.
 *
 * The kernel half of all pairs is the same, 507 aside: its slots are filled at boot,
 * before the first copy is made (mm/kernel_map.c), and only lower levels change
 * afterwards.  mm/space/kernel_mapping.c could show one process more; nothing does.
 * With roots=cpu the pairs are the CPUs', not the processes': mm/space/roots.c.
 * Read next: mm/ledger.c, entry/trampoline.asm (where CR3 is flipped).
 */
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"

pte_t *pti_init_pgd;
bool pti_enabled;
bool pti_roots_per_cpu;

/*
 * A pair is two frames with a shadow (pti=on), one frame without.  The first is
 * aligned to two either way: entry text tells a user PGD from a kernel PGD by bit 12
 * of CR3.
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

void pti_init(bool enabled, bool roots_per_cpu)
{
	pti_enabled = enabled;
	pti_roots_per_cpu = enabled && roots_per_cpu;
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
	ASSERT_OP(pt_next_used(pgd, 0), >=, PGD_FIRST_KERNEL_SLOT);
	ASSERT_OP(pgd[PGD_SLOT_PROCESS_ENTRY], ==, pti_init_pgd[PGD_SLOT_PROCESS_ENTRY]);
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
	kernel_pgd[PGD_SLOT_PROCESS_ENTRY] = entry ?: pti_init_pgd[PGD_SLOT_PROCESS_ENTRY];
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
