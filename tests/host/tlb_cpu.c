/*
 * The processors of tests/host/tlb_cpu.h: the instructions of insn.h, and the call
 * to other CPUs.
 */
#include "kernel/base/insn.h"
#include "kernel/base/seams.h"
#include "tests/host/tlb_cpu.h"

#include <string.h>

#define ENTRIES 64

struct entry {
	bool valid, global;
	u64 pcid;
	virt_addr_t va;
};

static struct cpu {
	u64 cr3, cr4;
	struct entry entry[ENTRIES];
} cpus[TLB_CPUS], *self = cpus;
static unsigned faults;
static bool interrupts_are_off;

void tlb_cpu_reset(bool pcids)
{
	memset(cpus, 0, sizeof(cpus));
	for (unsigned i = 0; i < TLB_CPUS; i++) {
		cpus[i].cr4 = CR4_PGE | (pcids ? CR4_PCIDE : 0);
		cpus[i].cr3 = pcids ? PCID_KERNEL : 0;
	}
	self = cpus;
	faults = 0;
}

void tlb_cpu_select(unsigned cpu)
{
	self = &cpus[cpu];
}

void tlb_cpu_fill(u64 pcid, virt_addr_t va, bool global)
{
	struct entry *e = self->entry;

	while (e->valid)
		e++;
	*e = (struct entry){ true, global, pcid, va };
}

/* A global entry is good under any PCID. */
bool tlb_cpu_has(u64 pcid, virt_addr_t va)
{
	for (const struct entry *e = self->entry; e < self->entry + ENTRIES; e++)
		if (e->valid && e->va == va && (e->global || e->pcid == pcid))
			return true;
	return false;
}

unsigned tlb_cpu_faults(void)
{
	return faults;
}

/* ---- What drops entries ------------------------------------------------------------- */

#define ANY (~0ULL)

/* Of that PCID and page; global ones only if asked to, whatever their PCID. */
static void drop(u64 pcid, virt_addr_t va, bool globals)
{
	for (struct entry *e = self->entry; e < self->entry + ENTRIES; e++) {
		bool meant = e->global ? globals : pcid == ANY || e->pcid == pcid;

		if (meant && (va == ANY || e->va == va))
			e->valid = false;
	}
}

u64 read_cr3(void)
{
	return self->cr3;
}

u64 read_cr4(void)
{
	return self->cr4;
}

void write_cr3(u64 v)
{
	bool pcids = self->cr4 & CR4_PCIDE;

	if (v >> CR3_NOFLUSH_BIT && pcids) {
		v &= ~(1ULL << CR3_NOFLUSH_BIT);
	} else {
		faults += v >> CR3_NOFLUSH_BIT;
		drop(pcids ? v & CR3_PCID_MASK : ANY, ANY, false);
	}
	self->cr3 = v;
}

/* With global pages off, an interrupt would cache them without their mark. */
void write_cr4(u64 v)
{
	faults += !(v & CR4_PGE) && !interrupts_are_off;
	if ((v ^ self->cr4) & CR4_PGE)
		drop(ANY, ANY, true);
	self->cr4 = v;
}

void invlpg(virt_addr_t va)
{
	drop(self->cr4 & CR4_PCIDE ? self->cr3 & CR3_PCID_MASK : 0, va, true);
}

void invpcid(u64 type, u64 pcid, virt_addr_t va)
{
	if (type > 3 || pcid > CR3_PCID_MASK || (pcid && !(self->cr4 & CR4_PCIDE)))
		faults++;
	drop(type < 2 ? pcid : ANY, type ? ANY : va, type == 2);
}

u64 interrupts_save(void)
{
	u64 flags = !interrupts_are_off;

	interrupts_are_off = true;
	return flags;
}

void interrupts_restore(u64 flags)
{
	interrupts_are_off = !flags;
}

void seam_call_on_cpus(const struct cpumask *set, void (*fn)(void *), void *arg)
{
	struct cpu *before = self;

	for (unsigned i = 0; i < TLB_CPUS; i++) {
		if (!cpumask_test(set, i))
			continue;
		self = &cpus[i];
		fn(arg);
	}
	self = before;
}
