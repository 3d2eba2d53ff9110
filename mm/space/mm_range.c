/*
 * Changes of ranges of an address space: what mmap, munmap, mprotect, mremap,
 * and brk come down to.  What can fail fails before anything changes,
 * but for what a fixed mapping replaces.
 *
 * Order: pages go before their areas, so that no page stays visible without an area
 * that holds it; no thread can fault one in again meanwhile, for that needs the lock.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "mm/frames/frame.h"
#include "mm/space/mm.h"
#include "mm/space/mm_limits.h"
#include "mm/space/mm_range.h"
#include "mm/space/pages.h"
#include "mm/space/shared.h"
#include "mm/space/vma.h"

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

/* ---- munmap --------------------------------------------------------------------- */

/* What has been prepared. */
static int drop(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	if (pages_drop(mm, start, end) < end)
		return -EINTR;
	vma_remove(mm, start, end);
	return 0;
}

static int unmap_locked(struct mm *mm, virt_addr_t addr, u64 len)
{
	int err;

	if (addr % PAGE_SIZE || len == 0 || !range_ok(mm, addr, &len))
		return -EINVAL;
	err = vma_prepare_remove(mm, addr, addr + len);
	return err ? err : drop(mm, addr, addr + len);
}

long mm_unmap(struct mm *mm, virt_addr_t addr, u64 len)
{
	int err;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = unmap_locked(mm, addr, len);
	sleep_unlock(&mm->lock);
	return err;
}

/* ---- mmap ----------------------------------------------------------------------- */

/*
 * Frees the place that is asked for, for which all has been prepared, or finds one; 0 or
 * negative: there is none.
 */
static long make_room(struct mm *mm, virt_addr_t addr, u64 len, unsigned how)
{
	virt_addr_t bottom = USER_START, top = mm->mmap_top;
	int err;

	if (how & MM_FIXED) {
		if (addr < USER_START)
			return -EPERM;
		if ((how & MM_NOREPLACE) && !vma_range_free(mm, addr, addr + len))
			return -EEXIST;
		/* Where no area is, no page is. */
		err = vma_range_free(mm, addr, addr + len) ? 0 : drop(mm, addr, addr + len);
		return err ? err : (long)addr;
	}
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (addr >= USER_START) {
		virt_addr_t end = how & MM_32BIT ? MIN(MM_LOW_TOP, mm->end) : mm->end;

		if (len <= end && addr <= end - len && vma_room_free(mm, addr, addr + len))
			return (long)addr;
	}
	if (unlikely(how & (MM_32BIT | MM_IA32))) {
		top = MIN(top, how & MM_32BIT ? mm->low_top : MM_MMAP_TOP_IA32);
		bottom = how & MM_32BIT ? LOW_BOTTOM : USER_START;
	}
	addr = areas_find_room(&mm->areas, len, bottom, top);
	return addr ? (long)addr : -ENOMEM;
}

/* May it become an area, replacing what is there if the place is fixed? */
static int may_map(struct mm *mm, virt_addr_t addr, u64 len, const struct vma *new, unsigned how)
{
	u64 replaced = how & MM_FIXED ? vma_bytes(mm, addr, addr + len) : 0;

	if ((how & MM_LOCKED) && !mm_can_lock())
		return -EPERM;
	if ((new->flags &VMA_LOCKED) && !mm_may_lock(mm, len))
		return -EAGAIN;
	return mm_may_grow(mm, len - replaced, vma_is_data(new)) ? 0 : -ENOMEM;
}

/* Fills *new in, but for its rights and what it shows. */
static long map_locked(struct mm *mm, virt_addr_t addr, u64 len, struct vma *new, unsigned how)
{
	long at;

	new->flags |= mm->lock_new | (how & MM_LOCKED ? VMA_LOCKED : 0);
	at = may_map(mm, addr, len, new, how);
	if (at == 0) /* nothing goes away in vain */
		at = vma_prepare(mm, how & MM_FIXED ? 2 : 1);
	if (at == 0)
		at = make_room(mm, addr, len, how);
	if (at > 0) {
		new->start = (virt_addr_t)at;
		new->end = new->start + len;
		vma_insert(mm, new);
	}
	return at;
}

static long map(struct mm *mm, virt_addr_t addr, u64 len, struct vma *new, unsigned how)
{
	bool fixed = how & MM_FIXED;
	long at;

	if (len == 0)
		return -EINVAL;
	if (!range_ok(mm, fixed ? addr : 0, &len))
		return -ENOMEM;
	if (fixed && addr % PAGE_SIZE)
		return -EINVAL;
	if ((new->prot &VMA_WRITE) && (new->prot &VMA_EXEC))
		return -EACCES;
	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	at = map_locked(mm, addr, len, new, how);
	sleep_unlock(&mm->lock);
	return at;
}

long mm_map(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, unsigned how)
{
	struct vma new = { .prot = prot, .flags = how & MM_GROWSDOWN ? VMA_GROWSDOWN : 0 };
	long at;

	if (how & MM_SHARED) {
		new.shared = shared_alloc(ALIGN_UP(len, PAGE_SIZE));
		if (!new.shared)
			return -ENOFRAME;
	}
	at = map(mm, addr, len, &new, how);
	if (at < 0 && new.shared)
		shared_put(new.shared);
	return at;
}

long mm_map_file(struct mm *mm, virt_addr_t addr, u64 len, unsigned prot, unsigned how,
		 const struct mm_file *file)
{
	struct vma new = {
		.prot = prot,
		.flags = !(how & MM_SHARED) ? VMA_PRIVATE :
			 file->readonly     ? VMA_READONLY :
					      0,
		.shared = file->content,
		.offset = file->offset,
	};
	long at;

	if (file->offset + ALIGN_UP(len, PAGE_SIZE) < file->offset)
		return -EOVERFLOW;
	shared_get(file->content);
	at = map(mm, addr, len, &new, how);
	if (at < 0)
		shared_put(file->content);
	return at;
}

void mm_cut_file(struct mm *mm, const struct shared *content, u64 size)
{
	const struct vma *vma;
	struct vma_at at;

	size = ALIGN_UP(size, PAGE_SIZE);
	if (sleep_lock_killable(&mm->lock))
		return;
	for (vma = vma_first(mm, &at, 0); vma; vma = vma_next(mm, &at)) {
		u64 stays = size > vma->offset ? size - vma->offset : 0;

		if (vma->shared == content && stays < vma->end - vma->start)
			(void)pages_drop(mm, vma->start + stays, vma->end);
	}
	sleep_unlock(&mm->lock);
}

/* ---- mprotect, brk --------------------------------------------------------------- */

/* May the areas of the range be written, and the private ones become data? */
static int may_write(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	const struct vma *vma = NULL;
	struct vma_at at;
	u64 more = 0;

	if (prot & VMA_WRITE)
		vma = vma_first(mm, &at, start);
	for (; vma && vma->start < end; vma = vma_next(mm, &at)) {
		struct vma then = *vma;

		if (vma->flags & VMA_READONLY)
			return -EACCES;
		then.prot ^= VMA_WRITE;
		if (vma_is_data(&then))
			more += MIN(end, vma->end) - MAX(start, vma->start);
	}
	return more && !mm_may_be_data(mm, more) ? -ENOMEM : 0;
}

/* What is left early leaves an area that ends where it got to. */
static int protect_locked(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned prot)
{
	int err = vma_prepare_protect(mm, start, end);
	virt_addr_t done;

	if (!err)
		err = may_write(mm, start, end, prot);
	if (err)
		return err;
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
	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = protect_locked(mm, addr, addr + len, prot);
	sleep_unlock(&mm->lock);
	return err;
}

static int extend_brk(struct mm *mm, virt_addr_t start, virt_addr_t end)
{
	const struct vma new = {
		.start = start, .end = end, .prot = VMA_READ | VMA_WRITE, .flags = mm->lock_new
	};

	if (!vma_room_free(mm, start, end + PAGE_SIZE) || !mm_may_grow(mm, end - start, true) ||
	    ((new.flags &VMA_LOCKED) && !mm_may_lock(mm, end - start)) || vma_prepare(mm, 1))
		return -ENOMEM;
	vma_insert(mm, &new);
	return 0;
}

static virt_addr_t brk_locked(struct mm *mm, virt_addr_t brk)
{
	virt_addr_t old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	virt_addr_t end;

	if (brk < mm->brk_start || brk > mm->end)
		return mm->brk;
	end = ALIGN_UP(brk, PAGE_SIZE);
	if (end > old_end && extend_brk(mm, old_end, end))
		return mm->brk;
	if (end < old_end && unmap_locked(mm, end, old_end - end))
		return mm->brk;
	mm->brk = brk;
	return brk;
}

virt_addr_t mm_brk(struct mm *mm, virt_addr_t brk)
{
	virt_addr_t at;

	if (sleep_lock_killable(&mm->lock))
		return mm->brk; /* the thread dies, and never sees it */
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
	if (r->old_len == 0 && vma_is_private(vma))
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
	if ((vma->flags & VMA_LOCKED) && r->new_len > r->old_len &&
	    !mm_may_lock(mm, r->new_len - r->old_len))
		return -EAGAIN;
	return mm_may_grow(mm, r->new_len - stays, vma_is_data(vma)) ? 0 : -ENOMEM;
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

	err = vma_prepare(mm, 3);
	if (!err)
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
	vma_insert(mm, &vma);
	if (r->flags & MM_REMAP_DONTUNMAP)
		vma_set_flags(mm, r->addr, r->addr + r->old_len, VMA_LOCKS, 0);
	else if (r->old_len)
		err = drop(mm, r->addr, r->addr + r->old_len);
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
	err = vma_prepare(mm, 5);
	if (err)
		return err;
	if (fixed && r->to < USER_START)
		return -EPERM;
	if (fixed) {
		err = drop(mm, r->to, r->to + r->new_len);
		if (!err && r->old_len > r->new_len) {
			err = unmap_locked(mm, r->addr + r->new_len, r->old_len - r->new_len);
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
	if (r->addr + r->old_len != vma->end || more.end < more.start || more.end > mm->end ||
	    !vma_range_free(mm, more.start, more.end) || vma_prepare(mm, 1))
		return false;
	if (more.shared)
		shared_get(more.shared);
	vma_insert(mm, &more);
	return true;
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
	r->to = areas_find_room(&mm->areas, r->new_len, USER_START, mm->mmap_top);
	return r->to ? move(mm, r) : -ENOMEM;
}

long mm_remap(struct mm *mm, virt_addr_t addr, u64 old_len, u64 new_len, unsigned flags,
	      virt_addr_t new_addr)
{
	struct remap r = { addr, ALIGN_UP(old_len, PAGE_SIZE), ALIGN_UP(new_len, PAGE_SIZE), flags,
			   new_addr };
	long at;

	if ((flags & MM_REMAP_FIXED && !(flags & MM_REMAP_MAYMOVE)) ||
	    (flags & MM_REMAP_DONTUNMAP && (!(flags & MM_REMAP_MAYMOVE) || old_len != new_len)) ||
	    addr % PAGE_SIZE || r.new_len == 0)
		return -EINVAL;
	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	at = remap_locked(mm, &r);
	sleep_unlock(&mm->lock);
	return at;
}
