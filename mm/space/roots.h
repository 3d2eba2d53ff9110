/*
 * roots=cpu: each CPU has one PGD pair of its own, its root, which CR3 always holds, and
 * an address space has its user half alone.
 */
#ifndef MM_SPACE_ROOTS_H
#define MM_SPACE_ROOTS_H

#include "kernel/base/percpu.h"
#include "mm/space/mm.h"

/*
 * Makes a CPU's root.  Boot CPU, when all pages of that CPU's area and its ESPFIX stack
 * are mapped, before that CPU loads it.  0 or -ENOMEM; nothing with roots=process.
 */
int roots_make_cpu(unsigned cpu);

/*
 * What a process has: a pair; with roots=cpu one PGD frame, empty, whose address has
 * bit 12 set, so that it is its own pti_user_pgd().  NULL: no memory.  It is given back
 * as a pair is.
 */
pte_t *roots_alloc(void);
void roots_free(pte_t *pgd);

/*
 * Panics unless user mode would be shown what roots_alloc() gave, and slot 507 is as it was.
 * (A user-half slot that the kernel PGD alone has is found when the next process ends: P1.)
 */
void roots_check_unused(pte_t *pgd);

/* The kernel PGD that this CPU is to load for mm (NULL: of no process).  Any context. */
static inline pte_t *roots_pgd(const struct mm *mm)
{
	if (unlikely(pti_roots_per_cpu))
		return this_cpu()->root;
	return mm ? mm->pgd : pti_init_pgd;
}

/*
 * Puts mm's user half and its slot 507 into this CPU's root, in the place of what was
 * there.  The caller flushes.  Context: interrupts off, the CPU is in mm->cpus.
 */
void roots_load(const struct mm *mm);

/*
 * After a top-level entry of mm has been set (slot: of the user half, or
 * PGD_SLOT_PROCESS_ENTRY): when it returns, all CPUs that have mm loaded have the entry.
 * Nothing with roots=process.  Context: no spinlock held.
 */
void roots_tell(struct mm *mm, unsigned slot);

#endif
