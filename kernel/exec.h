/*
 * Another program in the current process.
 */
#ifndef KERNEL_EXEC_H
#define KERNEL_EXEC_H

#include "kernel/base/types.h"

/*
 * As execve; argv and envp are arrays of pointers, of 4 bytes each if `narrow`.
 * 0: the registers are those of the new program's start.  A negative errno:
 * nothing has changed.  Context: of system calls.
 */
long exec_from_user(virt_addr_t path, virt_addr_t argv, virt_addr_t envp, bool narrow);

#endif
