/*
 * Flushing the TLB, here and on other CPUs.
 */
#ifndef MM_TLB_H
#define MM_TLB_H

#include "kernel/base/cpumask.h"
#include "kernel/base/insn.h"
#include "kernel/base/types.h"

/* Whether CR4.PCIDE is set: the kernel PGD under PCID 1, the user's under 0x81. */
extern bool tlb_pcid;

/*
 * Drops what this CPU may have cached of [start, end), of any PCID and also if
 * global.  Any context.
 */
void tlb_flush_local(virt_addr_t start, virt_addr_t end);

/* Drops everything this CPU has cached, global entries included. */
void tlb_flush_all_local(void);

/*
 * The same on every CPU of the set (an mm's, or cpus_online for kernel
 * mappings); returns when all have.  Context: no spinlock held (asserted).
 */
void tlb_flush_range(const struct cpumask *cpus, virt_addr_t start, virt_addr_t end);

#define INVPCID_PCID 1

/* Loads a pair's kernel PGD and drops what was cached of the one before. */
static inline void tlb_load_pgd(phys_addr_t kernel_pgd)
{
	if (unlikely(tlb_pcid)) {
		invpcid(INVPCID_PCID, PCID_USER, 0);
		kernel_pgd |= PCID_KERNEL;
	}
	write_cr3(kernel_pgd);
}

#endif
