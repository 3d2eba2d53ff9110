/*
 * Covering a guest's pages: frames change places under the lock of the address space.
 * Read next: kernel/guest/tables.c, mm/audit/overlay.c.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/pti.h"
#include "mm/space/overlay.h"
#include "mm/space/pages.h"
#include "mm/space/vma.h"

int overlay_make_memory(struct mm *mm, u64 size)
{
	struct vma memory = { .end = size, .prot = VMA_READ | VMA_WRITE };
	struct vma kept = { .start = OVERLAY_KEPT, .end = OVERLAY_KEPT + size };
	int err;

	sleep_lock(&mm->lock);
	err = vma_prepare(mm, 2);
	if (!err) {
		vma_insert(mm, &memory);
		vma_insert(mm, &kept);
	}
	sleep_unlock(&mm->lock);
	return err;
}

void *overlay_kept(struct mm *mm, virt_addr_t va)
{
	return phys_to_virt(*pti_user_pte(mm->pgd, va, false) & PTE_ADDR_MASK);
}

/*
 * Only the area of a page that is not covered has rights; that of one which is stays apart,
 * so that nothing need be cut, and no memory be found, to uncover it.
 */
static void set_rights(struct mm *mm, virt_addr_t va, unsigned prot)
{
	vma_set_flags(mm, va, va + PAGE_SIZE, VMA_ALONE, prot ? 0 : VMA_ALONE);
	vma_protect(mm, va, va + PAGE_SIZE, prot);
	pages_protect(mm, va, va + PAGE_SIZE, prot);
}

static int cover_locked(struct mm *mm, struct overlay_page *p)
{
	const struct vma *vma = vma_find(mm, p->va);
	virt_addr_t va = p->va;
	phys_addr_t guest, ours;
	int err;

	if (!vma || vma->prot != (VMA_READ | VMA_WRITE))
		return -EACCES;
	err = vma_prepare_protect(mm, va, va + PAGE_SIZE);
	if (!err)
		err = pages_touch(mm, vma, va, PAGES_WRITE, &guest);
	if (!err)
		err = pages_prepare_move(mm, va, va + OVERLAY_KEPT, PAGE_SIZE);
	ours = err ? NO_FRAME : frame_alloc_zeroed();
	if (ours == NO_FRAME)
		return err ? err : -ENOFRAME;
	set_rights(mm, va, 0);
	pages_move(mm, va, va + OVERLAY_KEPT, PAGE_SIZE);
	*pti_user_pte(mm->pgd, va, false) = ours | PROT_RW | PTE_OVERLAY;
	mm->resident++;
	p->guest = phys_to_virt(guest);
	p->ours = phys_to_virt(ours);
	return 0;
}

int overlay_cover(struct mm *mm, struct overlay_page *p)
{
	int err = sleep_lock_killable(&mm->lock) ? -EINTR : 0;

	if (err)
		return err;
	err = cover_locked(mm, p);
	sleep_unlock(&mm->lock);
	return err;
}

void overlay_uncover(struct mm *mm, const struct overlay_page *p)
{
	sleep_lock(&mm->lock);
	pages_drop(mm, p->va, p->va + PAGE_SIZE);
	pages_move(mm, p->va + OVERLAY_KEPT, p->va, PAGE_SIZE);
	set_rights(mm, p->va, VMA_READ | VMA_WRITE);
	sleep_unlock(&mm->lock);
}
