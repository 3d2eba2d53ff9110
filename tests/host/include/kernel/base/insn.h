/*
 * kernel/base/insn.h for the host tests: of the instructions, those that mm/tlb.c
 * uses, on the processor of tests/host/tlb_cpu.h, and those that the clock's files
 * use, on the machine of tests/host/clock_machine.h.
 */
#ifndef KERNEL_BASE_INSN_H
#define KERNEL_BASE_INSN_H

#include "kernel/base/types.h"
#include "kernel/base/x86.h"

u64 read_cr3(void);
u64 read_cr4(void);
void write_cr3(u64 v);
void write_cr4(u64 v);
void invlpg(virt_addr_t va);
void invpcid(u64 type, u64 pcid, virt_addr_t va);
u64 interrupts_save(void);
void interrupts_restore(u64 flags);

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

u64 rdtsc(void);
struct cpuid_regs cpuid(u32 leaf, u32 subleaf);
void cpu_relax(void);

#endif
