/*
 * The MSRs of SYSCALL and SYSENTER, on every CPU.
 *
 * SFMASK clears on entry what the kernel must not inherit: IF and TF above all,
 * DF for C, AC because it would open SMAP, NT because IRET would fault on it.
 * 32-bit SYSCALL goes to CSTAR and SYSENTER to SYSENTER_EIP.  A vendor that
 * lacks one of them gives #UD, but both lead somewhere safe whatever the vendor
 * (QEMU jumps to CSTAR with an Intel CPU, too).  SYSENTER finds RSP at the top
 * of this CPU's entry stack and leaves all flags but IF as they were: it is
 * entry text's task to clear them.
 * Sources: AMD APM vol. 2, 6.1.1; Intel SDM vol. 3, 5.8.8.
 */
#include "arch/cpu_entry_area.h"
#include "arch/syscall_msrs.h"
#include "entry/entry.h"
#include "entry/shared/shared.h"
#include "kernel/base/insn.h"
#include "mm/tlb.h"

u64 syscall_entry_of(unsigned cpu, enum syscall_entry way)
{
	u64 cpu0 = tlb_pcid ? entry_labels.syscall_pcid : entry_labels.syscall;

	if (way == SYSCALL_DIRECT)
		return entry_labels.syscall_direct;
	if (way == SYSCALL_ENTRY)
		return entry_shared_at(false, tlb_pcid);
	return cpu0 + (u64)cpu * CEA_STRIDE;
}

u64 syscall32_entry_of(unsigned cpu, enum syscall_entry way)
{
	u64 cpu0 = tlb_pcid ? entry_labels.syscall32_pcid : entry_labels.syscall32;

	if (way == SYSCALL_DIRECT)
		return entry_labels.syscall32_direct;
	if (way == SYSCALL_ENTRY)
		return entry_shared_at(true, tlb_pcid);
	return cpu0 + (u64)cpu * CEA_STRIDE;
}

void syscall_msrs_init(unsigned cpu, enum syscall_entry way)
{
	wrmsr(MSR_STAR, (u64)SEL_USER32_CS << 48 | (u64)SEL_KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, syscall_entry_of(cpu, way));
	wrmsr(MSR_CSTAR, syscall32_entry_of(cpu, way));
	wrmsr(MSR_SFMASK, RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF |
				  RFLAGS_IF | RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT |
				  RFLAGS_RF | RFLAGS_AC | RFLAGS_ID);
	wrmsr(MSR_SYSENTER_CS, SEL_KERNEL_CS);
	wrmsr(MSR_SYSENTER_ESP, (u64)&cea(cpu)->entry_stack + ENTRY_STACK_SIZE);
	wrmsr(MSR_SYSENTER_EIP, entry_labels.sysenter);
}
