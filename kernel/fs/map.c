/*
 * Mappings of open files.  What the mapping shows is the file's object (mm/space/shared.h),
 * which the area holds: so the file may be closed, and its names be taken away.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/fs/map.h"
#include "kernel/linux/tree.h"
#include "mm/space/mm_range.h"

/* May the file be mapped so? */
static int check(const struct file *f, unsigned prot, unsigned how)
{
	u32 open_for = f->flags & O_ACCMODE;

	if (f->flags & O_PATH)
		return -EBADF;
	if (open_for == O_WRONLY || ((how & MM_SHARED) && (prot & VMA_WRITE) && open_for != O_RDWR))
		return -EACCES;
	return f->ops->map ? 0 : -ENODEV;
}

static long map(struct file *f, virt_addr_t addr, u64 len, unsigned prot, unsigned how, u64 offset)
{
	struct mm *mm = current_thread()->mm;
	const struct mm_file file = {
		.content = f->ops->map(f),
		.offset = offset,
		.readonly = (f->flags & O_ACCMODE) == O_RDONLY,
	};

	return file.content ? mm_map_file(mm, addr, len, prot, how, &file) :
			      mm_map(mm, addr, len, prot, how);
}

long fd_map(int fd, virt_addr_t addr, u64 len, unsigned prot, unsigned how, u64 offset)
{
	struct file *f = fd_get(fd);
	long at;

	if (!f)
		return -EBADF;
	at = check(f, prot, how);
	if (!at)
		at = map(f, addr, len, prot, how, offset);
	file_drop(f);
	return at;
}
