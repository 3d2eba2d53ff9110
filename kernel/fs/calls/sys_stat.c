/*
 * System calls that ask about files: the stat family, access, readlink.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/space/shared.h"
#include "mm/space/uaccess.h"

#define TREE_DEVICE 2 /* st_dev of all files */

/* struct stat of a 64-bit program */
struct stat {
	u64 dev, ino, nlink;
	u32 mode, uid, gid, pad;
	u64 rdev;
	s64 size, blksize, blocks;
	u64 times[6];
	s64 unused[3];
};
static_assert(sizeof(struct stat) == 144, "Linux's struct stat");

/* struct stat64 of a 32-bit program */
struct stat64_32 {
	u64 dev;
	u32 pad, ino_low, mode, nlink, uid, gid;
	u64 rdev;
	u32 pad2;
	s64 size;
	u32 blksize;
	s64 blocks;
	u32 times[6];
	u64 ino;
} __packed;
static_assert(sizeof(struct stat64_32) == 96, "Linux's struct stat64 of i386");

/* A device number as struct stat has it. */
static u64 device(u32 major, u32 minor)
{
	return (major & 0xfff) << 8 | (minor & 0xff) | (u64)(minor & ~0xffu) << 12;
}

static void get_stat(const struct inode *inode, struct stat *st)
{
	const u64 times[3] = { inode->accessed, inode->modified, inode->changed };

	*st = (struct stat){
		.dev = TREE_DEVICE,
		.ino = inode->number,
		.nlink = inode->links,
		.mode = inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.rdev = device(inode->rdev_major, inode->rdev_minor),
		.size = (s64)inode_size(inode),
		.blksize = PAGE_SIZE,
		.blocks = (s64)(ALIGN_UP(inode_size(inode), PAGE_SIZE) / 512),
	};
	for (unsigned i = 0; i < 3; i++) {
		st->times[2 * i] = times[i] / NSEC_PER_SEC;
		st->times[2 * i + 1] = times[i] % NSEC_PER_SEC;
	}
}

static long put32(virt_addr_t to, const struct stat *st)
{
	struct stat64_32 st32 = {
		.dev = st->dev,
		.ino_low = (u32)st->ino,
		.mode = st->mode,
		.nlink = (u32)st->nlink,
		.uid = st->uid,
		.gid = st->gid,
		.rdev = st->rdev,
		.size = st->size,
		.blksize = PAGE_SIZE,
		.blocks = st->blocks,
		.ino = st->ino,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(st32.times); i++)
		st32.times[i] = (u32)st->times[i];
	return copy_to_user(to, &st32, sizeof(st32)) ? -EFAULT : 0;
}

static long put(virt_addr_t to, const struct stat *st)
{
	if (abi_is_ia32())
		return put32(to, st);
	return copy_to_user(to, st, sizeof(*st)) ? -EFAULT : 0;
}

/* The same for an open file. */
static long stat_fd(int fd, struct stat *st)
{
	struct inode nameless = { .links = 1 };
	struct file *f = fd_get_any(fd);

	if (!f)
		return -EBADF;
	nameless.mode = f->ops->mode;
	if (file_is(&nameless, FILE_CHARACTER)) { /* the console */
		nameless.rdev_major = 5;
		nameless.rdev_minor = 1;
	}
	get_stat(f->inode ? f->inode : &nameless, st);
	file_drop(f);
	return 0;
}

static bool is_empty(virt_addr_t path)
{
	u8 first;

	return !copy_from_user(&first, path, 1) && !first;
}

static long stat_path(int fd, virt_addr_t path, u32 flags, struct stat *st)
{
	struct path p;
	long err;

	if ((flags & AT_EMPTY_PATH) && fd != AT_FDCWD && is_empty(path))
		return stat_fd(fd, st);
	err = path_lock(fd, path, flags, &p);
	if (err)
		return err;
	get_stat(p.at.file->inode, st);
	path_unlock(&p);
	return 0;
}

static long stat_to_user(int fd, virt_addr_t path, u32 flags, virt_addr_t to)
{
	struct stat st;
	long err = stat_path(fd, path, flags, &st);

	return err ? err : put(to, &st);
}

long sys_stat(struct pt_regs *regs)
{
	return stat_to_user(AT_FDCWD, regs->di, 0, regs->si);
}

long sys_lstat(struct pt_regs *regs)
{
	return stat_to_user(AT_FDCWD, regs->di, AT_SYMLINK_NOFOLLOW, regs->si);
}

long sys_fstat(struct pt_regs *regs)
{
	struct stat st;
	long err = stat_fd((int)regs->di, &st);

	return err ? err : put(regs->si, &st);
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

long sys_newfstatat(struct pt_regs *regs)
{
	u32 flags = (u32)regs->r10;

	if (flags & ~(u32)STAT_FLAGS)
		return -EINVAL;
	return stat_to_user((int)regs->di, regs->si, flags, regs->dx);
}

static struct statx_timestamp timestamp(const u64 *time)
{
	return (struct statx_timestamp){ .tv_sec = (s64)time[0], .tv_nsec = (u32)time[1] };
}

long sys_statx(struct pt_regs *regs)
{
	u32 flags = (u32)regs->dx, mask = (u32)regs->r10;
	struct stat st;
	struct statx stx;
	long err;

	if ((flags & ~(u32)(STAT_FLAGS | AT_STATX_SYNC_TYPE)) || (mask & STATX__RESERVED) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = stat_path((int)regs->di, regs->si, flags, &st);
	if (err)
		return err;
	stx = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = PAGE_SIZE,
		.stx_nlink = (u32)st.nlink,
		.stx_uid = st.uid,
		.stx_gid = st.gid,
		.stx_mode = (u16)st.mode,
		.stx_ino = st.ino,
		.stx_size = (u64)st.size,
		.stx_blocks = (u64)st.blocks,
		.stx_atime = timestamp(&st.times[0]),
		.stx_mtime = timestamp(&st.times[2]),
		.stx_ctime = timestamp(&st.times[4]),
		.stx_rdev_major = (u32)(st.rdev >> 8) & 0xfff,
		.stx_rdev_minor = (u32)((st.rdev & 0xff) | (st.rdev >> 12 & ~0xffu)),
		.stx_dev_minor = TREE_DEVICE,
	};
	return copy_to_user(regs->r8, &stx, sizeof(stx)) ? -EFAULT : 0;
}

/* ---- File systems: there is one ------------------------------------------------------- */

#define TMPFS_MAGIC 0x01021994

/* struct statfs, of 64-bit programs */
struct statfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree;
	u32 fsid[2];
	u64 namelen, frsize, flags, spare[4];
};
static_assert(sizeof(struct statfs) == 120, "Linux's struct statfs");

static long put_statfs(virt_addr_t to)
{
	u64 blocks = frame_stats().total, left = shared_files_room();
	const struct statfs st = {
		.type = TMPFS_MAGIC,
		.bsize = PAGE_SIZE,
		.blocks = blocks,
		.bfree = left,
		.bavail = left,
		.files = blocks,
		.ffree = left,
		.namelen = FILE_NAME_MAX,
		.frsize = PAGE_SIZE,
	};

	return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

long sys_statfs(struct pt_regs *regs)
{
	struct path p;
	long err = path_lock(AT_FDCWD, regs->di, 0, &p);

	if (err)
		return err;
	path_unlock(&p);
	return put_statfs(regs->si);
}

long sys_fstatfs(struct pt_regs *regs)
{
	struct file *f = fd_get_any((int)regs->di);

	if (!f)
		return -EBADF;
	file_drop(f);
	return put_statfs(regs->si);
}

/* ---- Access ---------------------------------------------------------------------- */

static long may_access(int fd, virt_addr_t from, u32 what, u32 flags)
{
	bool real = !(flags & AT_EACCESS), may;
	struct path p;
	long err;

	if ((what & ~7u) || (flags & ~(u32)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	err = path_lock(fd, from, flags | (real ? PATH_REAL_IDS : 0), &p);
	if (err)
		return err;
	may = real ? rights_allow_real(p.at.file->inode, what) :
		     rights_allow(p.at.file->inode, what);
	path_unlock(&p);
	return may ? 0 : -EACCES;
}

long sys_access(struct pt_regs *regs)
{
	return may_access(AT_FDCWD, regs->di, (u32)regs->si, 0);
}

long sys_faccessat(struct pt_regs *regs)
{
	return may_access((int)regs->di, regs->si, (u32)regs->dx, 0);
}

long sys_faccessat2(struct pt_regs *regs)
{
	return may_access((int)regs->di, regs->si, (u32)regs->dx, (u32)regs->r10);
}

/* ---- Links ----------------------------------------------------------------------- */

/* The target, in the frame of the path: its length, or an errno. */
static long get_target(struct path *p)
{
	const struct dentry *d = p->at.file;

	if (!file_is(d->inode, FILE_SYMLINK))
		return p->text[0] ? -EINVAL : -ENOENT;
	if (d->inode->made)
		return d->inode->made->read_link(d->inode, p->text, PATH_MAX);
	memcpy(p->text, d->inode->target, d->inode->size);
	return (long)d->inode->size;
}

static long read_link(int fd, virt_addr_t from, virt_addr_t to, int size)
{
	struct path p;
	char *text;
	long n;

	if (size <= 0)
		return -EINVAL;
	n = path_lock(fd, from, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &p);
	if (n)
		return n;
	n = get_target(&p);
	text = path_unlock_keep(&p);
	if (n > 0) {
		n = MIN(n, size);
		if (copy_to_user(to, text, (size_t)n))
			n = -EFAULT;
	}
	path_put(text);
	return n;
}

long sys_readlink(struct pt_regs *regs)
{
	return read_link(AT_FDCWD, regs->di, regs->si, (int)regs->dx);
}

long sys_readlinkat(struct pt_regs *regs)
{
	return read_link((int)regs->di, regs->si, regs->dx, (int)regs->r10);
}
