/*
 * Maps the ESPFIX stacks.
 *
 * The problem.  IRETQ to a 16-bit stack segment loads SP and leaves bits 31:16
 * of RSP as they are: the user reads them in ESP, and they are the kernel's.
 * So entry text makes such a return from a stack at which these bits are what
 * the user had there: one page per CPU, mapped at all 65536 places that differ
 * in bits 31:16 only.
 *
 * 65536 entries per CPU would be 128 page tables.  But the tables may be shared:
 *
 *   PUD page of slot 507   4 entries (bits 31:30) of a group of 8 CPUs lead to
 *   one PMD page           whose 512 entries (bits 29:21) all lead to
 *   one page table         whose even entries i (bits 20:12) map the frame of
 *                          the group's CPU i / 2 % 8 (bits 15:13)
 *
 * so that a group takes two tables and each CPU one frame.  They are in slot 507 of
 * pti_init_pgd, and so in every kernel PGD.  A program's 16-bit segment can only come
 * out of an LDT (a guest's, too, out of its GDT: docs/overlay.md): so a user PGD shows
 * them if its process has one (mm/space/process_entry.c), and
 * SS never holds a selector of an LDT that is not there (segment_of_frame()).
 *
 * Invariant: all but the first of the entries that are copies of one another
 * have PTE_ALIAS, by which walks of the tables know them (pt_for_each_leaf()),
 * and are equal otherwise; the audit proves it (mm/audit.c, P4).
 * Read next: entry/interrupt.asm.
 */
#include "arch/espfix.h"
#include "mm/frames/frame.h"
#include "mm/kernel_map.h"
#include "mm/pti.h"

#define PUD_COPIES (ESPFIX_GROUP_SIZE >> PT_SHIFT(3))

/* Makes a group's two tables, if they are not there. */
static bool make_group(virt_addr_t base)
{
	pte_t *pud = pt_entry(pti_init_pgd, base, 3, true);
	pte_t *pmd;

	if (!pud)
		return false;
	if (*pud & PTE_P)
		return true;
	if (!pt_entry(pti_init_pgd, base, 1, true))
		return false;
	for (unsigned i = 1; i < PUD_COPIES; i++)
		pud[i] = pud[0] | PTE_ALIAS;
	pmd = pt_entry(pti_init_pgd, base, 2, false);
	for (unsigned i = 1; i < PT_ENTRIES; i++)
		pmd[i] = pmd[0] | PTE_ALIAS;
	return true;
}

virt_addr_t espfix_map_cpu(unsigned cpu)
{
	virt_addr_t page = espfix_page(cpu);
	phys_addr_t pa = frame_alloc_zeroed();
	pte_t *pte;

	if (pa == NO_FRAME || !make_group(ALIGN_DOWN(page, ESPFIX_GROUP_SIZE)))
		return 0;
	pte = pt_entry(pti_init_pgd, page, 1, false);
	for (unsigned i = 0; i < PT_ENTRIES; i += ESPFIX_STRIDE_PAGES)
		pte[i] = pa | PROT_RW | kernel_map_global() | (i ? PTE_ALIAS : 0);
	return page + ESPFIX_STACK_TOP_OFFSET;
}
