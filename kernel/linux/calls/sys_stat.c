/*
 * System calls on paths and on what they name: the console and the files of
 * the initramfs can be looked at, and /proc/self/exe read as a link.  Nothing
 * can be opened.
 */
#include "kernel/base/errno.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/program/load.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

#define INITRAMFS_DEVICE 2

/* What is in no initramfs: the console, and the link to the process's own program. */
static const struct file_inode console = {
	.mode = FILE_CHARACTER | 0620,
	.links = 1,
	.number = 1,
	.rdev_major = 5,
	.rdev_minor = 1,
};
static const struct file_inode self_exe_link = {
	.mode = FILE_SYMLINK | 0777,
	.links = 1,
	.number = 0xffffffff,
};

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

static long put(virt_addr_t to, const struct file_inode *inode)
{
	const struct stat st = {
		.dev = INITRAMFS_DEVICE,
		.ino = inode->number,
		.nlink = inode->links,
		.mode = inode->mode,
		.rdev = device(inode->rdev_major, inode->rdev_minor),
		.size = (s64)inode->size,
		.blksize = PAGE_SIZE,
		.blocks = (s64)(ALIGN_UP(inode->size, PAGE_SIZE) / 512),
	};
	const struct stat64_32 st32 = {
		.dev = st.dev,
		.ino_low = inode->number,
		.mode = st.mode,
		.nlink = inode->links,
		.rdev = st.rdev,
		.size = st.size,
		.blksize = PAGE_SIZE,
		.blocks = st.blocks,
		.ino = st.ino,
	};

	if (abi_is_ia32())
		return copy_to_user(to, &st32, sizeof(st32)) ? -EFAULT : 0;
	return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

static bool is_open(int fd)
{
	struct file *f = fd_get(fd);

	if (f)
		file_drop(f);
	return f != NULL;
}

static long stat_fd(int fd, virt_addr_t to)
{
	return is_open(fd) ? put(to, &console) : -EBADF;
}

/* The file that the path names, self_exe_link included. */
static int find(const char *path, bool follow, const struct file_inode **inode)
{
	const struct file_node *file = path_is_self_exe(path) ? current_process()->exe : NULL;
	int err = 0;

	if (file && !follow) {
		*inode = &self_exe_link;
		return 0;
	}
	if (!file)
		err = program_find(path, follow, &file);
	if (!err)
		*inode = file->inode;
	return err;
}

static long stat_path(const char *path, bool follow, virt_addr_t to)
{
	const struct file_inode *inode;
	int err = find(path, follow, &inode);

	return err ? err : put(to, inode);
}

/* All that is open is a terminal: no directory that a path could begin at. */
static long get_path_at(int fd, virt_addr_t from, char **path)
{
	long err = path_get(from, path);

	if (err || fd == AT_FDCWD || **path == '/')
		return err;
	path_put(*path);
	return is_open(fd) ? -ENOTDIR : -EBADF;
}

static long stat_user_path(int fd, virt_addr_t from, bool follow, virt_addr_t to)
{
	char *path;
	long err = get_path_at(fd, from, &path);

	if (err)
		return err;
	err = stat_path(path, follow, to);
	path_put(path);
	return err;
}

long sys_stat(struct pt_regs *regs)
{
	return stat_user_path(AT_FDCWD, regs->di, true, regs->si);
}

long sys_lstat(struct pt_regs *regs)
{
	return stat_user_path(AT_FDCWD, regs->di, false, regs->si);
}

long sys_fstat(struct pt_regs *regs)
{
	return stat_fd((int)regs->di, regs->si);
}

long sys_newfstatat(struct pt_regs *regs)
{
	int fd = (int)regs->di;
	u32 flags = (u32)regs->r10;
	u8 first;

	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && !copy_from_user(&first, regs->si, 1) && !first)
		return fd == AT_FDCWD ? stat_path(".", true, regs->dx) : stat_fd(fd, regs->dx);
	return stat_user_path(fd, regs->si, !(flags & AT_SYMLINK_NOFOLLOW), regs->dx);
}

/* ---- Links ----------------------------------------------------------------------- */

/* The path's frame takes the target of the process's own link. */
static long read_link(char *path, virt_addr_t to, int size)
{
	const struct file_inode *inode;
	const void *target;
	long n = find(path, false, &inode);

	if (n)
		return n;
	if (!file_is(inode, FILE_SYMLINK))
		return -EINVAL;
	target = inode == &self_exe_link ? (const u8 *)path : inode->data;
	n = inode == &self_exe_link ? file_path(current_process()->exe, path, PATH_MAX) :
				      (long)inode->size;
	if (n < 0)
		return n;
	n = MIN(n, size);
	return copy_to_user(to, target, (size_t)n) ? -EFAULT : n;
}

static long read_user_link(int fd, virt_addr_t from, virt_addr_t to, int size)
{
	char *path;
	long err;

	if (size <= 0)
		return -EINVAL;
	err = get_path_at(fd, from, &path);
	if (err)
		return err;
	err = read_link(path, to, size);
	path_put(path);
	return err;
}

long sys_readlink(struct pt_regs *regs)
{
	return read_user_link(AT_FDCWD, regs->di, regs->si, (int)regs->dx);
}

long sys_readlinkat(struct pt_regs *regs)
{
	return read_user_link((int)regs->di, regs->si, regs->dx, (int)regs->r10);
}

/* ---- Opening: not what there is ------------------------------------------------------ */

static long refuse_to_open(int fd, virt_addr_t from, u64 flags)
{
	const struct file_inode *inode;
	char *path;
	long err = get_path_at(fd, from, &path);

	if (err)
		return err;
	err = find(path, !(flags & O_NOFOLLOW), &inode);
	if (!err && file_is(inode, FILE_SYMLINK))
		err = -ELOOP;
	else if (!err && (flags & O_DIRECTORY) && !file_is(inode, FILE_DIRECTORY))
		err = -ENOTDIR;
	path_put(path);
	return err == 0 || (err == -ENOENT && flags & O_CREAT) ? -EACCES : err;
}

long sys_open(struct pt_regs *regs)
{
	return refuse_to_open(AT_FDCWD, regs->di, regs->si);
}

long sys_openat(struct pt_regs *regs)
{
	return refuse_to_open((int)regs->di, regs->si, regs->dx);
}
