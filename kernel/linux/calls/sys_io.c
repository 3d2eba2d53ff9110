/*
 * System calls on IO ports: ioperm and iopl.  Both are the thread's own.
 * Read next: arch/state/io_bitmap.c.
 */
#include "arch/state/io_bitmap.h"
#include "kernel/base/errno.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"

long sys_ioperm(struct pt_regs *regs)
{
	u64 from = regs->di, n = regs->si;
	bool open = (int)regs->dx != 0;

	if (from + n <= from || from + n > IO_PORTS)
		return -EINVAL;
	if (open && !process_is_privileged())
		return -EPERM;
	return OOM_RETRY(OOM_CAN_FAIL, io_bitmap_set(&current_thread()->user.io, (unsigned)from,
						     (unsigned)n, open));
}

long sys_iopl(struct pt_regs *regs)
{
	struct task_io *io = &current_thread()->user.io;
	unsigned level = (unsigned)regs->di;

	if (level > 3)
		return -EINVAL;
	if (level > io->iopl && !process_is_privileged())
		return -EPERM;
	io_bitmap_set_level(io, level);
	return 0;
}
