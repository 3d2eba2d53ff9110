/*
 * The tables of system calls, made from the list, and the answer to a number that no
 * call has.  Read next: kernel/syscall.c, which looks here.
 */
#include "kernel/base/errno.h"
#include "kernel/base/percpu.h"
#include "kernel/linux/calls/table.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/thread.h"
#include "kernel/missing/missing.h"

long (*const syscall_table[NR_SYSCALLS + 1])(struct pt_regs *) = {
	[0 ... NR_SYSCALLS] = syscall_unknown,
#define CALL_64(nr, function) [nr] = function,
#define CALL_32(nr, function)
#define CALL_IA32(nr, function)
#include "kernel/linux/syscall_list.h"
};

long (*const ia32_syscall_table[NR_IA32_SYSCALLS + 1])(struct pt_regs *) = {
	[0 ... NR_IA32_SYSCALLS] = syscall_unknown,
#define CALL_64(nr, function)
#define CALL_32(nr, function) [nr] = function,
#define CALL_IA32 CALL_32
#include "kernel/linux/syscall_list.h"
};

__attribute__((cold)) long syscall_unknown(struct pt_regs *regs __unused)
{
	const struct pt_regs *entered = thread_regs(current_thread());

	this_cpu()->syscalls_unknown++;
	missing_tell((u32)entered->orig_ax, entered->vector != VEC_SYSCALL);
	return -ENOSYS;
}
