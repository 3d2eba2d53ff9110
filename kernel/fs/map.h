/*
 * Mappings of open files, for mmap().
 */
#ifndef KERNEL_FS_MAP_H
#define KERNEL_FS_MAP_H

#include "kernel/base/types.h"

/*
 * Maps the file of a descriptor of the current process, from `offset` on, which is a page's:
 * as mm_map_file(), and -EBADF, -EACCES (not open for that), -ENODEV (it has no such bytes).
 * Task context, no lock held; nothing of the file is read before it is touched.
 */
long fd_map(int fd, virt_addr_t addr, u64 len, unsigned prot, unsigned how, u64 offset);

#endif
