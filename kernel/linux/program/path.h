/*
 * Paths as programs give them.
 */
#ifndef KERNEL_LINUX_PROGRAM_PATH_H
#define KERNEL_LINUX_PROGRAM_PATH_H

#include "kernel/base/types.h"

#define PATH_MAX 4096 /* with its NUL; a frame */

/*
 * A copy of a path in a frame, to be given back by path_put(); 0, -EFAULT,
 * -ENOENT (it is empty), -ENAMETOOLONG, -ENOMEM.
 */
long path_get(virt_addr_t from, char **path);
void path_put(char *path);

/* Does it name the link to the current process's program? */
bool path_is_self_exe(const char *path);

#endif
