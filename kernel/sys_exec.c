/*
 * The system call execve.
 */
#include "kernel/exec.h"
#include "kernel/syscalls.h"

long sys_execve(struct pt_regs *regs)
{
	return exec_from_user(regs->di, regs->si, regs->dx, false);
}

long ia32_sys_execve(struct pt_regs *regs)
{
	return exec_from_user(regs->di, regs->si, regs->dx, true);
}
