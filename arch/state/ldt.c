/*
 * The LDT under split page tables.
 *
 * A table is built in fresh frames, mapped read-only in the process's own slot
 * (mm/space/process_entry.c), and never changes while it is mapped: each modify_ldt
 * makes the next one, in the other of two places, tells all CPUs that have the
 * address space loaded, and only then unmaps and frees the one before.
 *
 *   1 build it, map it            others use the old one
 *   2 publish mm->ldt.active      a CPU that loads mm from here on takes it
 *   3 call all CPUs in mm->cpus   LLDT, and DS and ES loaded again
 *   4 unmap, flush, free the old  no CPU can have it any more
 *
 * A CPU that loads mm sets its bit in mm->cpus first and reads mm->ldt.active
 * then; we publish first and read mm->cpus then: one of the two sees the other.
 *
 * LDTR is loaded through a descriptor in the GDT of this CPU, which is written
 * at its direct address.  Accessed bits are set in advance (user_desc_pack()),
 * so no load writes to either table.
 * mm->ldt.lock, which sleeps since other CPUs are waited for under it, is for those
 * that make the next table; one that is loaded needs no lock.
 * Read next: mm/space/process_entry.c.
 */
#include "arch/gdt.h"
#include "arch/state/ldt.h"
#include "arch/state/segment.h"
#include "kernel/base/errno.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/base/nospec.h"
#include "kernel/base/percpu.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/sleep_lock.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/space/roots.h"
#include "mm/tlb.h"

/* ---- Loading ------------------------------------------------------------------ */

void ldt_load(const struct mm *mm)
{
	u32 active = mm ? __atomic_load_n(&mm->ldt.active, __ATOMIC_SEQ_CST) : 0;
	u64 *desc = &this_cpu()->gdt->entry[SEL_LDT / 8];

	if (active) {
		gdt_set_system(desc, ldt_address(active), ldt_entries(active) * 8 - 1,
			       DESC_TYPE_LDT);
		lldt(SEL_LDT);
	} else {
		lldt(0);
		desc[0] = desc[1] = 0;
	}
	this_cpu()->ldt_loaded = active;
}

/*
 * On each CPU that has the mm loaded.  FS and GS keep what they have cached, as
 * on Linux: their bases are the program's own, whatever the descriptor says.
 */
static void reload(void *arg)
{
	const struct mm *mm = arg;
	u16 ds = read_ds(), es = read_es();

	if (this_cpu()->mm != mm)
		return;
	ldt_load(mm);
	if (ds & SEL_TI)
		segment_load_ds(ds);
	if (es & SEL_TI)
		segment_load_es(es);
}

/* ---- Changing ------------------------------------------------------------------ */

static u64 *entries_of(const struct mm *mm)
{
	return phys_to_virt(mm->ldt.table);
}

/*
 * A table of `count` entries with what `from` has; the place is the one that mm
 * does not use.  *active and the frames' address, or NO_FRAME.
 */
static phys_addr_t build(struct mm *mm, unsigned count, const struct mm *from, u32 *active)
{
	u32 old = mm->ldt.active;
	phys_addr_t table;

	*active = count | (old && !(old & LDT_ACTIVE_PLACE) ? LDT_ACTIVE_PLACE : 0);
	table = frame_alloc_contiguous(ldt_pages(*active), NO_FRAME);
	if (table != NO_FRAME && from->ldt.active)
		memcpy(phys_to_virt(table), entries_of(from), ldt_entries(from->ldt.active) * 8);
	return table;
}

/* Puts a built table in the place of mm's.  0 or -ENOFRAME, the table freed. */
static int install(struct mm *mm, u32 active, phys_addr_t table)
{
	u32 old = mm->ldt.active;
	phys_addr_t old_table = mm->ldt.table;

	if (process_entry_map(mm->pgd, active, table)) {
		frame_free_contiguous(table, ldt_pages(active));
		return -ENOFRAME;
	}
	if (!old) /* the slot leads to other tables now */
		roots_tell(mm, PGD_SLOT_PROCESS_ENTRY);
	if (!old)
		tlb_flush_range(&mm->cpus, PROCESS_ENTRY_BASE, PROCESS_ENTRY_BASE + PAGE_SIZE);
	mm->ldt.table = table;
	__atomic_store_n(&mm->ldt.active, active, __ATOMIC_SEQ_CST);
	seam_call_on_cpus(&mm->cpus, reload, mm);
	if (old) {
		process_entry_unmap(mm->pgd, &mm->cpus, old);
		frame_free_contiguous(old_table, ldt_pages(old));
	}
	return 0;
}

int ldt_write(struct mm *mm, unsigned index, u64 desc)
{
	phys_addr_t table;
	u32 active;
	int err = -ENOFRAME;

	ASSERT_OP(index, <, LDT_ENTRIES);
	sleep_lock(&mm->ldt.lock);
	table = build(mm, MAX(index + 1, ldt_entries(mm->ldt.active)), mm, &active);
	if (table != NO_FRAME) {
		index = (unsigned)array_index_nospec(index, LDT_ENTRIES);
		((u64 *)phys_to_virt(table))[index] = desc;
		err = install(mm, active, table);
	}
	sleep_unlock(&mm->ldt.lock);
	return err;
}

unsigned ldt_read(struct mm *mm, unsigned first, unsigned n, u64 *to)
{
	unsigned count, have;

	sleep_lock(&mm->ldt.lock);
	count = ldt_entries(mm->ldt.active);
	have = count > first ? MIN(n, count - first) : 0;
	if (have)
		memcpy(to, entries_of(mm) + first, have * 8);
	sleep_unlock(&mm->ldt.lock);
	if (count)
		memset(to + have, 0, (n - have) * 8);
	return count;
}

int ldt_copy(struct mm *child, struct mm *parent)
{
	phys_addr_t table;
	u32 active;
	int err = 0;

	sleep_lock(&parent->ldt.lock);
	if (parent->ldt.active) {
		table = build(child, ldt_entries(parent->ldt.active), parent, &active);
		err = table == NO_FRAME ? -ENOFRAME : install(child, active, table);
	}
	sleep_unlock(&parent->ldt.lock);
	return err;
}
