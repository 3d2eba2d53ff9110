/*
 * Paths as programs give them: strings of the program's memory, at most PATH_MAX bytes.
 */
#ifndef KERNEL_LINUX_PROGRAM_PATH_H
#define KERNEL_LINUX_PROGRAM_PATH_H

#include "kernel/base/types.h"

#define PATH_MAX 4096 /* with its NUL; a frame */

/*
 * A copy of a path in a frame, which path_put() gives back: 0, -EFAULT, -ENOENT (it is
 * empty), -ENAMETOOLONG, -ENOMEM.  Context: a system call, no lock held.
 */
long path_get(virt_addr_t from, char **path);
void path_put(char *path);

/* Is it /proc/self/exe, the link to the current process's program? */
bool path_is_self_exe(const char *path);

#endif
