/*
 * The debug store: where the processor's branch tracing (BTS) and sampling
 * (PEBS) would put their records, on CPUs that have it.
 */
#ifndef ARCH_MACHINE_DEBUG_STORE_H
#define ARCH_MACHINE_DEBUG_STORE_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"

#define DS_BTS_PAGES 16
#define DS_PEBS_PAGES (CEA_DEBUG_STORE_PAGES - 1 - DS_BTS_PAGES)
#define DS_BTS_RECORD 24
#define DS_PEBS_RECORD 200 /* the largest that a processor writes */
#define DS_COUNTERS 8

/* The DS management area, SDM vol. 3, 18.6.2 (64-bit format). */
struct ds_area {
	u64 bts_base, bts_index, bts_end, bts_threshold;
	u64 pebs_base, pebs_index, pebs_end, pebs_threshold;
	u64 pebs_reset[DS_COUNTERS];
};

/*
 * Maps this CPU's pages in its entry area, with fresh frames, and fills the
 * management area.  0 or -ENOMEM (nothing is mapped).  Boot CPU.
 */
int debug_store_map_cpu(unsigned cpu);

/* Takes them out again, for the tests: nothing uses them, all CPUs forget. */
void debug_store_unmap_cpu(unsigned cpu);

/* Names the area to this CPU; nothing is enabled. */
void debug_store_init_cpu(unsigned cpu);

#endif
