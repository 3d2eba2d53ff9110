/*
 * The kernel's side of the vDSO (user/vdso/vdso64.c): a page of the image, to which the
 * clock's numbers are added at boot, and which each 64-bit program has as if it were a
 * file's, mapped privately.  A program may move it, take it away or write a copy of its own.
 */
#include "arch/vdso/vdso64.h"
#include "kernel/base/log.h"
#include "kernel/base/string.h"
#include "mm/audit/vdso.h"
#include "mm/space/mm_range.h"
#include "mm/space/shared.h"

extern u8 vdso64_image[PAGE_SIZE]; /* arch/vdso/vdso64_image.asm */

static struct shared *content;

void vdso64_init(const struct vdso_clock *clock)
{
	memcpy(vdso64_image + VDSO_CLOCK_AT, clock, sizeof(*clock));
	content = shared_of_file(vdso64_image, PAGE_SIZE);
	if (!content || shared_frame(content, 0, &vdso_frame))
		panic("memory: found no frame for the vDSO");
}

int vdso64_map(struct mm *mm, virt_addr_t where)
{
	const struct mm_file file = { content, 0, true };
	long at = mm_map_file(mm, where, PAGE_SIZE, VMA_READ | VMA_EXEC, 0, &file);

	if (at < 0)
		return (int)at;
	mm->vdso64 = (virt_addr_t)at;
	return 0;
}
