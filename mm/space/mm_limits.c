/*
 * Limits on an address space, each in bytes, and what counts against it as Linux
 * counts it: RLIMIT_AS all areas; RLIMIT_DATA the private writable ones but stacks;
 * RLIMIT_STACK one stack, when it grows; RLIMIT_MEMLOCK areas that are locked, in
 * whole pages, whatever of them is there.  They are those of the process that asks:
 * of a debugger that writes below another's stack, the debugger's.
 *
 * mm/space/vma.c keeps the sums.
 * Sources: Linux, mm/mmap.c (may_expand_vm, acct_stack_growth,
 * expand_downwards).
 */
#include "kernel/base/seams.h"
#include "mm/space/mm_limits.h"
#include "mm/space/vma.h"

#define UNLIMITED (~0ULL)

bool mm_may_be_data(const struct mm *mm, u64 more)
{
	u64 limit = seam_memory_limit(MEMORY_DATA);

	return limit == UNLIMITED || mm->data_bytes + more <= limit;
}

bool mm_may_grow(const struct mm *mm, u64 more, bool data)
{
	u64 limit = seam_memory_limit(MEMORY_AS);

	return (limit == UNLIMITED || mm->bytes + more <= limit) &&
	       (!data || mm_may_be_data(mm, more));
}

bool mm_can_lock(void)
{
	return seam_memory_limit(MEMORY_LOCK) > 0;
}

bool mm_may_lock(const struct mm *mm, u64 more)
{
	return mm->locked_bytes + more <= seam_memory_limit(MEMORY_LOCK);
}

/* What is touched need not be the next page: a frame of the program may be large. */
static __noinline bool grow_down(struct mm *mm, virt_addr_t start)
{
	const struct vma *vma = vma_growing(mm, start);
	u64 more = vma ? vma->start - start : 0;

	if (!vma || start < USER_START || vma->end - start > seam_memory_limit(MEMORY_STACK) ||
	    !mm_may_grow(mm, more, false) || ((vma->flags & VMA_LOCKED) && !mm_may_lock(mm, more)))
		return false;
	vma_grow_down(mm, start);
	return true;
}

const struct vma *mm_find_or_grow(struct mm *mm, virt_addr_t addr)
{
	const struct vma *vma = vma_find(mm, addr);

	if (!vma && grow_down(mm, ALIGN_DOWN(addr, PAGE_SIZE)))
		vma = vma_find(mm, addr);
	return vma;
}
