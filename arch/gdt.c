/*
 * The GDT and LTR.
 *
 * Every descriptor has its accessed bit set in advance, so that no segment
 * load ever writes to the table, and the table can be read-only.  The one
 * instruction that must write is LTR, which sets the busy bit of the TSS
 * descriptor: it does so once per CPU, in gdt_load_tr().
 *
 * Each CPU's GDT has two addresses: the alias, in its entry area, is read-only and what
 * GDTR holds; the direct address, in the direct map, is writable.
 *
 * What may not happen: GDTR left on the direct address, or an alias left writable;
 * gdt_init_cpu() tries a write and panics unless it faults.  While the alias is writable
 * the CPU executes no more than two instructions: tests/suites/ltr.c steps through them.
 * Source: "x86: Remap GDTs at fixed location", LKML, January 2017.
 * Read next: arch/cpu_entry_area.c.
 */
#include "arch/cpu_entry_area.h"
#include "arch/gdt.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"

u64 gdt_remaps;

virt_addr_t gdt_system_base(const u64 *desc)
{
	u64 low = desc[0];

	return (low >> 16 & 0xffffff) | (low >> 56 & 0xff) << 24 | (desc[1] & 0xffffffff) << 32;
}

void gdt_set_system(u64 *desc, virt_addr_t base, u32 limit, unsigned type)
{
	desc[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | DESC_PRESENT | (u64)type << 40 |
		  (u64)(limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
	desc[1] = base >> 32;
}

void gdt_fill(struct gdt_page *gdt, unsigned cpu, virt_addr_t tss, u32 tss_limit)
{
	u64 *e = gdt->entry;

	e[SEL_KERNEL_CS / 8] = DESC_KERNEL_CS;
	e[SEL_KERNEL_DS / 8] = DESC_KERNEL_DS;
	e[SEL_USER32_CS / 8] = DESC_USER32_CS;
	e[SEL_USER_DS / 8] = DESC_USER_DS;
	e[SEL_USER_CS / 8] = DESC_USER_CS;
	e[SEL_CPU / 8] = DESC_USER_LIMIT | cpu;
	gdt_set_system(&e[SEL_TSS / 8], tss, tss_limit, DESC_TYPE_TSS_AVAILABLE);
}

/* A table of one page ends where the TSS begins: none of that is a descriptor. */
static struct table_register gdtr(virt_addr_t base, unsigned gdt_pages)
{
	unsigned bytes = gdt_pages > 1 ? gdt_pages * PAGE_SIZE : CEA_TSS_OFFSET;

	return (struct table_register){ (u16)(bytes - 1), base };
}

/*
 * LTR with the alias writable meanwhile.  The PTE is found before; then
 *
 *   MOV     opens the alias, in the page table
 *   INVLPG  this CPU may have the read-only translation cached, and LTR's write
 *           would fault on that (SDM vol. 3, 4.10.4.3)
 *   LTR     sets the busy bit
 *   MOV     closes the alias, in the page table
 *   INVLPG  on this CPU, which has the writable translation cached now
 *
 * The page is global, so that one INVLPG drops it for all PCIDs (4.10.4.1); or, with
 * roots=cpu, the user PGD has a PTE of its own, which stays as it is.  D is
 * set with W, or the processor would write to the PTE as well.  Another CPU could
 * cache the writable translation only by touching this CPU's alias meanwhile;
 * nothing does.  Context: interrupts off.
 */
static void ltr_by_remap(unsigned cpu)
{
	virt_addr_t alias = (virt_addr_t)cea(cpu)->gdt;
	pte_t *pte = pt_entry(pti_init_pgd, alias, 1, false);
	pte_t read_only = *pte;

	__atomic_fetch_add(&gdt_remaps, 1, __ATOMIC_RELAXED);
	pte_open_and_ltr(pte, read_only | PTE_W | PTE_D, alias, SEL_TSS);
	*(volatile pte_t *)pte = read_only;
	invlpg(alias);
}

void gdt_load_tr(unsigned cpu, unsigned gdt_pages, enum ltr_way way)
{
	struct table_register alias = gdtr((virt_addr_t)cea(cpu)->gdt, gdt_pages);
	/* One page only: the frame behind it is not the GDT's. */
	struct gdt_page *gdt = VAULT_OF(cpu)->gdt;
	struct table_register direct = gdtr((virt_addr_t)gdt, 1);
	u64 flags = interrupts_save();

	/* LTR wants an available TSS: #GP on a busy one. */
	gdt->entry[SEL_TSS / 8] &= ~DESC_TSS_BUSY_BIT;
	if (way == LTR_REMAP) {
		lgdt(&alias);
		ltr_by_remap(cpu);
	} else {
		lgdt(&direct);
		ltr(SEL_TSS);
		lgdt(&alias);
	}
	interrupts_restore(flags);
}

bool gdt_write_faults(virt_addr_t va)
{
	u8 byte;

	return !probe_read(va, &byte) && probe_write(va, byte);
}

static void load_segments(void)
{
	reload_cs(SEL_KERNEL_CS);
	write_ss(SEL_KERNEL_DS);
	write_ds(0);
	write_es(0);
	write_fs(0);
	/* After reset LDTR is usable, with base 0 and limit 0xffff. */
	lldt(0);
	/* GS's base lives on in the MSR; loading the selector would clear it. */
}

void gdt_init_cpu(unsigned cpu, unsigned gdt_pages, enum ltr_way way)
{
	gdt_load_tr(cpu, gdt_pages, way);
	load_segments();
	if (!gdt_write_faults((virt_addr_t)cea(cpu)->gdt))
		panic("gdt: cpu %u can write its read-only alias %p", cpu, (void *)cea(cpu)->gdt);
}
