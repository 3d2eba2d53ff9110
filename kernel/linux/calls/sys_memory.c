/*
 * System calls on memory: what is mapped, the break, advice and locks.  Arguments are
 * checked here, in Linux's order; the work is done in mm/space/, and where there is no
 * memory for it, kernel/linux/process/oom.c finds some.
 */
#include "kernel/base/errno.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/space/mlock.h"
#include "mm/space/mm.h"
#include "mm/space/mm_range.h"
#include "mm/space/uaccess.h"

#define PROT_MASK_ALL (VMA_READ | VMA_WRITE | VMA_EXEC)

static long touch(virt_addr_t start, virt_addr_t end, unsigned need)
{
	return OOM_RETRY(OOM_TOUCHES, mm_populate(current_thread()->mm, start, end, need));
}

static long touch_locked(virt_addr_t start, virt_addr_t end, bool best)
{
	return OOM_RETRY(OOM_TOUCHES, mm_populate_locked(current_thread()->mm, start, end, best));
}

/* To cut an area in two may take memory. */
static __noinline long unmap_again(struct pt_regs *regs)
{
	return OOM_RETRY(OOM_CAN_FAIL, mm_unmap(current_thread()->mm, regs->di, regs->si));
}

long sys_munmap(struct pt_regs *regs)
{
	long err = mm_unmap(current_thread()->mm, regs->di, regs->si);

	return unlikely(err == -ENOFRAME) ? unmap_again(regs) : err;
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
	return OOM_RETRY(OOM_CAN_FAIL,
			 mm_protect(current_thread()->mm, start, regs->si, prot & PROT_MASK_ALL));
}

long sys_brk(struct pt_regs *regs)
{
	struct mm *mm = current_thread()->mm;
	virt_addr_t old = mm->brk, brk = mm_brk(mm, regs->di);

	if (mm->lock_new && brk > old)
		touch_locked(ALIGN_UP(old, PAGE_SIZE), ALIGN_UP(brk, PAGE_SIZE), true);
	return (long)brk;
}

long sys_mremap(struct pt_regs *regs)
{
	u64 all = MM_REMAP_MAYMOVE | MM_REMAP_FIXED | MM_REMAP_DONTUNMAP;
	u64 old_len = ALIGN_UP(regs->si, PAGE_SIZE), new_len = ALIGN_UP(regs->dx, PAGE_SIZE);
	long at;

	if (regs->r10 & ~all)
		return -EINVAL;
	at = OOM_RETRY(OOM_CAN_FAIL, mm_remap(current_thread()->mm, regs->di, regs->si, regs->dx,
					      (unsigned)regs->r10, regs->r8));
	if (at > 0 && new_len > old_len)
		touch_locked((virt_addr_t)at + old_len, (virt_addr_t)at + new_len, true);
	return at;
}

/* ---- Advice ------------------------------------------------------------------- */

/* Hints change nothing; advice that would (MADV_DONTFORK, say) is not known here. */
#define HINTS                                                                                \
	(BIT(MADV_NORMAL) | BIT(MADV_RANDOM) | BIT(MADV_SEQUENTIAL) | BIT(MADV_WILLNEED) |   \
	 BIT(MADV_FREE) | BIT(MADV_MERGEABLE) | BIT(MADV_UNMERGEABLE) | BIT(MADV_HUGEPAGE) | \
	 BIT(MADV_NOHUGEPAGE) | BIT(MADV_DONTDUMP) | BIT(MADV_DODUMP) | BIT(MADV_COLD) |     \
	 BIT(MADV_PAGEOUT))

static bool is_hint(u32 a)
{
	return a < 64 && HINTS & BIT(a);
}

/* To take away what is there: not what is locked. */
static bool spares_locked(u32 a)
{
	return a == MADV_DONTNEED || a == MADV_FREE || a == MADV_COLD || a == MADV_PAGEOUT;
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
	struct mm *mm = current_thread()->mm;
	virt_addr_t start = regs->di, end = range_end(start, regs->si);
	u32 advice = (u32)regs->dx;
	bool populate = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
	bool discard = advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED;

	if (!populate && !discard && !is_hint(advice))
		return -EINVAL;
	if (end == 0 && (start || regs->si))
		return -EINVAL;
	if (start == end)
		return 0;
	if (populate)
		return touch(start, end, advice == MADV_POPULATE_WRITE ? VMA_WRITE : VMA_READ);
	if (discard)
		return mm_discard(mm, start, end, !spares_locked(advice));
	return mm_check_range(mm, start, end, !spares_locked(advice));
}

/* ---- Locking: mm/space/mlock.c ---------------------------------------------------------- */

static virt_addr_t lock_range(struct pt_regs *regs, virt_addr_t *start)
{
	*start = ALIGN_DOWN(regs->di, PAGE_SIZE);
	return range_end(*start, regs->si + regs->di % PAGE_SIZE);
}

/* Pages that may not be touched cannot be locked, as if they were not there. */
static long lock(struct pt_regs *regs, unsigned how)
{
	virt_addr_t start, end = lock_range(regs, &start);
	long err = start == end ? 0 : -EINVAL;

	if (end > start)
		err = OOM_RETRY(OOM_CAN_FAIL, mm_lock(current_thread()->mm, start, end, how));
	if (!err && how == VMA_LOCKED && end > start) {
		err = touch_locked(start, end, false);
		err = err == -ENOMEM ? -EAGAIN : err ? -ENOMEM : 0;
	}
	return err;
}

long sys_mlock(struct pt_regs *regs)
{
	return lock(regs, VMA_LOCKED);
}

long sys_mlock2(struct pt_regs *regs)
{
	u32 flags = (u32)regs->dx;

	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock(regs, VMA_LOCKED | (flags ? VMA_ONFAULT : 0));
}

long sys_munlock(struct pt_regs *regs)
{
	return lock(regs, 0);
}

long sys_mlockall(struct pt_regs *regs)
{
	struct mm *mm = current_thread()->mm;
	u32 flags = (u32)regs->di;
	long err;

	if (!flags || flags == MCL_ONFAULT || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	err = mm_lock_all(mm, flags & MCL_CURRENT, flags & MCL_FUTURE,
			  VMA_LOCKED | (flags & MCL_ONFAULT ? VMA_ONFAULT : 0));
	if (!err && (flags & MCL_CURRENT))
		touch_locked(0, USER_END, true);
	return err;
}

long sys_munlockall(struct pt_regs *regs __unused)
{
	return mm_lock_all(current_thread()->mm, true, false, 0);
}
