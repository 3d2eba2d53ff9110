/*
 * The ledger of the user PGD's kernel half.  A page that is not here must not
 * be visible; a page that is here, and not optional, must be, with exactly
 * these rights.  mm/audit.c compares it with the real tables.
 *
 * To show one more page to user page tables, add a line here and say why.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/layout.h"
#include "mm/image.h"
#include "mm/ledger.h"
#include "mm/pagetable.h"

const struct ledger_entry ledger[] = {
	{ "IDT", "arch/idt.c", "the processor reads a gate before CR3 can change",
	  false, CEA_IDT, 1, PROT_R, false, LEDGER_IDT },
	{ "entry text", "entry/", "fetched before and after the CR3 switch",
	  false, CEA_ENTRY_TEXT, 0, PROT_RX, false, LEDGER_DATA },
	{ "GDT", "arch/gdt.c", "read by every load of a segment register",
	  true, CEA_GDT, 1, PROT_R, false, LEDGER_GDT },
	{ "GDT extent", "arch/cpu_entry_area.c", "zeroes, so that a selector past"
	  " the table meets a null descriptor",
	  true, CEA_GDT + PAGE_SIZE, CEA_GDT_MAX_PAGES - 1, PROT_R, true, LEDGER_GDT },
	{ "entry stack", "entry/", "the processor pushes its frame here",
	  true, CEA_ENTRY_STACK, 1, PROT_RW, false, LEDGER_DATA },
	{ "TSS", "arch/tss.c", "the processor reads sp0, ISTs and IO bitmap",
	  true, CEA_TSS, CEA_TSS_PAGES, PROT_R, false, LEDGER_DATA },
	{ "IST #DF", "entry/paranoid.asm", "stack of an event at any instruction",
	  true, CEA_IST + 0 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "IST NMI", "entry/paranoid.asm", "stack of an event at any instruction",
	  true, CEA_IST + 1 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "IST #DB", "entry/paranoid.asm", "stack of an event at any instruction",
	  true, CEA_IST + 2 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "IST #MC", "entry/paranoid.asm", "stack of an event at any instruction",
	  true, CEA_IST + 3 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "trampoline", "entry/trampoline.asm", "SYSCALL lands here",
	  true, CEA_TRAMPOLINE, 1, PROT_RX, false, LEDGER_DATA },
	{ "debug store", "(reserved)", "written by the processor's sampling",
	  true, CEA_DEBUG_STORE, CEA_DEBUG_STORE_PAGES, PROT_RW, true, LEDGER_DATA },
};
const unsigned ledger_size = ARRAY_SIZE(ledger);

unsigned ledger_pages(const struct ledger_entry *e)
{
	if (e->pages)
		return e->pages;
	return (unsigned)(PAGE_SIZE - 1 + (u64)trampoline_lma - (u64)entry_text_lma) /
	       PAGE_SIZE;
}

virt_addr_t ledger_address(const struct ledger_entry *e, unsigned cpu)
{
	return e->per_cpu ? CEA_BASE + (u64)cpu * CEA_STRIDE + e->at : e->at;
}

const struct ledger_entry *ledger_find(virt_addr_t va, int *cpu)
{
	virt_addr_t at = va;

	*cpu = -1;
	if (va >= CEA_BASE && va < CEA_SLOT_END) {
		*cpu = (int)((va - CEA_BASE) / CEA_STRIDE);
		at = (va - CEA_BASE) % CEA_STRIDE;
	}
	for (unsigned i = 0; i < ledger_size; i++) {
		const struct ledger_entry *e = &ledger[i];

		if (e->per_cpu == (*cpu >= 0) && at >= e->at &&
		    at < e->at + (u64)ledger_pages(e) * PAGE_SIZE)
			return e;
	}
	return NULL;
}
