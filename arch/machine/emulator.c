/*
 * Emulators and their faults, by probes of a few instructions and by name, never
 * by version.  What is not probed here is looked at where it shows: by
 * tests/suites/emulator.c and by tests/emulators.py.  Called by kernel/main.c; printed by kernel/start/banner.c.
 * Sources: docs/emulators.md, which has the manuals' word on each.
 */
#include "arch/cpu.h"
#include "arch/idt.h"
#include "arch/machine/emulator.h"
#include "kernel/base/insn.h"
#include "kernel/base/io.h"
#include "kernel/base/percpu.h"
#include "kernel/base/ports.h"
#include "kernel/base/string.h"
#include "mm/pagetable.h"
#include "mm/pti.h"
#include "mm/space/uaccess.h"

#define HYPERVISOR_LEAF 0x40000000
#define NON_CANONICAL BIT(62)
#define RF_PROBES 8

struct emulator emulator;

static const struct {
	const char *title;
	u32 faults; /* known of it, not probed */
} known[] = {
	[EMULATOR_UNKNOWN] = { "none recognised", 0 },
	[EMULATOR_TCG] = { "QEMU TCG", EMULATOR_NO_AC | EMULATOR_LATE_DB | EMULATOR_LRET_ACCESSED |
					       EMULATOR_IRET_RING3 },
	[EMULATOR_BOCHS] = { "Bochs", EMULATOR_NO_NMI },
};

static const struct {
	u32 fault;
	const char *title;
} titles[] = {
	{ EMULATOR_TAKES_PCIDE, "takes PCIDE without PCID" },
	{ EMULATOR_DROPS_GLOBAL, "CR3 writes drop global pages" },
	{ EMULATOR_DROPS_PCID, "CR3 writes drop all PCIDs" },
	{ EMULATOR_STALE_RIP, "instruction breakpoints hang" },
	{ EMULATOR_NO_RF, "no RF in a fault's frame" },
	{ EMULATOR_NO_AC, "no #AC, no #XM" },
	{ EMULATOR_LATE_DB, "no #DB on an entry's first instruction" },
	{ EMULATOR_LRET_ACCESSED, "LRET and IRET never set the accessed bit" },
	{ EMULATOR_IRET_RING3, "SYSRET and IRETQ to a non-canonical RIP fault in ring 3" },
	{ EMULATOR_FAR_RETURN, "a far return in ring 3 reads what is mapped, whatever the rights" },
	{ EMULATOR_NO_NMI, "no NMI and no #MC from outside" },
};

static enum emulator_name recognise(void)
{
	struct cpuid_regs r = { 0 };

	if (cpuid(1, 0).ecx & BIT(31))
		r = cpuid(HYPERVISOR_LEAF, 0);
	if (memcmp(&r.ebx, "TCGT", 4) == 0 && memcmp(&r.ecx, "CGTC", 4) == 0)
		return EMULATOR_TCG;
	return r.eax == 0 && inb(PORT_BOCHS_E9) == PORT_BOCHS_E9 ? EMULATOR_BOCHS :
								   EMULATOR_UNKNOWN;
}

/* A reserved bit of CR4 must be #GP. */
static bool takes_pcide(void)
{
	u64 cr4 = read_cr4();

	if (cpu_features.pcid || probe_write_cr4(cr4 | CR4_PCIDE))
		return false;
	write_cr4(cr4);
	return true;
}

/* Is the page, cached with these rights, still there behind a write of CR3? */
static bool survives(virt_addr_t page, u64 rights, u64 cr3)
{
	pte_t *pte = pt_entry(pti_init_pgd, page, 1, false);
	pte_t whole = *pte;
	u8 byte;
	int err;

	*(volatile pte_t *)pte = whole | rights;
	invlpg(page);
	probe_read(page, &byte);
	*(volatile pte_t *)pte = 0;
	write_cr3(cr3);
	err = probe_read(page, &byte);
	*(volatile pte_t *)pte = whole;
	invlpg(page);
	return !err;
}

/* A fault pushes RF set: each of these must, by #GP as by #PF. */
static bool pushes_no_rf(void)
{
	bool missing = false;
	u8 byte;

	for (unsigned i = 0; i < RF_PROBES; i++) {
		probe_read(NON_CANONICAL, &byte);
		missing |= !(this_cpu()->fixup_flags & RFLAGS_RF);
	}
	return missing;
}

/* arch/machine/emulator_rip.asm */
bool emulator_rip_is_stale(virt_addr_t non_canonical);
void emulator_rip_handler(void);

/* On an IDT of its own, in the page: other CPUs go on with theirs. */
static bool keeps_rip(virt_addr_t page)
{
	struct table_register t = { PAGE_SIZE - 1, page };
	struct idt_gate *gates = (struct idt_gate *)page;
	bool stale;

	memcpy(gates, (const void *)CEA_IDT, PAGE_SIZE);
	idt_gate_set_offset(&gates[VEC_DE], (virt_addr_t)emulator_rip_handler);
	lidt(&t);
	stale = emulator_rip_is_stale(NON_CANONICAL);
	idt_load();
	return stale;
}

u32 emulator_probe(virt_addr_t page)
{
	u64 cr3 = read_cr3(), cr4 = read_cr4();
	u32 faults = takes_pcide() ? EMULATOR_TAKES_PCIDE : 0;

	if ((cr4 & CR4_PGE) && !survives(page, PTE_G, cr3))
		faults |= EMULATOR_DROPS_GLOBAL;
	if ((cr4 & CR4_PCIDE) && !survives(page, 0, cr3 | BIT(CR3_NOFLUSH_BIT)))
		faults |= EMULATOR_DROPS_PCID;
	if (keeps_rip(page))
		faults |= EMULATOR_STALE_RIP;
	if (pushes_no_rf())
		faults |= EMULATOR_NO_RF;
	return faults;
}

void emulator_detect(virt_addr_t page)
{
	emulator.name = recognise();
	emulator.faults = known[emulator.name].faults | emulator_probe(page);
}

const char *emulator_title(void)
{
	return known[emulator.name].title;
}

const char *emulator_fault_title(u32 fault)
{
	for (unsigned i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].fault == fault)
			return titles[i].title;
	return "?";
}
