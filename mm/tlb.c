/*
 * The TLB: what must be flushed, when, and where.
 *
 * The problem.  A CPU may go on using a translation after its page-table entry
 * has been changed, until it is told.  With a pair of PGDs a user page can be
 * cached twice, once under each; with PCIDs the CR3 write that switches
 * between the two no longer drops anything.
 *
 *   without PCIDs  every CR3 write drops all but global entries.  The way out
 *                  to user mode is such a write, so INVLPG under the kernel
 *                  PGD is enough: the user PGD's entries are gone by then.
 *   with PCIDs     the kernel PGD has PCID 1 and the user PGD 0x81, on every
 *                  CPU and for every process; the ways in and out keep both
 *                  (CR3 bit 63).  A switch to another process therefore drops
 *                  both, and a page is dropped from both.
 *
 * Invariants: a frame is not freed, nor a right taken back and relied upon,
 * before tlb_flush_range() has returned for all CPUs that may have it cached.
 * An mm's set of CPUs only loses a CPU when that CPU has loaded another PGD.
 * What may not happen: waiting for other CPUs under a spinlock (they may spin
 * for it with interrupts off and never answer); asserted.
 */
#include "kernel/base/insn.h"
#include "kernel/base/lock_check.h"
#include "kernel/base/log.h"
#include "kernel/base/percpu.h"
#include "kernel/base/seams.h"
#include "mm/tlb.h"

/* Above this many pages one flush of everything costs less. */
#define FLUSH_ALL_PAGES 32

#define INVPCID_ADDRESS 0

bool tlb_pcid;

void tlb_flush_all_local(void)
{
	u64 cr4 = read_cr4();
	u64 flags = interrupts_save();

	/* A change of CR4.PGE drops all entries of all PCIDs (SDM vol. 3,
	 * 4.10.4.1). */
	write_cr4(cr4 ^ CR4_PGE);
	write_cr4(cr4);
	interrupts_restore(flags);
}

void tlb_flush_local(virt_addr_t start, virt_addr_t end)
{
	if (end - start > FLUSH_ALL_PAGES * PAGE_SIZE) {
		tlb_flush_all_local();
		return;
	}
	for (virt_addr_t va = ALIGN_DOWN(start, PAGE_SIZE); va < end; va += PAGE_SIZE) {
		invlpg(va);
		if (tlb_pcid)
			invpcid(INVPCID_ADDRESS, PCID_USER, va);
	}
}

struct flush {
	virt_addr_t start, end;
};

static void flush_here(void *arg)
{
	const struct flush *f = arg;

	tlb_flush_local(f->start, f->end);
}

void tlb_flush_range(const struct cpumask *cpus, virt_addr_t start, virt_addr_t end)
{
	struct flush f = { start, end };

	might_sleep();
	ASSERT_OP(this_cpu()->locks_held, ==, 0);
	seam_call_on_cpus(cpus, flush_here, &f);
}
