/*
 * The code page of 32-bit processes (kernel/linux/ia32_vdso.asm), and the addresses
 * in it.
 */
#ifndef KERNEL_LINUX_IA32_VDSO_H
#define KERNEL_LINUX_IA32_VDSO_H

#include "kernel/base/types.h"

struct mm;
struct process;

/*
 * Gives a 32-bit program's address space its page, readable and executable, at
 * mm->mmap_top, and says so in mm->vdso.  0, or -ENOMEM.
 */
int ia32_vdso_map(struct mm *mm);

/* __kernel_vsyscall, for AT_SYSINFO: by SYSENTER, SYSCALL or INT 0x80. */
virt_addr_t ia32_vdso_vsyscall(const struct mm *mm);

/* Where SYSENTER and 32-bit SYSCALL return to. */
virt_addr_t ia32_vdso_landing_pad(const struct mm *mm);

/*
 * Where a handler without SA_RESTORER returns to; 0: a 64-bit process, which
 * has no page.
 */
virt_addr_t ia32_vdso_sigreturn(const struct process *p);
virt_addr_t ia32_vdso_rt_sigreturn(const struct process *p);

#endif
