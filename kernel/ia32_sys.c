/*
 * System calls of i386 whose arguments or structures differ from x86-64's.
 * Sources: Linux, the compat_* structures of arch/x86/include/asm/compat.h and
 * include/linux/compat.h (the ABI).
 * Called by kernel/ia32_syscall.c.
 */
#include "arch/clock.h"
#include "kernel/base/errno.h"
#include "kernel/syscalls.h"
#include "kernel/segments.h"
#include "kernel/syscall_core.h"
#include "kernel/task.h"
#include "mm/mm.h"
#include "mm/uaccess.h"

/* ---- Time -------------------------------------------------------------------- */

/* time_t has 32 bits in the calls that are as old as i386. */
long ia32_sys_nanosleep(struct pt_regs *regs)
{
	return do_nanosleep(regs, TIME_32);
}

long ia32_sys_clock_gettime(struct pt_regs *regs)
{
	return do_clock_gettime(regs, TIME_32);
}

long ia32_sys_clock_getres(struct pt_regs *regs)
{
	return do_clock_getres(regs, TIME_32);
}

long ia32_sys_clock_nanosleep(struct pt_regs *regs)
{
	return do_clock_nanosleep(regs, TIME_32);
}

long ia32_sys_clock_nanosleep64(struct pt_regs *regs)
{
	return do_clock_nanosleep(regs, TIME_64_IA32);
}

long ia32_sys_gettimeofday(struct pt_regs *regs)
{
	return do_gettimeofday(regs, TIME_32);
}

long ia32_sys_time(struct pt_regs *regs)
{
	s32 now = (s32)(clock_realtime_ns() / NSEC_PER_SEC);

	return regs->di && put_user_u32(regs->di, (u32)now) ? -EFAULT : now;
}

long ia32_sys_futex(struct pt_regs *regs)
{
	return do_futex(regs, TIME_32);
}

long ia32_sys_futex64(struct pt_regs *regs)
{
	return do_futex(regs, TIME_64_IA32);
}

/* ---- Memory ------------------------------------------------------------------ */

/* The last argument counts pages; with no files it does not matter. */
long ia32_sys_mmap2(struct pt_regs *regs)
{
	return do_mmap(regs->di, regs->si, regs->dx, regs->r10, (int)regs->r8, true);
}

/* The first mmap: its six arguments are in memory. */
long ia32_sys_mmap(struct pt_regs *regs)
{
	struct {
		u32 addr, len, prot, flags, fd, offset;
	} a;

	if (copy_from_user(&a, regs->di, sizeof(a)))
		return -EFAULT;
	if (a.offset % PAGE_SIZE)
		return -EINVAL;
	return do_mmap(a.addr, a.len, a.prot, a.flags, (int)a.fd, true);
}

/* ---- The rest ------------------------------------------------------------------ */

long ia32_sys_writev(struct pt_regs *regs)
{
	return do_writev((int)regs->di, regs->si, regs->dx, true);
}

/* What it sets, FS and GS bases, 64-bit code alone has. */
long ia32_sys_arch_prctl(struct pt_regs *regs __unused)
{
	return -EINVAL;
}

/* Thread-local storage is in a segment. */
long ia32_sys_set_thread_area(struct pt_regs *regs)
{
	return do_set_thread_area(regs->di);
}

long ia32_sys_get_thread_area(struct pt_regs *regs)
{
	return do_get_thread_area(regs->di);
}

long ia32_sys_waitpid(struct pt_regs *regs)
{
	regs->r10 = 0; /* no rusage */
	return do_wait4(regs, true);
}

long ia32_sys_wait4(struct pt_regs *regs)
{
	return do_wait4(regs, true);
}

long ia32_sys_waitid(struct pt_regs *regs)
{
	return do_waitid(regs, true);
}

long ia32_sys_getrusage(struct pt_regs *regs)
{
	return do_getrusage(regs, true);
}

long ia32_sys_sched_getaffinity(struct pt_regs *regs)
{
	return do_sched_getaffinity(regs, sizeof(u32));
}
