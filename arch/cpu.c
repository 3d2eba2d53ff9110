/*
 * CPU features: CPUID into cpu_features once, CR0, CR4 and XCR0 on every CPU.
 * Each protection is on where the CPU has it; none can be switched off.
 * Sources: Intel SDM vol. 2 (CPUID), vol. 3, 2.5; AMD APM vol. 3, appendix E.
 */
#include "arch/cpu.h"
#include "kernel/base/insn.h"
#include "kernel/base/layout.h"
#include "kernel/base/string.h"

#define XCR0_X87 0x1
#define XCR0_SSE 0x2
#define XCR0_AVX 0x4
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
	cpu_features.smap = r.ebx & BIT(20);
	cpu_features.umip = r.ecx & BIT(2);
	cpu_features.arch_capabilities = r.edx & BIT(29);
}

/* XSAVE's area for what we enable; FXSAVE's where there is no XSAVE. */
static void detect_fpu(u32 max_leaf)
{
	struct cpuid_regs r;

	if (!cpu_features.xsave || max_leaf < 0xd) {
		cpu_features.xsave = false;
		return;
	}
	r = cpuid(0xd, 0);
	cpu_features.xcr0 = r.eax & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
	/* A task has a page for it; AVX's part lies where CPUID says. */
	r = cpuid(0xd, 2);
	if (r.ebx + r.eax > PAGE_SIZE)
		cpu_features.xcr0 &= ~(u64)XCR0_AVX;
}

/* As Linux decides it: Intel's processors but for those that say RDCL_NO. */
static bool open_to_meltdown(void)
{
	if (strcmp(cpu_features.vendor, "GenuineIntel") != 0)
		return false;
	return !cpu_features.arch_capabilities ||
	       !(rdmsr(MSR_ARCH_CAPABILITIES) & RDCL_NO);
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
	cpu_features.pcid = r.ecx & BIT(17);
	cpu_features.x2apic = r.ecx & BIT(21);
	cpu_features.xsave = r.ecx & BIT(26);
	cpu_features.rdrand = r.ecx & BIT(30);
	detect_leaf7(max_leaf);
	detect_fpu(max_leaf);
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
	cr4 |= cpu_features.xsave ? CR4_OSXSAVE : 0;
	cr4 |= pcid ? CR4_PCIDE : 0;
	write_cr0(CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
	write_cr4(cr4);
	if (cpu_features.xsave)
		xsetbv(0, cpu_features.xcr0);
}
