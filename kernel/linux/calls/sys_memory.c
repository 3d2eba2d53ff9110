/*
 * System calls on memory: anonymous mappings, the break, advice and locks.  Arguments are
 * checked here, in Linux's order; the work is done in mm/space/, and where there is no
 * memory for it, kernel/linux/process/oom.c finds some.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/map.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/uapi.h"
#include "mm/space/mlock.h"
#include "mm/space/mm.h"
#include "mm/space/mm_range.h"
#include "mm/space/uaccess.h"

#define PROT_MASK_ALL (VMA_READ | VMA_WRITE | VMA_EXEC)

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
	if (flags & MAP_GROWSDOWN)
		how |= MM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		how |= MM_LOCKED;
	return how;
}

static long touch(virt_addr_t start, virt_addr_t end, unsigned need)
{
	return OOM_RETRY(OOM_TOUCHES, mm_populate(current_thread()->mm, start, end, need));
}

static long touch_locked(virt_addr_t start, virt_addr_t end, bool best)
{
	return OOM_RETRY(OOM_TOUCHES, mm_populate_locked(current_thread()->mm, start, end, best));
}

static long do_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, u64 offset)
{
	unsigned type = flags & MAP_TYPE, how = map_how(flags) | (abi_is_ia32() ? MM_IA32 : 0);
	struct mm *mm = current_thread()->mm;
	bool is_file = !(flags & MAP_ANONYMOUS);
	virt_addr_t end;
	long at;

	if (is_file && fd_get_flags(fd) < 0)
		return -EBADF;
	if (len == 0 || (type != MAP_PRIVATE && type != MAP_SHARED))
		return -EINVAL;
	if ((type == MAP_SHARED || is_file) && (flags & MAP_GROWSDOWN))
		return -EINVAL;
	prot &= PROT_MASK_ALL;
	at = OOM_RETRY(OOM_CAN_FAIL, is_file ? fd_map(fd, addr, len, (unsigned)prot, how, offset) :
					       mm_map(mm, addr, len, (unsigned)prot, how));
	if (at <= 0)
		return at;
	end = (virt_addr_t)at + ALIGN_UP(len, PAGE_SIZE);
	if ((flags & MAP_LOCKED) || mm->lock_new)
		touch_locked((virt_addr_t)at, end, true);
	else if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		touch((virt_addr_t)at, end, 0);
	return at;
}

/* i386's last argument counts pages. */
long sys_mmap(struct pt_regs *regs)
{
	u64 offset = abi_is_ia32() ? regs->r9 * PAGE_SIZE : regs->r9;

	if (offset % PAGE_SIZE)
		return -EINVAL;
	return do_mmap(regs->di, regs->si, regs->dx, regs->r10, (int)regs->r8, offset);
}

/* The first mmap: its six arguments are in memory. */
long ia32_sys_old_mmap(struct pt_regs *regs)
{
	struct {
		u32 addr, len, prot, flags, fd, offset;
	} a;

	if (copy_from_user(&a, regs->di, sizeof(a)))
		return -EFAULT;
	if (a.offset % PAGE_SIZE)
		return -EINVAL;
	return do_mmap(a.addr, a.len, a.prot, a.flags, (int)a.fd, a.offset);
}

long sys_munmap(struct pt_regs *regs)
{
	return mm_unmap(current_thread()->mm, regs->di, regs->si);
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
	return mm_protect(current_thread()->mm, start, regs->si, prot & PROT_MASK_ALL);
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
		err = mm_lock(current_thread()->mm, start, end, how);
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
