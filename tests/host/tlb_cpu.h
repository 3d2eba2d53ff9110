/*
 * Processors as mm/tlb.c sees them: CR3, CR4, and a TLB that keeps each entry for as
 * long as the manual allows (SDM vol. 3, 4.10.4).  No emulator's is so strict: QEMU
 * has no PCIDs, and in Bochs each write of CR3 drops the entries of all of them.
 */
#ifndef TESTS_HOST_TLB_CPU_H
#define TESTS_HOST_TLB_CPU_H

#include "kernel/base/types.h"

#define TLB_CPUS 3

/* All as after a start, under the kernel's PCID or without PCIDs; empty TLBs. */
void tlb_cpu_reset(bool pcids);

/* Whose TLB the two below, and the instructions, mean: CPU 0's at first. */
void tlb_cpu_select(unsigned cpu);

/* A page is cached; and is it still? */
void tlb_cpu_fill(u64 pcid, virt_addr_t va, bool global);
bool tlb_cpu_has(u64 pcid, virt_addr_t va);

/* What would have been #GP, and CR4.PGE clear with interrupts on; all CPUs. */
unsigned tlb_cpu_faults(void);

#endif
