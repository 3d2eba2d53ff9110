/*
 * The LDT of a process: written as a whole, loaded with its address space.
 */
#ifndef ARCH_STATE_LDT_H
#define ARCH_STATE_LDT_H

#include "mm/space/process_entry.h"
#include "mm/space/mm.h"

/*
 * Sets one descriptor (index below LDT_ENTRIES), made by user_desc_pack() or
 * 0, of the LDT of mm, making the table if there is none.  When it returns, no
 * CPU uses the old one.  0 or -ENOFRAME.  Task context, no spinlock held.
 */
int ldt_write(struct mm *mm, unsigned index, u64 desc);

/*
 * Copies descriptors [first, first + n) to `to`; zeroes behind the table's end.
 * Returns how many entries the table has (0: none, nothing is copied).
 */
unsigned ldt_read(struct mm *mm, unsigned first, unsigned n, u64 *to);

/* fork: the child, which has no LDT yet, gets a copy.  0 or -ENOFRAME. */
int ldt_copy(struct mm *child, struct mm *parent);

/*
 * Loads LDTR of this CPU as the address space says that it has just loaded
 * (NULL: none).  For ldt_load_mm() and the tests.  Interrupts off.
 */
void ldt_load(const struct mm *mm);

/*
 * Loads an address space on this CPU (NULL: the pair of no process), and the LDT that
 * goes with it.  Context: interrupts off.
 */
static inline void ldt_load_mm(struct mm *mm)
{
	struct percpu *cpu = this_cpu();

	if (mm_load(cpu, mm) && unlikely(cpu->ldt_loaded || (mm && mm->ldt.active)))
		ldt_load(mm);
}

#endif
