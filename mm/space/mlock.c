/*
 * Pages of ranges: making them present, taking them away, and locking areas.
 *
 * Nothing is ever swapped out here, so a locked page needs no care once it is
 * there.  What locking means is the count against RLIMIT_MEMLOCK, that pages are
 * made present at once unless MLOCK_ONFAULT was asked for, and that they are not
 * discarded by mistake.  fork's child has nothing locked, nor has a process after exec.
 *
 * Source: Linux, mm/mlock.c, mm/gup.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "mm/space/mlock.h"
#include "mm/space/mm.h"
#include "mm/space/mm_limits.h"
#include "mm/space/pages.h"
#include "mm/space/vma.h"

/* ---- Pages ----------------------------------------------------------------------- */

/*
 * Makes the pages of [start, end) present; where the program may write, and `need` does not
 * say that it will only read, each with a frame of its own.  0, -ENOFRAME, -ENOMEM (no area),
 * -EINVAL (an area cannot be touched, or has not the rights of `need`), -EFAULT
 * (behind the end of what it shows), -EINTR.
 */
static int populate(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned need)
{
	for (virt_addr_t va = start; va < end; va += PAGE_SIZE) {
		const struct vma *vma = vma_find(mm, va);
		enum pages_touch how = PAGES_READ;
		phys_addr_t pa;
		int err;

		if (!vma)
			return -ENOMEM;
		if (!vma->prot || (need & ~vma->prot))
			return -EINVAL;
		if ((vma->prot & VMA_WRITE) && need != VMA_READ)
			how = PAGES_WRITE;
		err = pages_touch(mm, vma, va, how, &pa);
		if (err)
			return err == -ENXIO ? -EFAULT : err;
		if (seam_long_work_point())
			return -EINTR;
	}
	return 0;
}

long mm_populate(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned need)
{
	int err;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = vma_covers(mm, start, end) ? populate(mm, start, end, need) : -ENOMEM;
	sleep_unlock(&mm->lock);
	return err;
}

/* Linux gets as far as the locked area; nothing is done here then. */
long mm_discard(struct mm *mm, virt_addr_t start, virt_addr_t end, bool locked_too)
{
	virt_addr_t done;
	bool covered;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	covered = vma_covers(mm, start, end);
	end = MIN(end, mm->end);
	if (!locked_too && vma_locked_bytes(mm, start, end)) {
		sleep_unlock(&mm->lock);
		return -EINVAL;
	}
	done = pages_drop(mm, start, end);
	sleep_unlock(&mm->lock);
	return done < end ? -EINTR : covered ? 0 : -ENOMEM;
}

long mm_check_range(struct mm *mm, virt_addr_t start, virt_addr_t end, bool locked_too)
{
	bool covered, locked;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	covered = vma_covers(mm, start, end);
	locked = vma_locked_bytes(mm, start, end);
	sleep_unlock(&mm->lock);
	return locked && !locked_too ? -EINVAL : covered ? 0 : -ENOMEM;
}

/* ---- Locking ---------------------------------------------------------------------- */

/* As far as there is no hole: what lies behind one stays as it is. */
static long lock_range(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned lock)
{
	virt_addr_t covered = vma_covered_to(mm, start, end);
	u64 more = end - start - vma_locked_bytes(mm, start, end);
	int err;

	if ((lock & VMA_LOCKED) && !mm_may_lock(mm, more))
		return -ENOMEM;
	if (start == covered)
		return -ENOMEM;
	err = vma_prepare_protect(mm, start, covered);
	if (err)
		return err;
	vma_set_flags(mm, start, covered, VMA_LOCKS, lock);
	return covered == end ? 0 : -ENOMEM;
}

long mm_lock(struct mm *mm, virt_addr_t start, virt_addr_t end, unsigned lock)
{
	long err;

	if ((lock & VMA_LOCKED) && !mm_can_lock())
		return -EPERM;
	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = lock_range(mm, start, end, lock);
	sleep_unlock(&mm->lock);
	return err;
}

long mm_lock_all(struct mm *mm, bool current, bool future, unsigned lock)
{
	long err = 0;

	if ((lock & VMA_LOCKED) && !mm_can_lock())
		return -EPERM;
	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	if (current && (lock & VMA_LOCKED) && !mm_may_lock(mm, mm->bytes - mm->locked_bytes))
		err = -ENOMEM;
	if (!err)
		mm->lock_new = future ? lock : 0;
	if (!err && current)
		vma_set_flags(mm, 0, mm->end, VMA_LOCKS, lock);
	sleep_unlock(&mm->lock);
	return err;
}

static int populate_locked(struct mm *mm, virt_addr_t start, virt_addr_t end, bool best)
{
	const struct vma *vma;
	struct vma_at at;
	int err;

	for (vma = vma_first(mm, &at, start); vma && vma->start < end; vma = vma_next(mm, &at)) {
		if ((vma->flags & VMA_LOCKS) != VMA_LOCKED)
			continue;
		err = populate(mm, MAX(start, vma->start), MIN(end, vma->end), 0);
		if (err && (!best || err == -ENOFRAME || err == -EINTR))
			return err;
	}
	return 0;
}

long mm_populate_locked(struct mm *mm, virt_addr_t start, virt_addr_t end, bool best)
{
	int err;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	err = populate_locked(mm, start, end, best);
	sleep_unlock(&mm->lock);
	return err;
}
