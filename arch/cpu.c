/*
 * CPU features: CPUID into cpu_features once, CR0 and CR4 on every CPU.
 * Each protection is on where the CPU has it; none can be switched off.
 * Sources: Intel SDM vol. 2 (CPUID), vol. 3, 2.5; AMD APM vol. 3, appendix E.
 */
#include "arch/cpu.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"

#define RDCL_NO 0x1 /* IA32_ARCH_CAPABILITIES: not open to Meltdown */

struct cpu_features cpu_features;

static void detect_leaf7(u32 max_leaf)
{
	struct cpuid_regs r = { 0 };

	if (max_leaf >= 7)
		r = cpuid(7, 0);
	cpu_features.fsgsbase = r.ebx & BIT(0);
	cpu_features.smep = r.ebx & BIT(7);
	cpu_features.invpcid = r.ebx & BIT(10);
	cpu_features.rtm = r.ebx & BIT(11);
	cpu_features.rdseed = r.ebx & BIT(18);
	cpu_features.smap = r.ebx & BIT(20);
	cpu_features.umip = r.ecx & BIT(2);
	cpu_features.pku = r.ecx & BIT(3);
	cpu_features.ibpb = r.edx & BIT(26);
	cpu_features.arch_capabilities = r.edx & BIT(29);
}

/* As Linux decides it: Intel's processors but for those that say RDCL_NO. */
static bool open_to_meltdown(void)
{
	if (strcmp(cpu_features.vendor, "GenuineIntel") != 0)
		return false;
	return !cpu_features.arch_capabilities || !(rdmsr(MSR_ARCH_CAPABILITIES) & RDCL_NO);
}

void cpu_detect(void)
{
	struct cpuid_regs r = cpuid(0, 0);
	u32 max_leaf = r.eax;

	memcpy(cpu_features.vendor, &r.ebx, 4);
	memcpy(cpu_features.vendor + 4, &r.edx, 4);
	memcpy(cpu_features.vendor + 8, &r.ecx, 4);
	r = cpuid(1, 0);
	cpu_features.pge = r.edx & BIT(13);
	cpu_features.ds = (r.edx & BIT(21)) && (r.ecx & BIT(2));
	cpu_features.pcid = r.ecx & BIT(17);
	cpu_features.x2apic = r.ecx & BIT(21);
	cpu_features.xsave = r.ecx & BIT(26);
	cpu_features.rdrand = r.ecx & BIT(30);
	detect_leaf7(max_leaf);
	if (cpuid(0x80000000, 0).eax >= 0x80000008) /* AMD's bit of it */
		cpu_features.ibpb |= (cpuid(0x80000008, 0).ebx & BIT(12)) != 0;
	cpu_features.gib_pages = cpuid(0x80000001, 0).edx & BIT(26);
	cpu_features.meltdown = open_to_meltdown();
}

void cpu_init(bool pcid)
{
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	cr4 |= cpu_features.pge ? CR4_PGE : 0;
	cr4 |= cpu_features.smep ? CR4_SMEP : 0;
	cr4 |= cpu_features.smap ? CR4_SMAP : 0;
	cr4 |= cpu_features.umip ? CR4_UMIP : 0;
	cr4 |= cpu_features.fsgsbase ? CR4_FSGSBASE : 0;
	cr4 |= cpu_features.pku ? CR4_PKE : 0;
	cr4 |= cpu_features.xsave ? CR4_OSXSAVE : 0;
	cr4 |= pcid ? CR4_PCIDE : 0;
	write_cr0(CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
	write_cr4(cr4);
}
