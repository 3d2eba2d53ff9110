/*
 * The stack with which a program begins.
 */
#ifndef KERNEL_USER_STACK_H
#define KERNEL_USER_STACK_H

#include "kernel/elf.h"
#include "mm/mm.h"

/*
 * Writes strings, auxiliary vector, envp, argv and argc to the top of the
 * stack area of `mm`, as the System V ABI (AMD64, 3.4.1) and Linux have it.
 * *sp is then the initial RSP, 16-aligned.  0, -ENOMEM, or -E2BIG if strings
 * are more than 12 KiB or words more than 512.
 */
int user_stack_build(struct mm *mm, const char *path, const char *const argv[],
		     const char *const envp[], const struct elf_image *elf, u64 base,
		     virt_addr_t *sp);

#endif
