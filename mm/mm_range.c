/*
 * Changes of ranges of an address space: what mmap, munmap, mprotect, mremap,
 * madvise and brk come down to.  What can fail fails before anything changes,
 * but for what a fixed mapping replaces.
 *
 * Order: pages go before their areas, so that nothing is shown whose hold is
 * gone; nobody can fault them in again meanwhile, for that needs the lock.
 * Called by kernel/sys_memory.c and kernel/program.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/pages.h"
#include "mm/shared.h"
#include "mm/vma.h"

/* Where Linux puts what MAP_32BIT asks for, up to MM_LOW_TOP. */
#define LOW_BOTTOM 0x40000000

/* Rounds len up; the range must be pages that the program may have. */
static bool range_ok(const struct mm *mm, virt_addr_t addr, u64 *len)
{
	if (*len > mm->end)
		return false;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return addr <= mm->end - *len;
}

/*
 * May `more` bytes be added, and be writable and private if `data`?  The place of
 * the stack does not count: Linux counts what it has grown to, and not as data.
 */
static bool may_grow(const struct mm *mm, u64 more, bool data)
{
	virt_addr_t end = mm->stack_top - MM_STACK_SIZE;
	u64 all = vma_bytes(mm, 0, end) + vma_bytes(mm, mm->stack_top, mm->end);

	return seam_may_have_memory(all + more, data ? vma_data_bytes(mm, 0, end) + more : 0);
}

static bool is_data(unsigned prot, bool shared)
{
	return (prot & VMA_WRITE) && !shared;
}

/* ---- munmap --------------------------------------------------------------------- */

static int unmap_locked(struct mm *mm, virt_addr_t addr, u64 len)
{
	if (addr % PAGE_SIZE || len == 0 || !range_ok(mm, addr, &len))
		return -EINVAL;
	if (!vma_can_remove(mm, addr, addr + len))
		return -ENOMEM;
	if (pages_drop(mm, addr, addr + len) < addr + len)
		return -EINTR;
	return vma_remove(mm, addr, addr + len);
}

long mm_unmap(struct mm *mm, virt_addr_t addr, u64 len)
{
	int err;

	sleep_lock(&mm->lock);
	err = unmap_locked(mm, addr, len);
	sleep_unlock(&mm->lock);
	return err;
}

/* ---- mmap ----------------------------------------------------------------------- */

/* Frees the place that is asked for, or finds one; 0 or negative: there is none. */
static long make_room(struct mm *mm, virt_addr_t addr, u64 len, unsigned how)
{
	virt_addr_t top = how & MM_32BIT ? MIN(mm->low_top, mm->mmap_top) :
			  how & MM_IA32 ? MIN(MM_MMAP_TOP_IA32, mm->mmap_top) : mm->mmap_top;
	virt_addr_t end = how & MM_32BIT ? MIN(MM_LOW_TOP, mm->end) : mm->end;
	int err;

	if (how & MM_FIXED) {
		if (addr < USER_START)
			return -EPERM;
		if ((how & MM_NOREPLACE) && !vma_range_free(mm, addr, addr + len))
			return -EEXIST;
		if (!vma_has_room(mm, 2)) /* nothing goes away in vain */
			return -ENOMEM;
		err = unmap_locked(mm, addr, len);
		return err ? err : (long)addr;
	}
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (addr >= USER_START && len <= end && addr <= end - len &&
	    vma_range_free(mm, addr, addr + len))
		return (long)addr;
	addr = vma_find_room(mm, len, how & MM_32BIT ? LOW_BOTTOM : USER_START, top);
	return addr ? (long)addr : -ENOMEM;
}

/*
 * Makes the pages of [start, end) present.  0, -ENOFRAME, -ENOMEM (no area),
 * -EINVAL (an area cannot be touched, or has not the rights of `need`), -EFAULT
 * (behind the end of what it shows), -EINTR.
 */
static int populate(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned need)
{
	for (virt_addr_t va = start; va < end; va += PAGE_SIZE) {
		const struct vma *vma = vma_find(mm, va);
		phys_addr_t pa;
		int err;

		if (!vma)
			return -ENOMEM;
		if (!vma->prot || (need & ~vma->prot))
			return -EINVAL;
		err = pages_touch(mm, vma, va, &pa);
		if (err)
			return err == -ENXIO ? -EFAULT : err;
		if (seam_long_work_point())
			return -EINTR;
	}
	return 0;
}

static bool may_map(const struct mm *mm, virt_addr_t addr, u64 len, unsigned prot,
		    unsigned how)
{
	bool fixed = how & MM_FIXED;
	u64 replaced = fixed ? vma_bytes(mm, addr, addr + len) : 0;

	if (fixed && addr >= mm->stack_top - MM_STACK_SIZE && addr < mm->stack_top)
		return true;
	return may_grow(mm, len - replaced, is_data(prot, how & MM_SHARED));
}

static long map_locked(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot,
		       unsigned how)
{
	struct shared *shared = how & MM_SHARED ? shared_alloc(len) : NULL;
	long at = -ENOFRAME;
	int err;

	if (shared || !(how & MM_SHARED))
		at = make_room(mm, addr, len, how);
	if (at > 0) {
		virt_addr_t start = (virt_addr_t)at;

		err = vma_insert(mm, (struct vma){ start, start + len, prot, shared, 0 });
		if (err)
			at = err;
	}
	if (at < 0 && shared)
		shared_put(shared);
	return at;
}

long mm_map(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, unsigned how)
{
	bool fixed = how & MM_FIXED;
	long at;

	if (len == 0)
		return -EINVAL;
	if (!range_ok(mm, fixed ? addr : 0, &len))
		return -ENOMEM;
	if (fixed && addr % PAGE_SIZE)
		return -EINVAL;
	if ((prot & VMA_WRITE) && (prot & VMA_EXEC))
		return -EACCES;
	sleep_lock(&mm->lock);
	at = may_map(mm, addr, len, prot, how) ? map_locked(mm, addr, len, prot, how) :
	     -ENOMEM;
	sleep_unlock(&mm->lock);
	return at;
}

/* ---- mprotect, madvise, brk ------------------------------------------------------ */

/* May the private areas of the range become data? */
static bool may_write(const struct mm *mm, virt_addr_t start, virt_addr_t end,
		      unsigned prot)
{
	virt_addr_t top = mm->stack_top - MM_STACK_SIZE;
	u64 more = 0;

	for (const struct vma *vma; start < MIN(end, top); start = vma->end) {
		vma = vma_find(mm, start);
		if (!vma->shared && !(vma->prot & VMA_WRITE))
			more += MIN(end, vma->end) - start;
	}
	return !(prot & VMA_WRITE) || !more ||
	       seam_may_have_memory(0, vma_data_bytes(mm, 0, top) + more);
}

/* What is left early leaves an area that ends where it got to. */
static int protect_locked(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	virt_addr_t done;

	if (!vma_can_protect(mm, start, end) || !may_write(mm, start, end, prot))
		return -ENOMEM;
	done = pages_protect(mm, start, end, prot);
	vma_protect(mm, start, done, prot);
	mm->stale_faults = 0;
	return done < end ? -EINTR : 0;
}

long mm_protect(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot)
{
	int err;

	if (addr % PAGE_SIZE)
		return -EINVAL;
	if (len == 0)
		return 0;
	if ((prot & VMA_WRITE) && (prot & VMA_EXEC))
		return -EACCES;
	if (!range_ok(mm, addr, &len))
		return -ENOMEM;
	sleep_lock(&mm->lock);
	err = protect_locked(mm, addr, addr + len, prot);
	sleep_unlock(&mm->lock);
	return err;
}

long mm_discard(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	virt_addr_t done;
	bool covered;

	sleep_lock(&mm->lock);
	covered = vma_covers(mm, start, end);
	end = MIN(end, mm->end);
	done = pages_drop(mm, start, end);
	sleep_unlock(&mm->lock);
	return done < end ? -EINTR : covered ? 0 : -ENOMEM;
}

long mm_populate(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned need)
{
	int err;

	sleep_lock(&mm->lock);
	err = vma_covers(mm, start, end) ? populate(mm, start, end, need) : -ENOMEM;
	sleep_unlock(&mm->lock);
	return err;
}

bool mm_is_mapped(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	bool covered;

	sleep_lock(&mm->lock);
	covered = vma_covers(mm, start, end);
	sleep_unlock(&mm->lock);
	return covered;
}

static virt_addr_t brk_locked(struct mm *mm, virt_addr_t brk)
{
	virt_addr_t old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	virt_addr_t end;

	if (brk < mm->brk_start || brk > mm->end)
		return mm->brk;
	end = ALIGN_UP(brk, PAGE_SIZE);
	if (end > old_end &&
	    (!vma_range_free(mm, old_end, end) || !may_grow(mm, end - old_end, true) ||
	     vma_insert(mm, (struct vma){ .start = old_end, .end = end,
					  .prot = VMA_READ | VMA_WRITE })))
		return mm->brk;
	if (end < old_end && unmap_locked(mm, end, old_end - end))
		return mm->brk;
	mm->brk = brk;
	return brk;
}

virt_addr_t mm_brk(struct mm *mm, virt_addr_t brk)
{
	virt_addr_t at;

	sleep_lock(&mm->lock);
	at = brk_locked(mm, brk);
	sleep_unlock(&mm->lock);
	return at;
}

/* ---- mremap ---------------------------------------------------------------------- */

struct remap {
	virt_addr_t addr;
	u64 old_len, new_len;
	unsigned flags;
	virt_addr_t to;
};

/*
 * The old range must be (in) one area; 0 bytes of a private one are nothing.  The
 * new one may reach beyond a shared object, but offsets must not come round.
 */
static int check_old(const struct vma *vma, const struct remap *r)
{
	if (!vma)
		return -EFAULT;
	if (r->old_len == 0 && !vma->shared)
		return -EINVAL;
	if (r->old_len > vma->end - r->addr)
		return -EFAULT;
	return vma->offset + (r->addr - vma->start) > ~0ULL - r->new_len ? -EINVAL : 0;
}

static int check_remap(const struct mm *mm, const struct remap *r)
{
	const struct vma *vma = vma_find(mm, r->addr);
	u64 stays = r->flags & MM_REMAP_DONTUNMAP ? 0 : r->old_len;
	int err = check_old(vma, r);

	if (err || r->new_len <= stays)
		return err;
	return may_grow(mm, r->new_len - stays, is_data(vma->prot, vma->shared)) ? 0 : -ENOMEM;
}

/*
 * To r->to, where nothing lies.  Left early, it becomes the move of what has been
 * moved by then.
 */
static long move(struct mm *mm, struct remap *r)
{
	struct vma vma = *vma_find(mm, r->addr);
	u64 len = MIN(r->old_len, r->new_len), moved;
	int err;

	if (!vma_has_room(mm, 3))
		return -ENOMEM;
	err = pages_prepare_move(mm, r->addr, r->to, len);
	if (err)
		return err;
	moved = pages_move(mm, r->addr, r->to, len) - r->addr;
	if (moved < len)
		r->old_len = r->new_len = moved;
	if (vma.shared)
		shared_get(vma.shared);
	vma.offset += r->addr - vma.start;
	vma.start = r->to;
	vma.end = r->to + r->new_len;
	err = vma_insert(mm, vma);
	if (!err && r->old_len && !(r->flags & MM_REMAP_DONTUNMAP))
		err = unmap_locked(mm, r->addr, r->old_len);
	if (!err && moved < len)
		err = -EINTR;
	return err ? err : (long)r->to;
}

/* With MREMAP_FIXED or MREMAP_DONTUNMAP. */
static long remap_to(struct mm *mm, struct remap *r)
{
	bool fixed = r->flags & MM_REMAP_FIXED;
	long at;
	int err;

	if (r->to % PAGE_SIZE || r->new_len > mm->end || r->to > mm->end - r->new_len ||
	    (r->addr + r->old_len > r->to && r->to + r->new_len > r->addr))
		return -EINVAL;
	if (!vma_has_room(mm, 5))
		return -ENOMEM;
	if (fixed && r->to < USER_START)
		return -EPERM;
	if (fixed) {
		err = unmap_locked(mm, r->to, r->new_len);
		if (!err && r->old_len > r->new_len) {
			err = unmap_locked(mm, r->addr + r->new_len,
					   r->old_len - r->new_len);
			r->old_len = r->new_len;
		}
		if (err)
			return err;
	}
	err = check_remap(mm, r);
	if (err)
		return err;
	at = make_room(mm, r->to, r->new_len, fixed ? MM_FIXED : 0);
	if (at < 0)
		return at;
	r->to = (virt_addr_t)at;
	return move(mm, r);
}

/* In place, if that will do. */
static bool grow(struct mm *mm, const struct remap *r)
{
	const struct vma *vma = vma_find(mm, r->addr);
	struct vma more = *vma;

	more.start = vma->end;
	more.end = r->addr + r->new_len;
	more.offset += vma->end - vma->start;
	if (r->addr + r->old_len != vma->end || more.end < more.start ||
	    more.end > mm->end || !vma_range_free(mm, more.start, more.end))
		return false;
	if (more.shared)
		shared_get(more.shared);
	if (!vma_insert(mm, more))
		return true;
	if (more.shared)
		shared_put(more.shared);
	return false;
}

static long remap_locked(struct mm *mm, struct remap *r)
{
	const struct vma *vma = vma_find(mm, r->addr);
	int err;

	if (!vma)
		return -EFAULT;
	if (r->flags & (MM_REMAP_FIXED | MM_REMAP_DONTUNMAP))
		return remap_to(mm, r);
	if (r->old_len == r->new_len)
		return (long)r->addr;
	if (r->old_len > r->new_len) {
		err = unmap_locked(mm, r->addr + r->new_len, r->old_len - r->new_len);
		return err ? err : (long)r->addr;
	}
	err = check_remap(mm, r);
	if (err)
		return err;
	if (grow(mm, r))
		return (long)r->addr;
	if (!(r->flags & MM_REMAP_MAYMOVE) || r->new_len > mm->end)
		return -ENOMEM;
	r->to = vma_find_room(mm, r->new_len, USER_START, mm->mmap_top);
	return r->to ? move(mm, r) : -ENOMEM;
}

long mm_remap(struct mm *mm, virt_addr_t addr, u64 old_len, u64 new_len, unsigned flags,
	      virt_addr_t new_addr)
{
	struct remap r = { addr, ALIGN_UP(old_len, PAGE_SIZE), ALIGN_UP(new_len, PAGE_SIZE),
			   flags, new_addr };
	long at;

	if ((flags & MM_REMAP_FIXED && !(flags & MM_REMAP_MAYMOVE)) ||
	    (flags & MM_REMAP_DONTUNMAP &&
	     (!(flags & MM_REMAP_MAYMOVE) || old_len != new_len)) ||
	    addr % PAGE_SIZE || r.new_len == 0)
		return -EINVAL;
	sleep_lock(&mm->lock);
	at = remap_locked(mm, &r);
	sleep_unlock(&mm->lock);
	return at;
}
