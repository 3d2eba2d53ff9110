/*
 * The code page of 32-bit processes.  It is an ordinary private page: a program may unmap
 * it, and then dies of SIGSEGV when a system call or a handler returns there.
 */
#include "arch/cpu.h"
#include "arch/vdso/ia32_vdso.h"
#include "kernel/base/insn.h"
#include "kernel/base/string.h"
#include "mm/space/mm_range.h"

extern const u8 ia32_vdso_end[], ia32_vdso_landing[];
extern const u8 ia32_vdso_by_sysenter[], ia32_vdso_by_syscall[], ia32_vdso_by_int80[];

int ia32_vdso_map(struct mm *mm)
{
	long at = mm_map(mm, mm->mmap_top, PAGE_SIZE, VMA_READ | VMA_EXEC, 0);

	if (at < 0)
		return (int)at;
	mm->vdso = (virt_addr_t)at;
	return mm_write(mm, mm->vdso, ia32_vdso_start, (u64)(ia32_vdso_end - ia32_vdso_start));
}

virt_addr_t ia32_vdso_landing_pad(const struct mm *mm)
{
	return ia32_vdso_address(mm, ia32_vdso_landing);
}

/*
 * As Linux picks: Intel's processors have no SYSCALL outside 64-bit mode, and
 * AMD's no SYSENTER where long mode is on.
 */
const u8 *ia32_vdso_vsyscall(void)
{
	const char *vendor = cpu_features.vendor;

	if (strcmp(vendor, "GenuineIntel") == 0 && cpuid(1, 0).edx & BIT(11))
		return ia32_vdso_by_sysenter;
	if (strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0)
		return ia32_vdso_by_syscall;
	return ia32_vdso_by_int80;
}
