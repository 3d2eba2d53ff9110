/*
 * The debug store.  The processor writes its records by linear address, in user
 * mode too, whatever page tables are loaded: so the buffers lie in the entry
 * area, which every user PGD shows, and nowhere else.
 *
 *   page 0        the management area: where the buffers begin, end, and are
 *   pages 1..16   BTS records
 *   pages 17..32  PEBS records
 *
 * Both buffers end at a whole number of records.  Nothing turns either on: the
 * records would be addresses of the kernel's, and a user PGD shows them.
 * Source: Intel SDM vol. 3, 18.4.9 and 18.6.2.
 */
#include "arch/cpu_entry_area.h"
#include "arch/machine/debug_store.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/tlb.h"

#define MSR_DS_AREA 0x600

static virt_addr_t address(unsigned cpu, unsigned page)
{
	return (virt_addr_t)&cea(cpu)->debug_store[page];
}

static void fill(struct ds_area *ds, unsigned cpu)
{
	u64 bts = address(cpu, 1), pebs = address(cpu, 1 + DS_BTS_PAGES);

	ds->bts_base = ds->bts_index = bts;
	ds->bts_end = bts + DS_BTS_PAGES * PAGE_SIZE / DS_BTS_RECORD * DS_BTS_RECORD;
	ds->bts_threshold = ds->bts_end + 1; /* never reached: no interrupt */
	ds->pebs_base = ds->pebs_index = pebs;
	ds->pebs_end = pebs + DS_PEBS_PAGES * PAGE_SIZE / DS_PEBS_RECORD * DS_PEBS_RECORD;
	ds->pebs_threshold = ds->pebs_end + 1;
}

int debug_store_map_cpu(unsigned cpu)
{
	phys_addr_t pa = frame_alloc_contiguous(CEA_DEBUG_STORE_PAGES, NO_FRAME);

	if (pa == NO_FRAME)
		return -ENOMEM;
	fill(phys_to_virt(pa), cpu);
	/* The area's page table is there: nothing is allocated any more. */
	return pt_map_range(pti_init_pgd, address(cpu, 0), pa, CEA_DEBUG_STORE_PAGES * PAGE_SIZE,
			    PROT_RW | cea_global(), 1);
}

void debug_store_unmap_cpu(unsigned cpu)
{
	phys_addr_t pa = pt_translate(pti_init_pgd, address(cpu, 0));

	for (unsigned i = 0; i < CEA_DEBUG_STORE_PAGES; i++)
		pt_unmap(pti_init_pgd, address(cpu, i));
	tlb_flush_range(&cpus_online, address(cpu, 0), (virt_addr_t)(cea(cpu) + 1));
	frame_free_contiguous(pa, CEA_DEBUG_STORE_PAGES);
}

void debug_store_init_cpu(unsigned cpu)
{
	wrmsr(MSR_DS_AREA, address(cpu, 0));
}
