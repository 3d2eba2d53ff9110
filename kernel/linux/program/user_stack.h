/*
 * The stack with which a program begins: its arguments, its environment, and what the
 * kernel tells it about itself (the auxiliary vector).
 */
#ifndef KERNEL_LINUX_PROGRAM_USER_STACK_H
#define KERNEL_LINUX_PROGRAM_USER_STACK_H

#include "kernel/files/elf.h"
#include "mm/space/mm.h"

/*
 * Strings, by an array of pointers that ends in NULL: the kernel's, or if that is NULL,
 * the current process's; no array at all (0) is an empty one.
 */
struct string_list {
	const char *const *kernel;
	virt_addr_t user;
};

struct start_strings {
	struct string_list argv, envp;
};

/*
 * Writes strings, auxiliary vector, envp, argv and argc to the stack area of `mm`, as
 * the System V ABI (AMD64, 3.4.1; i386) and Linux have it; a 32-bit program's vDSO page
 * is there already.
 * *sp is then the initial RSP, 16-aligned.  0, -ENOFRAME, -EFAULT, -EINTR; -E2BIG: more
 * than limits_exec_strings(), or than the stack may grow to, or a string of more than
 * LIMIT_EXEC_STRING bytes.  May run on several CPUs.
 */
int user_stack_build(struct mm *mm, const char *path, const struct start_strings *strings,
		     const struct elf_image *elf, u64 base, virt_addr_t *sp);

#endif
