/*
 * The ledger of the user PGD's kernel half.  A page that is not here must not
 * be visible; a page that is here, and not optional, must be, with exactly
 * these rights.  mm/audit.c compares it with the real tables.
 *
 * To show one more page to user page tables, add a line here and say why.
 */
#include "kernel/base/layout.h"
#include "mm/audit/overlay.h"
#include "mm/image.h"
#include "mm/ledger.h"
#include "mm/pagetable.h"

/* Name, owner, reason; place, address or offset there, pages (0: the linker knows how
 * many), rights, whether it may be absent, and how the leak scan reads it. */
const struct ledger_entry ledger[] = {
	{ "IDT", "arch/idt.c", "the processor reads a gate before CR3 can change", LEDGER_SHARED,
	  CEA_IDT, 1, PROT_R, false, LEDGER_IDT },
	{ "entry text", "entry/", "fetched before and after the CR3 switch", LEDGER_SHARED,
	  CEA_ENTRY_TEXT, 0, PROT_RX, false, LEDGER_DATA },
	{ "GDT", "arch/gdt.c", "read by every load of a segment register", LEDGER_AREA, CEA_GDT, 1,
	  PROT_R, false, LEDGER_GDT },
	{ "GDT extent", "arch/cpu_entry_area.c",
	  "a selector past the table meets a null descriptor", LEDGER_AREA, CEA_GDT + PAGE_SIZE,
	  CEA_GDT_MAX_PAGES - 1, PROT_R, true, LEDGER_GDT },
	{ "entry stack", "entry/", "the processor pushes its frame here", LEDGER_AREA,
	  CEA_ENTRY_STACK, 1, PROT_RW, false, LEDGER_DATA },
	{ "TSS", "arch/tss.c", "the processor reads sp0 and ISTs", LEDGER_AREA, CEA_TSS_PAGE, 1,
	  PROT_R, false, LEDGER_DATA },
	{ "IO bitmap", "arch/state/io_bitmap.c", "read by IN and OUT of a task with ports",
	  LEDGER_AREA, CEA_IO_BITMAP, CEA_IO_BITMAP_PAGES, PROT_R, true, LEDGER_IO_BITMAP },
	{ "IST #DF", "entry/paranoid.asm", "stack of an event at any instruction", LEDGER_AREA,
	  CEA_IST + 0 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "IST NMI", "entry/paranoid.asm", "stack of an event at any instruction", LEDGER_AREA,
	  CEA_IST + 1 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "IST #DB", "entry/paranoid.asm", "stack of an event at any instruction", LEDGER_AREA,
	  CEA_IST + 2 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "IST #MC", "entry/paranoid.asm", "stack of an event at any instruction", LEDGER_AREA,
	  CEA_IST + 3 * CEA_IST_STRIDE, 1, PROT_RW, false, LEDGER_DATA },
	{ "trampoline", "entry/trampoline.asm", "SYSCALL lands here", LEDGER_AREA, CEA_TRAMPOLINE,
	  1, PROT_RX, false, LEDGER_DATA },
	{ "ESPFIX stack", "arch/espfix.c", "IRET to a 16-bit stack, RSP without the kernel's bits",
	  LEDGER_ESPFIX, ESPFIX_BASE, 1, PROT_RW, true, LEDGER_DATA },
	{ "LDT", "arch/state/ldt.c", "read by every load of an LDT selector", LEDGER_PROCESS,
	  PROCESS_ENTRY_BASE, 2 * LDT_MAX_PAGES, PROT_R, true, LEDGER_LDT },
	{ "deferred text", "entry/deferred/", "runs on the user's table, and may stay there",
	  LEDGER_SHARED, CEA_DEFERRED_TEXT, CEA_DEFERRED_TEXT_PAGES, PROT_RX, true, LEDGER_DATA },
	{ "deferred tables", "entry/deferred/", "deferred text finds its functions here",
	  LEDGER_SHARED, CEA_DEFERRED_RODATA, CEA_DEFERRED_RODATA_PAGES, PROT_R, true,
	  LEDGER_DATA },
	{ "machine", "arch/state/deferred.c", "the clock that deferred text reads", LEDGER_SHARED,
	  CEA_DEFERRED_DATA, 1, PROT_R, true, LEDGER_DATA },
	{ "PTI stack", "entry/deferred/", "deferred text runs on it", LEDGER_PLACES,
	  PTI_PLACE_STACK, 1, PROT_RW, true, LEDGER_PTI },
	{ "process's facts", "kernel/linux/tree.c", "deferred text answers with them",
	  LEDGER_PLACES, PTI_PLACE_FACTS, 1, PROT_R, true, LEDGER_DATA },
	{ "overlay", "kernel/guest/tables.c", "read as the guest's GDT and LDT, at their addresses",
	  LEDGER_GUEST, 0, GUEST_PAGES, PROT_RW, true, LEDGER_OVERLAY },
	{ "vDSO", "arch/vdso/vdso64.c", "programs read the clock there, without a call",
	  LEDGER_VDSO, 0, 1, PROT_RX, true, LEDGER_DATA },
	{ "debug store", "arch/machine/debug_store.c", "written by the processor's sampling",
	  LEDGER_AREA, CEA_DEBUG_STORE, CEA_DEBUG_STORE_PAGES, PROT_RW, true, LEDGER_DATA },
};
const unsigned ledger_size = ARRAY_SIZE(ledger);

bool ledger_debug_store, ledger_deferred, ledger_trampoline;

bool ledger_required(const struct ledger_entry *e)
{
	if (e->place == LEDGER_SHARED && e->at >= CEA_DEFERRED_TEXT)
		return ledger_deferred;
	return !e->optional || (ledger_debug_store && e->at == CEA_DEBUG_STORE);
}

unsigned ledger_pages(const struct ledger_entry *e)
{
	if (e->pages)
		return e->at != CEA_TRAMPOLINE || ledger_trampoline ? e->pages : 0;
	return (unsigned)(PAGE_SIZE - 1 + (u64)trampoline_lma - (u64)entry_text_lma) / PAGE_SIZE;
}

virt_addr_t ledger_address(const struct ledger_entry *e, unsigned cpu)
{
	if (e->place == LEDGER_AREA)
		return CEA_BASE + (u64)cpu * CEA_STRIDE + e->at;
	if (e->place == LEDGER_ESPFIX)
		return espfix_page(cpu);
	return e->at;
}

/* The CPU to whose pages `va` belongs, or -1. */
static int cpu_of(virt_addr_t va)
{
	if (va >= CEA_BASE && va < CEA_SLOT_END)
		return (int)((va - CEA_BASE) / CEA_STRIDE);
	if (va >= ESPFIX_BASE && va < ESPFIX_END)
		return (int)((va - ESPFIX_BASE) / ESPFIX_GROUP_SIZE * ESPFIX_GROUP_CPUS +
			     va % ESPFIX_STRIDE / ESPFIX_CPU_STRIDE);
	return -1;
}

const struct ledger_entry *ledger_find(virt_addr_t va, int *cpu)
{
	*cpu = cpu_of(va);
	for (unsigned i = 0; i < ledger_size; i++) {
		const struct ledger_entry *e = &ledger[i];
		virt_addr_t first = ledger_address(e, *cpu < 0 ? 0 : (unsigned)*cpu);

		if (e->place == LEDGER_PLACES && va - PTI_PLACE_BASE < PTI_PLACES_SIZE)
			first = ALIGN_DOWN(va, PTI_PLACE_SIZE) + e->at;
		if (e->place != LEDGER_VDSO && ledger_per_cpu(e) == (*cpu >= 0) &&
		    va - first < (u64)ledger_pages(e) * PAGE_SIZE)
			return e;
	}
	return NULL;
}
