/*
 * /proc/PID/maps, and what a program was told when it began: arguments, environment,
 * auxiliary vector, read from its memory, where it may have changed them.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/linux/tree.h"
#include "kernel/proc/maps.h"
#include "kernel/proc/process.h"
#include "mm/space/vma.h"

#define CHUNK 256

int process_space(const struct text *t, const struct inode *inode, struct mm **mm)
{
	const struct row *row = inode->row;
	struct process *p;
	SPIN_GUARD(&process_lock);
	int err = row->traced ? row_traced_process(inode, &p) : 0;

	if (err)
		return err;
	p = row_process(inode);
	if (!p)
		return -ENOENT;
	*mm = p->mm && row->traced && p->mm->id != t->about ? NULL : p->mm;
	if (*mm)
		mm_get(*mm);
	return 0;
}

s64 space_bytes(struct mm *mm, u64 *locked)
{
	s64 bytes;

	if (sleep_lock_killable(&mm->lock))
		return -EINTR;
	bytes = (s64)mm->bytes;
	*locked = mm->locked_bytes;
	sleep_unlock(&mm->lock);
	return bytes;
}

/* ---- Areas ----------------------------------------------------------------------------------- */

static const char *area_name(const struct mm *mm, const struct vma *vma)
{
	if (vma->start <= mm->brk && vma->end >= mm->brk_start && mm->brk > mm->brk_start)
		return "[heap]";
	if (mm->told.args >= vma->start && mm->told.args < vma->end)
		return "[stack]";
	return "";
}

/* As Linux has it, whose names begin in column 73; areas here know no file. */
static void print_area(struct text *t, const struct mm *mm, const struct vma *vma)
{
	const char *name = area_name(mm, vma);

	text_print(t, "%08lx-%08lx %c%c%c%c %08lx 00:00 0%s%s\n", vma->start, vma->end,
		   vma->prot & VMA_READ ? 'r' : '-', vma->prot & VMA_WRITE ? 'w' : '-',
		   vma->prot & VMA_EXEC ? 'x' : '-',
		   vma->shared && !(vma->flags & VMA_PRIVATE) ? 's' : 'p',
		   vma->shared ? vma->offset : 0, *name ? "                          " : " ", name);
}

int maps_show(struct text *t, const struct inode *inode)
{
	const struct vma *vma;
	struct vma_at at;
	struct mm *mm;
	int err = process_space(t, inode, &mm);

	if (err || !mm)
		return err;
	err = sleep_lock_killable(&mm->lock);
	if (!err) {
		vma = vma_first(mm, &at, 0);
		for (; vma && !seam_long_work_point(); vma = vma_next(mm, &at))
			print_area(t, mm, vma);
		sleep_unlock(&mm->lock);
	}
	mm_put(mm);
	return err;
}

/* ---- Bytes ------------------------------------------------------------------------------------ */

/* What is not there any more ends the text. */
static void put_range(struct text *t, struct mm *mm, virt_addr_t from, virt_addr_t end)
{
	u8 chunk[CHUNK];

	while (from < end) {
		u64 n = MIN(end - from, CHUNK);

		if (mm_read(mm, from, chunk, n))
			return;
		text_put(t, chunk, n);
		from += n;
	}
}

#define SHOW_RANGE(name, from, to)                                 \
	int name##_show(struct text *t, const struct inode *inode) \
	{                                                          \
		struct mm *mm;                                     \
		int err = process_space(t, inode, &mm);            \
                                                                   \
		if (err || !mm)                                    \
			return err;                                \
		put_range(t, mm, mm->told.from, mm->told.to);      \
		mm_put(mm);                                        \
		return 0;                                          \
	}

SHOW_RANGE(cmdline, args, env)
SHOW_RANGE(environ, env, env_end)
SHOW_RANGE(auxv, auxv, auxv_end)
