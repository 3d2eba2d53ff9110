/*
 * The MSRs of SYSCALL and SYSENTER, on every CPU.
 *
 * SFMASK clears on entry what the kernel must not inherit: IF and TF above all,
 * DF for C, AC because it would open SMAP, NT because IRET would fault on it.
 * 32-bit SYSCALL goes to CSTAR, which must lead somewhere safe whatever the
 * vendor (QEMU jumps there with an Intel CPU, too): a stub that answers
 * -ENOSYS.  SYSENTER with a null segment is #GP.
 * Sources: AMD APM vol. 2, 6.1.1; Intel SDM vol. 3, 5.8.8.
 */
#include "arch/cpu_entry_area.h"
#include "arch/syscall_msrs.h"
#include "entry/entry.h"
#include "kernel/base/insn.h"
#include "mm/tlb.h"

u64 syscall_entry_of(unsigned cpu, bool direct)
{
	u64 cpu0 = tlb_pcid ? entry_labels.syscall_pcid : entry_labels.syscall;

	if (direct)
		return entry_labels.syscall_direct;
	return cpu0 + (u64)cpu * CEA_STRIDE;
}

void syscall_msrs_init(unsigned cpu, bool direct)
{
	wrmsr(MSR_STAR, (u64)SEL_USER32_CS << 48 | (u64)SEL_KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, syscall_entry_of(cpu, direct));
	wrmsr(MSR_SFMASK, RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF |
			  RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL |
			  RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID);
	wrmsr(MSR_SYSENTER_CS, 0);
	wrmsr(MSR_SYSENTER_ESP, 0);
	wrmsr(MSR_SYSENTER_EIP, 0);
	wrmsr(MSR_CSTAR, entry_labels.syscall32 + (u64)cpu * CEA_STRIDE);
}
