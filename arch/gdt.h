/*
 * The GDT: one page a CPU, read-only at its fixed address in the entry area,
 * written through the direct map.
 */
#ifndef ARCH_GDT_H
#define ARCH_GDT_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"

/* How LTR gets to write the busy bit: see gdt_load_tr(). */
enum ltr_way { LTR_REMAP, LTR_RELOAD };

#define GDT_PAGE_ENTRIES (PAGE_SIZE / 8)

struct gdt_page {
	u64 entry[GDT_PAGE_ENTRIES];
};

/* Fields of a descriptor (SDM vol. 3, 3.4.5); the system ones in bits 40-44. */
#define DESC_TYPE(desc) ((unsigned)((desc) >> 40 & 0x1f))
#define DESC_TYPE_TSS_AVAILABLE 0x9
#define DESC_TYPE_TSS_BUSY 0xb
#define DESC_TYPE_LDT 0x2
#define DESC_TSS_BUSY_BIT BIT(41)

/* Base address of the 16-byte system descriptor at `desc`. */
virt_addr_t gdt_system_base(const u64 *desc);

/* Writes one: present, DPL 0, limit in bytes, a DESC_TYPE_* of the LDT or TSS. */
void gdt_set_system(u64 *desc, virt_addr_t base, u32 limit, unsigned type);

/* Fills a page with a CPU's descriptors, accessed bits set, and the TSS's. */
void gdt_fill(struct gdt_page *gdt, unsigned cpu, virt_addr_t tss, u32 tss_limit);

/*
 * Loads GDTR with this CPU's read-only alias, CS and the data segments, and TR
 * with LTR, which writes the busy bit through GDTR: either with the alias made
 * writable meanwhile (LTR_REMAP), or with GDTR holding the direct address
 * (LTR_RELOAD).  Ends with the alias read-only, and panics unless a write
 * through it now faults.  Every CPU; its IDT must be loaded.
 */
void gdt_init_cpu(unsigned cpu, unsigned gdt_pages, enum ltr_way way);

/* The LTR part alone, for the tests: TR may be loaded already. */
void gdt_load_tr(unsigned cpu, unsigned gdt_pages, enum ltr_way way);

/* How many times an alias was made writable, by any CPU: never with LTR_RELOAD. */
extern u64 gdt_remaps;

/* True if a write of one byte to `va` faults.  Restores what was there. */
bool gdt_write_faults(virt_addr_t va);

#endif
