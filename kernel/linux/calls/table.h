/*
 * System calls by number: what the way in needs of the personality.
 */
#ifndef KERNEL_LINUX_CALLS_TABLE_H
#define KERNEL_LINUX_CALLS_TABLE_H

#include "entry/entry.h"
#include "kernel/base/types.h"

/* One more than the highest numbers: the largest member of a union counts. */
union syscalls_64 {
#define CALL_64(nr, function) u8 below_##nr[(nr) + 1];
#define CALL_32(nr, function)
#define CALL_IA32(nr, function)
#include "kernel/linux/syscall_list.h"
};
union syscalls_32 {
#define CALL_64(nr, function)
#define CALL_32(nr, function) u8 below_##nr[(nr) + 1];
#define CALL_IA32 CALL_32
#include "kernel/linux/syscall_list.h"
};
#define NR_SYSCALLS sizeof(union syscalls_64)
#define NR_IA32_SYSCALLS sizeof(union syscalls_32)

/* By number; syscall_unknown(), of which the last entry is one, too: there is none. */
extern long (*const syscall_table[NR_SYSCALLS + 1])(struct pt_regs *);
extern long (*const ia32_syscall_table[NR_IA32_SYSCALLS + 1])(struct pt_regs *);

/* The answer to a number that no call has: counts it and tells of it, -ENOSYS. */
long syscall_unknown(struct pt_regs *regs);

/* What uname answers. */
extern const struct utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
} linux_names;

#endif
