/*
 * cpu_entry_area: all that a CPU needs in order to enter the kernel, in one
 * place, at a fixed address per CPU in slot 508, shown by every user PGD.
 */
#ifndef ARCH_CPU_ENTRY_AREA_H
#define ARCH_CPU_ENTRY_AREA_H

#include "arch/gdt.h"
#include "arch/tss.h"
#include "kernel/base/percpu.h"
#include "mm/pti.h"

struct entry_page {
	u8 bytes[PAGE_SIZE];
};

/*
 * The layout of the mapping.  Never instantiated: each page is backed by a
 * frame that has another, writable address in the direct map.  Field order is
 * address order; all fields are page-aligned.
 */
struct cpu_entry_area {
	/* R.  GDTR holds this address.  The first page's frame is the TSS's, too, but
	 * with gdt_pages=4|16.  Behind the first page: absent, or the zero page with
	 * gdt_pages=4|16.  Read by every segment load. */
	struct entry_page gdt[CEA_GDT_MAX_PAGES];

	struct entry_page guard_entry_stack; /* absent */

	/* RW.  TSS.sp0 is the end of its first ENTRY_STACK_SIZE bytes.  Written on the way in by
	 * the hardware (at SYSCALL and SYSENTER by entry text), by entry text on the way out. */
	struct entry_page entry_stack;

	/* R.  The TSS ends it.  Written only through the direct map.  Read by the
	 * hardware. */
	struct entry_page tss_page;

	/* R.  Absent, but while a task with IO ports runs here: two pages of this CPU's
	 * own, and one of ones.  Read by the hardware, as part of the TSS. */
	struct entry_page io_bitmap[CEA_IO_BITMAP_PAGES];

	/* RW.  #DF, NMI, #DB, #MC, each above an absent page.  #DF's page has the entry
	 * stack's frame, of which it uses the other end. */
	struct {
		struct entry_page guard;
		struct entry_page stack;
	} ist[NR_IST];

	/* R X.  The same frame in every area.  MSR_LSTAR points into it.  Absent with
	 * syscall=entry. */
	struct entry_page trampoline;

	/* RW.  DS area, BTS and PEBS buffers, where CPUID has DS. */
	struct entry_page debug_store[CEA_DEBUG_STORE_PAGES];
};

#define CEA_FIELD_IS(field, offset)                                       \
	static_assert(offsetof(struct cpu_entry_area, field) == (offset), \
		      "layout.h and struct cpu_entry_area agree on " #field)
CEA_FIELD_IS(gdt, CEA_GDT);
CEA_FIELD_IS(entry_stack, CEA_ENTRY_STACK);
CEA_FIELD_IS(tss_page, CEA_TSS_PAGE);
CEA_FIELD_IS(io_bitmap, CEA_IO_BITMAP);
CEA_FIELD_IS(ist[0].stack, CEA_IST);
CEA_FIELD_IS(ist[1].stack, CEA_IST + CEA_IST_STRIDE);
CEA_FIELD_IS(trampoline, CEA_TRAMPOLINE);
CEA_FIELD_IS(debug_store, CEA_DEBUG_STORE);
static_assert(sizeof(struct cpu_entry_area) == CEA_STRIDE, "areas are contiguous");
static_assert(CEA_TSS_OFFSET + sizeof(struct tss) == PAGE_SIZE, "the bitmap follows the TSS");
static_assert(IO_BITMAP_BYTES + PAGE_SIZE == CEA_IO_BITMAP_PAGES * PAGE_SIZE,
	      "the bitmap's end has a page of its own");

static_assert(ENTRY_STACK_SIZE + IST_USED <= PAGE_SIZE, "#DF and the entry stack share a frame");

/* The area of CPU n (0 to NR_CPUS - 1), whether or not it is mapped. */
static inline struct cpu_entry_area *cea(unsigned cpu)
{
	return (struct cpu_entry_area *)(CEA_BASE + (u64)cpu * CEA_STRIDE);
}

/* PTE_G for a page of an area, if every user PGD shows all areas. */
static inline u64 cea_global(void)
{
	return pti_roots_per_cpu ? 0 : PTE_G;
}

/*
 * Maps what all CPUs share: the IDT's alias (the frame of `idt_page`, which is
 * in the image) and the entry text.  Boot CPU, once, after kernel_map_init().
 */
void cea_map_shared(const void *idt_page);

/*
 * With PCIDs, lets the ways in keep what the kernel's PCID has cached: sets the
 * word entry_cr3_noflush in entry text.  Boot CPU, under the temporary map:
 * later there is no writable address of entry text.
 */
void cea_set_cr3_noflush(bool pcid);

/*
 * Maps the area and the vault of one CPU, with fresh frames; fills the GDT and
 * the TSS.  gdt_pages is 1, 4 or 16.  Returns 0 or -ENOMEM; what was mapped by then
 * stays, so the caller must first see that there are frames enough.  Boot CPU, before
 * that CPU starts.
 */
int cea_map_cpu(unsigned cpu, unsigned gdt_pages);

/*
 * The writable address, in the direct map, of what the area shows read-only.
 */
struct gdt_page *cea_gdt_direct(unsigned cpu);
struct tss *cea_tss_direct(unsigned cpu);

/*
 * Erases what the task before has left on this CPU's entry, IST and ESPFIX stacks, or made
 * the processor push there.  Context: interrupts off, kernel mode, none of them in use.
 */
void cea_scrub(struct percpu *cpu);

/*
 * P8 of mm/pti.c: is nothing at all left on the pages of that CPU's entry, IST and
 * ESPFIX stacks?  So it must be whenever a kernel thread runs there.
 */
bool cea_is_scrubbed(unsigned cpu);

/* The IST number (1 to 4) whose stack page holds `va` on that CPU, or 0. */
unsigned cea_ist_of(unsigned cpu, virt_addr_t va);

#endif
