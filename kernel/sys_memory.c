/*
 * System calls on memory: anonymous mappings and the break.
 */
#include "kernel/base/errno.h"
#include "kernel/oom.h"
#include "kernel/syscall.h"
#include "kernel/syscall_core.h"
#include "kernel/task.h"
#include "mm/mm.h"

#define PROT_MASK_ALL (VMA_READ | VMA_WRITE | VMA_EXEC)
#define PROT_SEM 8 /* means nothing here, nor on Linux's x86 */
#define MAP_TYPE 0x0f
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_32BIT 0x40
#define MAP_GROWSDOWN 0x100
#define MAP_POPULATE 0x8000
#define MAP_NONBLOCK 0x10000
#define MAP_FIXED_NOREPLACE 0x100000

/* Other flags (MAP_NORESERVE, MAP_STACK, ...) ask for nothing that we do. */
static unsigned map_how(u64 flags)
{
	unsigned how = 0;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		how |= MM_FIXED;
	if (flags & MAP_FIXED_NOREPLACE)
		how |= MM_NOREPLACE;
	if ((flags & MAP_TYPE) == MAP_SHARED)
		how |= MM_SHARED;
	if (flags & MAP_32BIT)
		how |= MM_32BIT;
	return how;
}

static long touch(virt_addr_t start, virt_addr_t end, unsigned need)
{
	return OOM_RETRY(OOM_TOUCHES, mm_populate(current_task()->mm, start, end, need));
}

long do_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, bool ia32)
{
	unsigned type = flags & MAP_TYPE;
	struct mm *mm = current_task()->mm;
	long at;

	if (!(flags & MAP_ANONYMOUS)) /* there are no files to map */
		return fd >= 0 && fd <= 2 ? -ENODEV : -EBADF;
	if (type != MAP_PRIVATE && type != MAP_SHARED)
		return -EINVAL;
	if (type == MAP_SHARED && (flags & MAP_GROWSDOWN))
		return -EINVAL;
	at = OOM_RETRY(OOM_CAN_FAIL, mm_map(mm, addr, len, prot & PROT_MASK_ALL,
					    map_how(flags) | (ia32 ? MM_IA32 : 0)));
	if (at > 0 && (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		touch((virt_addr_t)at, (virt_addr_t)at + ALIGN_UP(len, PAGE_SIZE), 0);
	return at;
}

long sys_mmap(struct pt_regs *regs)
{
	if (regs->r9 % PAGE_SIZE)
		return -EINVAL;
	return do_mmap(regs->di, regs->si, regs->dx, regs->r10, (int)regs->r8, false);
}

long sys_munmap(struct pt_regs *regs)
{
	return mm_unmap(current_task()->mm, regs->di, regs->si);
}

long sys_mprotect(struct pt_regs *regs)
{
	virt_addr_t start = regs->di;
	u64 prot = regs->dx;

	if (start % PAGE_SIZE)
		return -EINVAL;
	if (regs->si == 0)
		return 0;
	if (start + ALIGN_UP(regs->si, PAGE_SIZE) <= start)
		return -ENOMEM;
	if (prot & ~(u64)(PROT_MASK_ALL | PROT_SEM))
		return -EINVAL;
	return mm_protect(current_task()->mm, start, regs->si, prot & PROT_MASK_ALL);
}

long sys_brk(struct pt_regs *regs)
{
	return (long)mm_brk(current_task()->mm, regs->di);
}

long sys_mremap(struct pt_regs *regs)
{
	u64 all = MM_REMAP_MAYMOVE | MM_REMAP_FIXED | MM_REMAP_DONTUNMAP;

	if (regs->r10 & ~all)
		return -EINVAL;
	return OOM_RETRY(OOM_CAN_FAIL, mm_remap(current_task()->mm, regs->di, regs->si,
						regs->dx, (unsigned)regs->r10, regs->r8));
}

/* ---- Advice ------------------------------------------------------------------- */

enum advice {
	MADV_NORMAL = 0, MADV_RANDOM = 1, MADV_SEQUENTIAL = 2, MADV_WILLNEED = 3,
	MADV_DONTNEED = 4, MADV_FREE = 8, MADV_MERGEABLE = 12, MADV_UNMERGEABLE = 13,
	MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15, MADV_DONTDUMP = 16, MADV_DODUMP = 17,
	MADV_COLD = 20, MADV_PAGEOUT = 21, MADV_POPULATE_READ = 22,
	MADV_POPULATE_WRITE = 23,
};

/* Hints change nothing; what would (MADV_DONTFORK, say) we do not know. */
static bool is_hint(enum advice a)
{
	switch (a) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_FREE:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return true;
	default:
		return false;
	}
}

/* The end of a range of pages, rounded up, or 0: no such range. */
static virt_addr_t range_end(virt_addr_t start, u64 len)
{
	u64 size = ALIGN_UP(len, PAGE_SIZE);

	if (start % PAGE_SIZE || (len && !size) || start + size < start)
		return 0;
	return start + size;
}

long sys_madvise(struct pt_regs *regs)
{
	struct mm *mm = current_task()->mm;
	virt_addr_t start = regs->di, end = range_end(start, regs->si);
	enum advice advice = (u32)regs->dx;
	bool populate = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;

	if (!populate && advice != MADV_DONTNEED && !is_hint(advice))
		return -EINVAL;
	if (end == 0 && (start || regs->si))
		return -EINVAL;
	if (start == end)
		return 0;
	if (populate)
		return touch(start, end, advice == MADV_POPULATE_WRITE ? VMA_WRITE :
				VMA_READ);
	if (advice == MADV_DONTNEED)
		return mm_discard(mm, start, end);
	return mm_is_mapped(mm, start, end) ? 0 : -ENOMEM;
}

/* ---- Locking: nothing is ever swapped out ---------------------------------------- */

static virt_addr_t lock_range(struct pt_regs *regs, virt_addr_t *start)
{
	*start = ALIGN_DOWN(regs->di, PAGE_SIZE);
	return range_end(*start, regs->si + regs->di % PAGE_SIZE);
}

/* Pages that may not be touched cannot be locked, as if they were not there. */
static long lock(virt_addr_t start, virt_addr_t end)
{
	return touch(start, end, 0) ? -ENOMEM : 0;
}

long sys_mlock(struct pt_regs *regs)
{
	virt_addr_t start, end = lock_range(regs, &start);

	if (end < start)
		return -EINVAL;
	return start == end ? 0 : lock(start, end);
}

long sys_munlock(struct pt_regs *regs)
{
	virt_addr_t start, end = lock_range(regs, &start);

	if (end < start)
		return -EINVAL;
	return start == end || mm_is_mapped(current_task()->mm, start, end) ? 0 : -ENOMEM;
}
