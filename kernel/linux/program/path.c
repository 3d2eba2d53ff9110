/*
 * Paths as programs give them: copied in, and walked with the process's rights.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/fs/rights.h"
#include "kernel/linux/process/oom.h"
#include "kernel/linux/program/path.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/frame.h"
#include "mm/space/uaccess.h"

static_assert(PATH_MAX <= PAGE_SIZE, "a path is kept in a frame");

static char *get_frame(void)
{
	phys_addr_t pa;

	while ((pa = frame_alloc()) == NO_FRAME)
		if (!oom_make_room(OOM_TOUCHES, 0))
			return NULL;
	return phys_to_virt(pa);
}

/* Of fewer than PATH_MAX bytes; an empty one, too. */
static long copy_path(virt_addr_t from, char **path)
{
	long n;

	*path = get_frame();
	if (!*path)
		return -ENOMEM;
	n = copy_string_from_user(*path, from, PATH_MAX);
	if (n >= 0 && n < PATH_MAX)
		return 0;
	path_put(*path);
	return n < 0 ? n : -ENAMETOOLONG;
}

long path_get(virt_addr_t from, char **path)
{
	long err = copy_path(from, path);

	if (err || **path)
		return err;
	path_put(*path);
	return -ENOENT;
}

void path_put(char *path)
{
	frame_free(virt_to_phys(path));
}

long path_of_cwd(char **path)
{
	long n;

	*path = get_frame();
	if (!*path)
		return -ENOMEM;
	n = sleep_lock_killable(&file_tree_lock);
	if (!n) {
		n = file_path(current_process()->cwd, *path, PATH_MAX);
		sleep_unlock(&file_tree_lock);
	}
	if (n < 0)
		path_put(*path);
	return n;
}

/* ---- Where they begin --------------------------------------------------------------- */

/* The directory that `fd` is, with a hold; NULL: the working directory. */
static long start_of(int fd, const char *path, struct dentry **start)
{
	struct file *f;

	*start = NULL;
	if (fd == AT_FDCWD || *path == '/')
		return 0;
	f = fd_get_any(fd);
	if (!f)
		return -EBADF;
	if (f->name)
		*start = dentry_hold(f->name);
	file_drop(f);
	return *start ? 0 : -ENOTDIR;
}

/* Copies the path, which may be empty if `empty`, and finds where it begins. */
static long prepare(int fd, virt_addr_t from, bool empty, struct path *p)
{
	long err = empty ? copy_path(from, &p->text) : path_get(from, &p->text);

	p->at.held = NULL;
	if (err)
		return err;
	err = start_of(fd, p->text, &p->start);
	if (err)
		path_put(p->text);
	return err;
}

static void forget(struct path *p)
{
	dentry_drop(p->at.held);
	dentry_drop(p->start);
	path_put(p->text);
}

/* Of one path or two. */
static long lock_tree(struct path *p, unsigned n)
{
	long err = sleep_lock_killable(&file_tree_lock);

	for (unsigned i = 0; i < n; i++)
		if (err)
			forget(&p[i]);
		else if (!p[i].start)
			p[i].start = dentry_hold(current_process()->cwd);
	return err;
}

char *path_unlock_keep(struct path *p)
{
	sleep_unlock(&file_tree_lock);
	dentry_drop(p->at.held);
	dentry_drop(p->start);
	return p->text;
}

void path_unlock(struct path *p)
{
	path_put(path_unlock_keep(p));
}

void path_unlock_places(struct path p[2])
{
	path_unlock(&p[0]);
	forget(&p[1]);
}

/* ---- Where they lead ------------------------------------------------------------------ */

static int find(struct path *p, u32 flags)
{
	bool follow = !(flags & AT_SYMLINK_NOFOLLOW);
	bool (*may_search)(const struct inode *) =
		flags & PATH_REAL_IDS ? rights_may_search_real : rights_may_search;
	int err = 0;

	if (!*p->text)
		p->at.file = dentry_hold(p->start);
	else
		err = file_find(p->start, p->text, follow, may_search, &p->at.file);
	if (!err)
		p->at.held = p->at.file;
	return err;
}

long path_lock(int fd, virt_addr_t from, u32 flags, struct path *p)
{
	long err = prepare(fd, from, flags & AT_EMPTY_PATH, p);

	if (!err)
		err = lock_tree(p, 1);
	if (err)
		return err;
	err = find(p, flags);
	if (err)
		path_unlock(p);
	return err;
}

static long find_place(struct path *p, bool follow)
{
	return file_find_place(p->start, p->text, follow, rights_may_search, &p->at);
}

long path_lock_place(int fd, virt_addr_t from, bool follow, struct path *p)
{
	long err = prepare(fd, from, false, p);

	if (!err)
		err = lock_tree(p, 1);
	if (err)
		return err;
	err = find_place(p, follow);
	if (err)
		path_unlock(p);
	return err;
}

long path_lock_places(int fd, virt_addr_t from, int to_fd, virt_addr_t to, struct path p[2])
{
	long err = prepare(fd, from, false, &p[0]);

	if (err)
		return err;
	err = prepare(to_fd, to, false, &p[1]);
	if (err) {
		forget(&p[0]);
		return err;
	}
	err = lock_tree(p, 2);
	if (err)
		return err;
	err = find_place(&p[0], false);
	if (!err)
		err = find_place(&p[1], false);
	if (err)
		path_unlock_places(p);
	return err;
}
