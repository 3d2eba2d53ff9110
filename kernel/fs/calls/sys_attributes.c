/*
 * System calls that change what a file says of itself, and where paths begin.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/abi.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/syscalls.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "mm/space/uaccess.h"

/* Changes what a file says of itself; the tree is locked: 0 or an errno. */
typedef int change_fn(struct inode *inode, const void *to);

/* An open file of the tree, and the tree is locked: 0, -EBADF, -EINVAL, -EINTR. */
static long lock_fd(int fd, struct file **f)
{
	long err;

	*f = fd_get_any(fd);
	if (!*f)
		return -EBADF;
	err = (*f)->inode ? sleep_lock_killable(&file_tree_lock) : -EINVAL;
	if (err)
		file_drop(*f);
	return err;
}

static void unlock_fd(struct file *f)
{
	sleep_unlock(&file_tree_lock);
	file_drop(f);
}

static long change_fd(int fd, change_fn *fn, const void *to)
{
	struct file *f;
	long err = lock_fd(fd, &f);

	if (err)
		return err;
	err = f->flags & O_PATH ? -EBADF : fn(f->inode, to);
	unlock_fd(f);
	return err;
}

static long change(int fd, virt_addr_t at, u32 flags, change_fn *fn, const void *to)
{
	struct path p;
	long err;

	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_lock(fd, at, flags, &p);
	if (err)
		return err;
	err = fn(p.at.file->inode, to);
	path_unlock(&p);
	return err;
}

/* ---- Mode ---------------------------------------------------------------------------- */

/* Who is not of a file's group cannot make it run as that. */
static int set_mode(struct inode *inode, const void *to)
{
	u32 mode = *(const u32 *)to;

	if (file_is(inode, FILE_SYMLINK))
		return -EOPNOTSUPP;
	if (inode->made || !rights_is_owner(inode))
		return -EPERM;
	if (!process_is_privileged() &&
	    !process_in_group(inode->gid, current_process()->ids.group[EFFECTIVE_ID]))
		mode &= ~(u32)MODE_SETGID;
	inode->mode = (inode->mode & FILE_TYPE_MASK) | (mode & MODE_BITS);
	inode->changed = clock_realtime_ns();
	return 0;
}

static long change_mode(int fd, virt_addr_t at, u64 mode, u32 flags)
{
	const u32 to = (u32)mode;

	return change(fd, at, flags, set_mode, &to);
}

long sys_chmod(struct pt_regs *regs)
{
	return change_mode(AT_FDCWD, regs->di, regs->si, 0);
}

long sys_fchmod(struct pt_regs *regs)
{
	const u32 to = (u32)regs->si;

	return change_fd((int)regs->di, set_mode, &to);
}

long sys_fchmodat(struct pt_regs *regs)
{
	return change_mode((int)regs->di, regs->si, regs->dx, 0);
}

long sys_fchmodat2(struct pt_regs *regs)
{
	return change_mode((int)regs->di, regs->si, regs->dx, (u32)regs->r10);
}

long sys_umask(struct pt_regs *regs)
{
	return __atomic_exchange_n(&current_process()->umask, (u32)regs->di & 0777,
				   __ATOMIC_RELAXED);
}

/* ---- Owners ---------------------------------------------------------------------------- */

#define AS_IT_IS (~0U)

struct new_owner {
	u32 uid, gid;
};

/* A file's owner may give it to a group that is his; else it is root's to change. */
static int set_owner(struct inode *inode, const void *to)
{
	u32 uid = ((const struct new_owner *)to)->uid, gid = ((const struct new_owner *)to)->gid;
	const struct ids *ids = &current_process()->ids;

	if (inode->made)
		return -EPERM;
	if (!process_is_privileged()) {
		if (uid != AS_IT_IS && (uid != inode->uid || ids->user[EFFECTIVE_ID] != inode->uid))
			return -EPERM;
		if (gid != AS_IT_IS &&
		    (ids->user[EFFECTIVE_ID] != inode->uid ||
		     (gid != inode->gid && !process_in_group(gid, ids->group[EFFECTIVE_ID]))))
			return -EPERM;
	}
	if (uid != AS_IT_IS)
		inode->uid = uid;
	if (gid != AS_IT_IS)
		inode->gid = gid;
	if (!file_is(inode, FILE_DIRECTORY)) {
		inode->mode &= ~(u32)MODE_SETUID;
		if (inode->mode & 010)
			inode->mode &= ~(u32)MODE_SETGID;
	}
	inode->changed = clock_realtime_ns();
	return 0;
}

static long change_owner(int fd, virt_addr_t at, u64 uid, u64 gid, u32 flags)
{
	const struct new_owner to = { (u32)uid, (u32)gid };

	return change(fd, at, flags, set_owner, &to);
}

long sys_chown(struct pt_regs *regs)
{
	return change_owner(AT_FDCWD, regs->di, regs->si, regs->dx, 0);
}

long sys_lchown(struct pt_regs *regs)
{
	return change_owner(AT_FDCWD, regs->di, regs->si, regs->dx, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(struct pt_regs *regs)
{
	const struct new_owner to = { (u32)regs->si, (u32)regs->dx };

	return change_fd((int)regs->di, set_owner, &to);
}

long sys_fchownat(struct pt_regs *regs)
{
	return change_owner((int)regs->di, regs->si, regs->dx, regs->r10, (u32)regs->r8);
}

/* ---- Times ------------------------------------------------------------------------------- */

/* tv_nsec of utimensat(); Linux has them in no header for programs. */
#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe

struct new_times {
	u64 ns[2]; /* accessed, modified */
	bool set[2];
	bool now; /* both are, so who may write may set them */
};

/* One struct timespec: words, in ns; UTIME_NOW, UTIME_OMIT. */
static int take_time(struct new_times *t, unsigned i, u64 sec, u64 nsec)
{
	t->set[i] = nsec != UTIME_OMIT;
	if (nsec == UTIME_NOW)
		t->ns[i] = clock_realtime_ns();
	else if (nsec >= NSEC_PER_SEC && nsec != UTIME_OMIT)
		return -EINVAL;
	else
		t->ns[i] = MIN(sec, ~0ULL / NSEC_PER_SEC - 1) * NSEC_PER_SEC + nsec;
	return 0;
}

/* 0: now. */
static int read_times(struct new_times *t, virt_addr_t from, unsigned width)
{
	u64 words[4] = { 0, UTIME_NOW, 0, UTIME_NOW };
	int err;

	if (from && abi_read_words(words, from, 4, width))
		return -EFAULT;
	if (width == sizeof(u32)) /* of 32 bits, with a sign: before 1970 is 1970 here */
		for (unsigned i = 0; i < 4; i += 2)
			words[i] = words[i] >> 31 ? 0 : words[i];
	t->now = words[1] == UTIME_NOW && words[3] == UTIME_NOW;
	err = take_time(t, 0, words[0], words[1]);
	return err ? err : take_time(t, 1, words[2], words[3]);
}

static int set_times(struct inode *inode, const void *to)
{
	const struct new_times *t = to;

	if (!t->set[0] && !t->set[1])
		return 0;
	if (!rights_is_owner(inode) && !(t->now && rights_allow(inode, MAY_WRITE)))
		return t->now ? -EACCES : -EPERM;
	if (t->set[0])
		inode->accessed = t->ns[0];
	if (t->set[1])
		inode->modified = t->ns[1];
	inode->changed = clock_realtime_ns();
	return 0;
}

/* Without a path, of the open file: futimens(). */
static long change_times(int fd, virt_addr_t at, const struct new_times *t, u32 flags)
{
	if (!at && fd != AT_FDCWD)
		return flags ? -EINVAL : change_fd(fd, set_times, t);
	return change(fd, at, flags, set_times, t);
}

static long utimensat(struct pt_regs *regs, unsigned width)
{
	struct new_times t;
	int err = read_times(&t, regs->dx, width);

	return err ? err : change_times((int)regs->di, regs->si, &t, (u32)regs->r10);
}

long sys_utimensat(struct pt_regs *regs)
{
	return utimensat(regs, abi_width());
}

/* i386's for times after 2038. */
long ia32_sys_utimensat_time64(struct pt_regs *regs)
{
	return utimensat(regs, sizeof(u64));
}

/* Seconds and microseconds, or seconds alone; 0: now. */
static long utimes(int fd, virt_addr_t at, virt_addr_t from, bool micro)
{
	struct new_times t = { .now = !from, .set = { true, true } };
	u64 words[4] = { 0 };
	unsigned step = micro ? 2 : 1;

	if (from && abi_read_words(words, from, 2 * step, abi_width()))
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++) {
		u64 usec = micro ? words[2 * i + 1] : 0;

		if (usec >= 1000000)
			return -EINVAL;
		if (take_time(&t, i, words[step * i], from ? usec * 1000 : (u64)UTIME_NOW))
			return -EINVAL;
	}
	return change_times(fd, at, &t, 0);
}

long sys_utime(struct pt_regs *regs)
{
	return utimes(AT_FDCWD, regs->di, regs->si, false);
}

long sys_utimes(struct pt_regs *regs)
{
	return utimes(AT_FDCWD, regs->di, regs->si, true);
}

long sys_futimesat(struct pt_regs *regs)
{
	return utimes((int)regs->di, regs->si, regs->dx, true);
}

/* ---- The working directory ------------------------------------------------------------------ */

/* The tree is locked; the old one is the caller's then, with its hold. */
static int set_cwd(struct dentry *dir, struct dentry **old)
{
	if (!file_is(dir->inode, FILE_DIRECTORY))
		return -ENOTDIR;
	if (!rights_may_search(dir->inode))
		return -EACCES;
	SPIN_GUARD(&process_lock);
	*old = current_process()->cwd;
	current_process()->cwd = dentry_hold(dir);
	return 0;
}

long sys_chdir(struct pt_regs *regs)
{
	struct dentry *old = NULL;
	struct path p;
	long err = path_lock(AT_FDCWD, regs->di, 0, &p);

	if (err)
		return err;
	err = set_cwd(p.at.file, &old);
	path_unlock(&p);
	dentry_drop(old);
	return err;
}

long sys_fchdir(struct pt_regs *regs)
{
	struct dentry *old = NULL;
	struct file *f;
	long err = lock_fd((int)regs->di, &f);

	if (err)
		return err == -EINVAL ? -ENOTDIR : err;
	err = f->name ? set_cwd(f->name, &old) : -ENOTDIR;
	unlock_fd(f);
	dentry_drop(old);
	return err;
}

/* The number of bytes with the NUL, as Linux's call has it. */
long sys_getcwd(struct pt_regs *regs)
{
	u64 size = regs->si;
	char *text;
	long n = path_of_cwd(&text);

	if (n < 0)
		return n;
	n++;
	if ((u64)n > size)
		n = -ERANGE;
	else if (copy_to_user(regs->di, text, (size_t)n))
		n = -EFAULT;
	path_put(text);
	return n;
}
