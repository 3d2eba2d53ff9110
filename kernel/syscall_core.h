/*
 * The work of those system calls whose arguments look different in i386's:
 * sys_x and ia32_sys_x bring them here as the kernel has them.  All return what
 * the call returns, and are for the current task.
 */
#ifndef KERNEL_SYSCALL_CORE_H
#define KERNEL_SYSCALL_CORE_H

#include "kernel/user_time.h"

struct pt_regs;

/* kernel/sys_file.c.  iov: pairs of u64, with ia32 of u32. */
long do_writev(int fd, virt_addr_t iov, u64 count, bool ia32);

/* kernel/sys_memory.c.  With ia32, the place is one that i386 can address. */
long do_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, bool ia32);

/*
 * The others take the arguments of their 64-bit call; `form` is of the times,
 * and with `ia32` rusage and siginfo_t are i386's.
 */
long do_clock_gettime(const struct pt_regs *regs, enum time_form form);
long do_clock_getres(const struct pt_regs *regs, enum time_form form);
long do_gettimeofday(const struct pt_regs *regs, enum time_form form);
long do_nanosleep(const struct pt_regs *regs, enum time_form form);
long do_clock_nanosleep(const struct pt_regs *regs, enum time_form form);
long do_futex(const struct pt_regs *regs, enum time_form form);
long do_wait4(const struct pt_regs *regs, bool ia32);
long do_waitid(const struct pt_regs *regs, bool ia32);
long do_getrusage(const struct pt_regs *regs, bool ia32);

/* struct rusage to a program: 0 or -EFAULT. */
long usage_write(virt_addr_t to, u64 run_ns, bool ia32);

/* The mask's length is a multiple of `unit` bytes. */
long do_sched_getaffinity(const struct pt_regs *regs, unsigned unit);

#endif
