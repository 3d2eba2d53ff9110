/*
 * The stack with which a program begins.
 */
#ifndef KERNEL_USER_STACK_H
#define KERNEL_USER_STACK_H

#include "kernel/elf.h"
#include "mm/mm.h"

/*
 * Writes strings, auxiliary vector, envp, argv and argc to the top of the
 * stack area of `mm`, as the System V ABI (AMD64, 3.4.1; i386) and Linux have it;
 * a 32-bit program's vDSO page is there already.
 * *sp is then the initial RSP, 16-aligned.  0, -ENOMEM, or -E2BIG if strings
 * are more than 132 KiB or words more than 2560.  May run on several CPUs.
 */
int user_stack_build(struct mm *mm, const char *path, const char *const argv[],
		     const char *const envp[], const struct elf_image *elf, u64 base,
		     virt_addr_t *sp);

#endif
