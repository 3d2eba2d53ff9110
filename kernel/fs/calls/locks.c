/*
 * System calls that lock files: fcntl() by ranges, for a table of descriptors or (F_OFD_x) an
 * open file; flock() whole.
 */
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/files/inode.h"
#include "kernel/fs/calls/locks.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/locks.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

/* ---- struct flock, in three forms -------------------------------------------------------- */

struct flock_32 {
	s16 type, whence;
	s32 start, len, pid;
};

struct flock64_32 {
	s16 type, whence;
	s64 start, len;
	s32 pid;
} __packed;

static long read_flock(struct flock *l, virt_addr_t from, bool narrow)
{
	struct flock64_32 l64 = { 0 };
	struct flock_32 l32;

	if (!abi_is_ia32())
		return copy_from_user(l, from, sizeof(*l)) ? -EFAULT : 0;
	if (copy_from_user(narrow ? (void *)&l32 : &l64, from, narrow ? sizeof(l32) : sizeof(l64)))
		return -EFAULT;
	if (narrow)
		l64 = (struct flock64_32){ l32.type, l32.whence, l32.start, l32.len, 0 };
	*l = (struct flock){ l64.type, l64.whence, l64.start, l64.len, l64.pid };
	return 0;
}

static long write_flock(const struct flock *l, virt_addr_t to, bool narrow)
{
	const struct flock64_32 l64 = { l->l_type, l->l_whence, l->l_start, l->l_len, l->l_pid };
	const struct flock_32 l32 = { l->l_type, l->l_whence, (s32)l->l_start, (s32)l->l_len,
				      l->l_pid };

	if (!abi_is_ia32())
		return copy_to_user(to, l, sizeof(*l)) ? -EFAULT : 0;
	return copy_to_user(to, narrow ? (const void *)&l32 : &l64,
			    narrow ? sizeof(l32) : sizeof(l64)) ?
		       -EFAULT :
		       0;
}

/* i386's for struct flock64; x86-64 has one struct flock. */
#define F_GETLK_64 12

/* ---- fcntl --------------------------------------------------------------------------------- */

/* A length below 0 means what is in front of the start; 0 all that is behind. */
static long range_of(const struct file *f, const struct flock *l, struct lock_range *r)
{
	s64 start = l->l_whence == SEEK_CUR ? (s64)f->position :
		    l->l_whence == SEEK_END ? (s64)inode_size(f->inode) :
					      0;
	s64 end;

	if ((u16)l->l_whence > SEEK_END || (u16)l->l_type > F_UNLCK)
		return -EINVAL;
	if (__builtin_add_overflow(start, l->l_start, &start) ||
	    __builtin_add_overflow(start, l->l_len, &end))
		return -EOVERFLOW;
	if (start < 0 || end < 0)
		return -EINVAL;
	*r = (struct lock_range){
		.start = (u64)MIN(start, end),
		.end = l->l_len ? (u64)MAX(start, end) - 1 : LOCK_TO_END,
		.type = (u16)l->l_type,
		.pid = current_process()->pid,
	};
	return 0;
}

static long get(struct file *f, const void *owner, struct flock *l, struct lock_range *r)
{
	long err = r->type == F_UNLCK ? -EINVAL : locks_test(&f->inode->range_locks, owner, r);

	if (err)
		return err;
	l->l_type = (s16)r->type;
	if (r->type == F_UNLCK)
		return 0;
	l->l_whence = SEEK_SET;
	l->l_start = (s64)r->start;
	l->l_len = r->end == LOCK_TO_END ? 0 : (s64)(r->end - r->start + 1);
	l->l_pid = r->pid;
	return 0;
}

/* Another thread may have closed the number before there was a lock that this ends. */
static long set(struct file *f, int fd, const void *owner, const struct lock_range *r, bool wait)
{
	struct file *now __fd_held = NULL;
	u32 how = f->flags & O_ACCMODE;
	long err;

	if ((r->type == F_RDLCK && how == O_WRONLY) || (r->type == F_WRLCK && how == O_RDONLY))
		return -EBADF;
	err = locks_set(&f->inode->range_locks, owner, r, wait);
	now = fd_get(fd);
	if (now != f && owner != f)
		locks_drop(&f->inode->range_locks, owner);
	return err;
}

long lock_control(struct file *f, int fd, u32 command, virt_addr_t flock)
{
	u32 first = command >= F_OFD_GETLK ? F_OFD_GETLK :
		    command >= F_GETLK_64  ? F_GETLK_64 :
					     F_GETLK;
	bool narrow = first == F_GETLK, of_file = first == F_OFD_GETLK;
	const void *owner = of_file ? (void *)f : current_process()->files;
	u32 what = command - first; /* 0: get, 1: set, 2: set and wait */
	struct lock_range r;
	struct flock l;
	long err;

	if (what > 2 || (first == F_GETLK_64 && !abi_is_ia32()))
		return -EINVAL;
	err = read_flock(&l, flock, narrow);
	if (!err)
		err = f->inode && !(of_file && l.l_pid) ? range_of(f, &l, &r) : -EINVAL;
	if (err)
		return err;
	if (of_file)
		r.pid = LOCK_OF_FILE;
	if (what)
		return set(f, fd, owner, &r, what == 2);
	err = get(f, owner, &l, &r);
	return err ? err : write_flock(&l, flock, narrow);
}

/* ---- flock -------------------------------------------------------------------------------- */

long sys_flock(struct pt_regs *regs)
{
	static const u8 types[] = { [LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK, [LOCK_UN] = F_UNLCK };
	struct lock_range r = { .end = LOCK_TO_END };
	u32 how = (u32)regs->si & ~(u32)LOCK_NB;
	struct file *f __fd_held = fd_get((int)regs->di);

	if (how != LOCK_SH && how != LOCK_EX && how != LOCK_UN)
		return -EINVAL;
	if (!f)
		return -EBADF;
	r.type = types[how];
	return f->inode ? locks_set(&f->inode->file_locks, f, &r, !(regs->si & LOCK_NB)) : -EINVAL;
}
