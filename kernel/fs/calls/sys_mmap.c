/*
 * System calls that map memory: files, or none.  What a mapping shows of a file is its object
 * (mm/space/shared.h), which the area holds: so the file may be closed, and its names be taken
 * away.
 */
#include "kernel/base/errno.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/space/mlock.h"
#include "mm/space/mm_range.h"
#include "mm/space/uaccess.h"

struct request {
	u64 addr, len, flags, offset;
	unsigned prot, how; /* VMA_READ and so on, MM_FIXED and so on */
};

/* Those that MAP_SHARED_VALIDATE finds here; of all others it must say that they are not. */
#define FLAGS_OF_OLD                                                                            \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_LOCKED |    \
	 MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_EXECUTABLE | MAP_32BIT | \
	 MAP_FIXED_NOREPLACE)

/* Those that say how and where, beside MAP_TYPE. */
#define FLAGS_OF_PLACE (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT | MAP_GROWSDOWN | MAP_LOCKED)

/* Other flags (MAP_NORESERVE, MAP_STACK, ...) ask for nothing that we do. */
static unsigned map_how(u64 flags)
{
	unsigned how = abi_is_ia32() ? MM_IA32 : 0;

	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		how |= MM_SHARED;
	if (likely(!(flags & FLAGS_OF_PLACE)))
		return how;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		how |= MM_FIXED;
	if (flags & MAP_FIXED_NOREPLACE)
		how |= MM_NOREPLACE;
	if (flags & MAP_32BIT)
		how |= MM_32BIT;
	if (flags & MAP_GROWSDOWN)
		how |= MM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		how |= MM_LOCKED;
	return how;
}

/* f is NULL for memory without a file. */
static int check(const struct file *f, const struct request *r)
{
	u64 type = r->flags & MAP_TYPE;
	u32 open_for = f ? f->flags & O_ACCMODE : 0;

	if (r->len == 0 ||
	    (type != MAP_PRIVATE && type != MAP_SHARED && (type != MAP_SHARED_VALIDATE || !f)))
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (r->flags & ~(u64)FLAGS_OF_OLD))
		return -EOPNOTSUPP;
	if ((type != MAP_PRIVATE || f) && (r->flags & MAP_GROWSDOWN))
		return -EINVAL;
	if (!f)
		return 0;
	if (open_for == O_WRONLY ||
	    (type != MAP_PRIVATE && (r->prot & VMA_WRITE) && open_for != O_RDWR))
		return -EACCES;
	return f->ops->map ? 0 : -ENODEV;
}

static long map(struct file *f, const struct request *r)
{
	struct mm *mm = current_thread()->mm;
	struct shared *content = f ? f->ops->map(f) : NULL;

	if (!content)
		return mm_map(mm, r->addr, r->len, r->prot, r->how);
	return mm_map_file(mm, r->addr, r->len, r->prot, r->how,
			   &(struct mm_file){
				   .content = content,
				   .offset = r->offset,
				   .readonly = (f->flags & O_ACCMODE) == O_RDONLY,
			   });
}

/* As far as it can be had now; if not, a touch says so. */
static void make_present(const struct request *r, virt_addr_t at)
{
	struct mm *mm = current_thread()->mm;
	virt_addr_t end = at + ALIGN_UP(r->len, PAGE_SIZE);

	if ((r->flags & MAP_LOCKED) || mm->lock_new)
		OOM_RETRY(OOM_TOUCHES, mm_populate_locked(mm, at, end, true));
	else if ((r->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		OOM_RETRY(OOM_TOUCHES, mm_populate(mm, at, end, 0));
}

static long do_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, u64 offset)
{
	const struct request r = {
		.addr = addr,
		.len = len,
		.flags = flags,
		.offset = offset,
		.prot = (unsigned)prot & (VMA_READ | VMA_WRITE | VMA_EXEC),
		.how = map_how(flags),
	};
	struct file *f = NULL;
	long at;

	if (offset % PAGE_SIZE)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
	}
	at = check(f, &r);
	if (!at)
		at = OOM_RETRY(OOM_CAN_FAIL, map(f, &r));
	if (f)
		file_drop(f);
	if (at > 0)
		make_present(&r, (virt_addr_t)at);
	return at;
}

/* i386's last argument counts pages. */
long sys_mmap(struct pt_regs *regs)
{
	return do_mmap(regs->di, regs->si, regs->dx, regs->r10, (int)regs->r8,
		       abi_is_ia32() ? regs->r9 * PAGE_SIZE : regs->r9);
}

/* The first mmap: its six arguments are in memory. */
long ia32_sys_old_mmap(struct pt_regs *regs)
{
	struct {
		u32 addr, len, prot, flags, fd, offset;
	} a;

	if (copy_from_user(&a, regs->di, sizeof(a)))
		return -EFAULT;
	return do_mmap(a.addr, a.len, a.prot, a.flags, (int)a.fd, a.offset);
}

/* What is written to a mapping is in the file at once. */
long sys_msync(struct pt_regs *regs)
{
	virt_addr_t start = regs->di, end = start + ALIGN_UP(regs->si, PAGE_SIZE);
	u32 flags = (u32)regs->dx;
	long err;

	if ((flags & ~(u32)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || start % PAGE_SIZE ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end <= start)
		return end == start ? 0 : -ENOMEM;
	err = mm_check_range(current_thread()->mm, start, end, !(flags & MS_INVALIDATE));
	return err == -EINVAL ? -EBUSY : err;
}
