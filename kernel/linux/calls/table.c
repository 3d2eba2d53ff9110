/*
 * The tables of system calls, made from the two lists, and the answer to a number that
 * is in neither.  Read next: kernel/syscall.c, kernel/ia32_syscall.c, which look here.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/errno.h"
#include "kernel/base/percpu.h"
#include "kernel/linux/syscalls.h"

long (*const syscall_table[NR_SYSCALLS])(struct pt_regs *) = {
#define SYSCALL(nr, name) [nr] = sys_##name,
#include "kernel/linux/syscall_list.h"
#undef SYSCALL
};

long (*const ia32_syscall_table[NR_IA32_SYSCALLS])(struct pt_regs *) = {
#define NATIVE(nr, name) [nr] = sys_##name,
#define COMPAT(nr, name) [nr] = ia32_sys_##name,
#include "kernel/linux/ia32_syscall_list.h"
#undef NATIVE
#undef COMPAT
};

__attribute__((cold)) long syscall_unknown(void)
{
	this_cpu()->syscalls_unknown++;
	return -ENOSYS;
}

u64 syscall_unknown_count(void)
{
	u64 n = 0;

	for_each_cpu(cpu, &cpus_online)
		n += VAULT_OF(cpu)->syscalls_unknown;
	return n;
}
