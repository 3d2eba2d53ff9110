/*
 * System calls on memory: anonymous, private mappings and the break.
 */
#include "kernel/base/errno.h"
#include "kernel/syscall.h"
#include "kernel/task.h"
#include "mm/mm.h"
#include "mm/vma.h"

#define PROT_MASK_ALL (VMA_READ | VMA_WRITE | VMA_EXEC)
#define MAP_TYPE 0x0f
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_FIXED_NOREPLACE 0x100000

long sys_mmap(struct pt_regs *regs)
{
	u64 addr = regs->di, len = regs->si, flags = regs->r10;
	unsigned type = flags & MAP_TYPE;
	struct mm *mm = current_task()->mm;
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

	if ((type != MAP_PRIVATE && type != MAP_SHARED) || regs->r9 % PAGE_SIZE)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) /* there are no files to map */
		return (int)regs->r8 >= 0 && (int)regs->r8 <= 2 ? -ENODEV : -EBADF;
	/* Without fork, nobody could tell shared memory from private. */
	if ((flags & MAP_FIXED_NOREPLACE) && len <= USER_END && addr <= USER_END - len &&
	    !vma_range_free(mm, addr, addr + len))
		return -EEXIST;
	return mm_map(mm, addr, len, regs->dx & PROT_MASK_ALL, fixed);
}

long sys_munmap(struct pt_regs *regs)
{
	return mm_unmap(current_task()->mm, regs->di, regs->si);
}

long sys_mprotect(struct pt_regs *regs)
{
	if (regs->dx & ~(u64)PROT_MASK_ALL)
		return -EINVAL;
	return mm_protect(current_task()->mm, regs->di, regs->si, (unsigned)regs->dx);
}

long sys_brk(struct pt_regs *regs)
{
	return (long)mm_brk(current_task()->mm, regs->di);
}
