/*
 * The code page of 32-bit processes (arch/vdso/ia32_vdso.asm), and the addresses
 * in it.
 */
#ifndef ARCH_VDSO_IA32_VDSO_H
#define ARCH_VDSO_IA32_VDSO_H

#include "mm/space/mm.h"

/*
 * Gives a 32-bit program's address space its page, readable and executable, at
 * mm->mmap_top, and says so in mm->vdso.  0, or -ENOMEM.
 */
int ia32_vdso_map(struct mm *mm);

/* __kernel_vsyscall, for AT_SYSINFO: by SYSENTER, SYSCALL or INT 0x80. */
const u8 *ia32_vdso_vsyscall(void);

/* Where SYSENTER and 32-bit SYSCALL return to. */
virt_addr_t ia32_vdso_landing_pad(const struct mm *mm);

/* Where handlers without SA_RESTORER return to. */
extern const u8 ia32_vdso_sigreturn_stub[], ia32_vdso_rt_sigreturn_stub[];

extern const u8 ia32_vdso_start[];

/* Where a process has that code; 0: a 64-bit process, which has no page. */
static inline virt_addr_t ia32_vdso_address(const struct mm *mm, const u8 *code)
{
	return mm->vdso ? mm->vdso + (u64)(code - ia32_vdso_start) : 0;
}

#endif
