/*
 * The boot report, some twenty lines.  Numbers are read back from where they
 * are true: the audit's walk of the user PGD, CR4, the allocator.
 */
#include "arch/cpu.h"
#include "arch/machine/apic.h"
#include "arch/machine/clock.h"
#include "arch/machine/counter.h"
#include "arch/machine/emulator.h"
#include "arch/state/mitigations.h"
#include "kernel/base/format.h"
#include "kernel/base/insn.h"
#include "kernel/base/log.h"
#include "kernel/linux/signal/signal.h"
#include "kernel/start/banner.h"
#include "kernel/start/secret.h"
#include "kernel/task/task.h"
#include "mm/audit.h"
#include "mm/audit/roots.h"
#include "mm/frames/frame.h"
#include "mm/ledger.h"
#include "mm/pti.h"
#include "mm/tlb.h"

static void print_clock(void)
{
	const struct clock_rates *r = &clock_rates;

	log("clock: TSC %lu kHz by %s%s%s%s; local APIC timer %lu kHz\n", r->tsc_hz / 1000,
	    r->tsc_by ? r->tsc_by->name : "CPUID", r->tsc_by && r->tsc_said ? " and CPUID" : "",
	    r->tsc_as_by ? ", as by " : "", r->tsc_as_by ? r->tsc_as_by->name : "",
	    r->apic_hz / 1000);
}

static void print_cpus(const struct smp_setup *setup, unsigned numbered)
{
	u64 cr4 = read_cr4();

	log("cpus: %u of %u online, %s, %s;%s%s%s%s%s%s\n", cpumask_count(&cpus_online), numbered,
	    cpu_features.vendor, apic_is_x2apic() ? "x2APIC" : "xAPIC",
	    cr4 & CR4_SMEP ? " SMEP" : "", cr4 & CR4_SMAP ? " SMAP" : "",
	    cr4 & CR4_UMIP ? " UMIP" : "", cr4 & CR4_FSGSBASE ? " FSGSBASE" : "",
	    cr4 & CR4_PGE ? " PGE" : "", cr4 & CR4_PCIDE ? " PCID" : "");
	print_clock();
	log("pti: %s%s; SYSCALL enters %s; LTR by %s; GDT of %u page%s\n",
	    pti_enabled ? "on" : "off", pti_roots_per_cpu ? ", a root for each CPU" : "",
	    setup->syscall == SYSCALL_DIRECT ? "the kernel image directly" :
	    setup->syscall == SYSCALL_ENTRY  ? "entry text" :
					       "the trampoline",
	    setup->ltr == LTR_REMAP ? "remap" : "reload", setup->gdt_pages,
	    setup->gdt_pages > 1 ? "s" : "");
	log("mitigations: %s, %s, %s\n", mitigations.verw ? "VERW before user mode" : "no VERW",
	    !mitigations.ibpb        ? "no IBPB" :
	    mitigations.each_process ? "IBPB between processes" :
				       "IBPB between users",
	    mitigations.return_stack ? "return stack filled at a switch" :
				       "return stack left alone");
}

static void print_address_map(void)
{
	static const struct {
		unsigned slot;
		virt_addr_t at;
		const char *what;
	} row[] = {
		{ PGD_SLOT_IMAGE, KERNEL_BASE, "kernel image" },
		{ PGD_SLOT_VAULT, VAULT_BASE, "cpu vaults" },
		{ PGD_SLOT_CEA, CEA_BASE, "cpu_entry_areas" },
		{ PGD_SLOT_CEA, CEA_SHARED_BASE, "IDT, entry text" },
		{ PGD_SLOT_VMAP, VMAP_BASE, "vmap: stacks, devices" },
		{ PGD_SLOT_DIRECT_MAP, DIRECT_MAP_BASE, "direct map of RAM" },
		{ 0, 0, "user half" },
	};

	log("address map:                                    kernel PGD  user PGD\n");
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		bool user = row[i].slot < PGD_FIRST_KERNEL_SLOT;
		bool shown = pti_enabled && pti_user_pgd(audit_root(0))[row[i].slot];

		log("  slot %3u  %016lx  %-22s %-10s  %s\n", row[i].slot, row[i].at, row[i].what,
		    user                      ? "NX" :
		    pti_init_pgd[row[i].slot] ? "yes" :
						"-",
		    !pti_enabled               ? "(none)" :
		    shown && pti_roots_per_cpu ? "its own" :
		    user || shown              ? "shared" :
						 "-");
	}
}

static const char *prot_name(u64 prot)
{
	if (prot & PTE_W)
		return "RW";
	return prot & PTE_NX ? "R" : "R X";
}

static void print_user_pgd(void)
{
	static struct audit_report r;

	audit_pair(audit_root(0), 0, &r);
	log("the user PGD's kernel half shows, for %u CPU%s:\n", r.cpus, r.cpus == 1 ? "" : "s");
	for (unsigned i = 0; i < ledger_size; i++)
		if (r.pages_of[i])
			log("  %4u page%s %-3s  %-12s %s\n", r.pages_of[i],
			    r.pages_of[i] == 1 ? " " : "s", prot_name(ledger[i].prot),
			    ledger[i].name, ledger[i].reason);
	log("  total: %u pages, %u frames; audit clean, %lu bytes scanned for addresses\n", r.pages,
	    r.frames, r.bytes_scanned);
}

/* One piece of output: a report from another CPU must not come in the middle of the line. */
void banner_emulator(void)
{
	static char line[800];
	size_t at = (size_t)format(line, sizeof(line), "emulator: %s", emulator_title());

	for (u32 rest = emulator.faults; rest && at < sizeof(line); rest &= rest - 1)
		at += (size_t)format(line + at, sizeof(line) - at, "%s %s",
				     rest == emulator.faults ? ";" : ",",
				     emulator_fault_title(rest & -rest));
	ASSERT_OP(at, <, sizeof(line));
	log("%s\n", line);
}

void banner_print(const struct boot_info *bi, const struct smp_setup *setup, unsigned numbered)
{
	struct frame_stats s = frame_stats();

	log("Postern: booted by %s, %lu MiB of RAM, %lu MiB free\n", bi->loader, s.total >> 8,
	    s.free >> 8);
	print_cpus(setup, numbered);
	print_address_map();
	if (pti_enabled)
		print_user_pgd();
	log("secret: %s (drawn now, told to no program)\n", secret_sentence());
}

void banner_init_ended(const char *path, int status)
{
	if (WAIT_SIGNAL(status))
		log("%s: killed by %s (%d); power off\n", path, signal_name(WAIT_SIGNAL(status)),
		    WAIT_SIGNAL(status));
	else
		log("%s: exited with status %d; power off\n", path, WAIT_CODE(status));
}
