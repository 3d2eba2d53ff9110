/*
 * Where the segments of a program's file come in an address space.
 *
 * The stack gives way to a program that must lie where it would be; a program that can lie
 * anywhere gives way to the stack.
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/base/seams.h"
#include "kernel/files/elf_map.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "mm/space/mm.h"
#include "mm/space/mm_range.h"
#include "mm/space/shared.h"

/* ---- Places ---------------------------------------------------------------------- */

/* Is a static-pie in the user half at this base, with the stack above it? */
static bool pie_fits(const struct mm *mm, const struct elf_image *elf, u64 base)
{
	virt_addr_t first = base + elf->start, end = mm->stack_top - MM_STACK_GAP_MIN;

	return first >= USER_START && first <= end && elf->brk_start - elf->start <= end - first;
}

/*
 * Its first address, whatever that is in the file, comes to `first` or, where it does not
 * fit there, below the stack; less what its alignment takes.  The base may be negative.
 */
static int place_pie(const struct mm *mm, const struct elf_image *elf, virt_addr_t first, u64 *base)
{
	*base = ALIGN_DOWN(first - elf->start, elf->align);
	if (pie_fits(mm, elf, *base))
		return 0;
	*base = ALIGN_DOWN(mm->stack_top - MM_STACK_GAP_MIN - elf->brk_start, elf->align);
	return pie_fits(mm, elf, *base) ? 0 : -ENOEXEC;
}

/*
 * A program that is linked where the stack would be has the stack below it, and the mmap
 * area as far below that as it was.
 */
static int place_stack(struct mm *mm, const struct elf_image *elf)
{
	u64 gap = mm->stack_top - mm->mmap_top;
	virt_addr_t top = mm->stack_top;

	for (unsigned i = 0; i < elf->segment_count;) {
		const struct elf_segment *s = &elf->segment[i++];

		if (s->vaddr >= top || s->vaddr + s->memsz <= top - MM_STACK_GAP_MIN)
			continue;
		top = ALIGN_DOWN(s->vaddr, PAGE_SIZE);
		if (top < USER_START + MM_STACK_GAP_MIN)
			return -ENOEXEC;
		i = 0; /* another may be there */
	}
	if (top != mm->stack_top)
		mm->mmap_top = top - ALIGN_DOWN(MIN(gap, top / 6 * 5), PAGE_SIZE);
	mm->stack_top = top;
	return 0;
}

int elf_place(struct mm *mm, const struct elf_image *elf, virt_addr_t pie_first, u64 *base)
{
	*base = 0;
	return elf->is_pie ? place_pie(mm, elf, pie_first, base) : place_stack(mm, elf);
}

/* ---- Pages ------------------------------------------------------------------------ */

/*
 * The pages of a segment without bytes in the file.  It may begin in a page that an
 * earlier one has filled: the bytes there stay.
 */
static int map_zeros(struct mm *mm, virt_addr_t start, u64 size, unsigned prot)
{
	long err = mm_map(mm, start, PAGE_SIZE, prot, MM_FIXED | MM_NOREPLACE);

	if (err == -EEXIST)
		err = mm_protect(mm, start, PAGE_SIZE, prot);
	if (err >= 0 && size > PAGE_SIZE)
		err = mm_map(mm, start + PAGE_SIZE, size - PAGE_SIZE, prot, MM_FIXED);
	return err < 0 ? (int)err : 0;
}

int elf_copy(struct mm *mm, virt_addr_t to, struct shared *content, u64 offset, u64 n)
{
	u64 done = 0, here;
	phys_addr_t pa;
	int err = 0;

	while (!err && done < n) {
		const u8 *bytes = shared_peek(content, offset + done, &pa, &here);

		here = MIN(here, n - done);
		if (here)
			err = mm_write(mm, to + done, bytes, here);
		if (pa != NO_FRAME)
			frame_release(pa);
		if (!here) /* somebody has made it shorter */
			break;
		done += here;
		if (!err && seam_long_work_point())
			err = -EINTR;
	}
	return err;
}

/*
 * As mmap of a file does it: whole pages, so that the bytes in front of the
 * segment in its first page are the file's; zeroes behind filesz.
 */
static int load_segment(struct mm *mm, const struct elf_source *from, const struct elf_segment *s,
			u64 base)
{
	u64 skew = s->vaddr % PAGE_SIZE;
	virt_addr_t start = base + s->vaddr - skew;
	u64 size = ALIGN_UP(skew + s->memsz, PAGE_SIZE);
	unsigned prot = (s->rights & ELF_R ? VMA_READ : 0) | (s->rights & ELF_W ? VMA_WRITE : 0) |
			(s->rights & ELF_X ? VMA_EXEC : 0);
	long err;

	if (s->filesz == 0)
		return map_zeros(mm, start, size, prot);
	err = mm_map(mm, start, size, prot, MM_FIXED);
	if (err < 0)
		return (int)err;
	if (from->bytes)
		return mm_write(mm, start, from->bytes + s->offset - skew, s->filesz + skew);
	return elf_copy(mm, start, from->content, s->offset - skew, s->filesz + skew);
}

int elf_map(struct mm *mm, const struct elf_source *from, const struct elf_image *elf, u64 base)
{
	int err = 0;

	for (unsigned i = 0; !err && i < elf->segment_count; i++)
		err = load_segment(mm, from, &elf->segment[i], base);
	return err;
}
