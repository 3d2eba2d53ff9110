/*
 * /proc/PID/fd: a link for each open file.  It leads to the file itself, whatever name that
 * has now; an open file without a name is opened as it is, with dup()'s meaning.
 */
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/seams.h"
#include "kernel/fs/descriptors.h"
#include "kernel/linux/tree.h"
#include "kernel/proc/links.h"
#include "kernel/proc/process.h"

/* What is wanted of an open file, while it cannot be closed. */
struct wanted {
	struct dentry *name; /* with a hold; NULL: it has none */
	struct inode *inode; /* then this, with a hold; or NULL */
	struct file *file;   /* with a hold, if it is wanted and open for that */
	const char *kind;
	u32 mode;
	bool want_file;
	u32 access; /* O_ACCMODE's bits */
};

static void look(struct file *f, void *arg)
{
	struct wanted *w = arg;

	w->mode = f->ops->mode;
	w->kind = f->ops->kind;
	if (w->want_file) {
		u32 has = f->flags & O_ACCMODE;

		w->file = has == O_RDWR || has == w->access ? file_hold(f) : NULL;
		return;
	}
	w->name = f->name ? dentry_hold(f->name) : NULL;
	w->inode = w->name ? NULL : f->inode;
	if (w->inode)
		inode_hold(w->inode);
}

/* 0, -ENOENT, -EACCES. */
static int look_at(const struct inode *inode, u32 fd, struct wanted *w)
{
	struct process *p;
	SPIN_GUARD(&process_lock);
	int err = row_traced_process(inode, &p);

	if (err)
		return err;
	return p->files && descriptors_look(p->files, fd, look, w) ? 0 : -ENOENT;
}

static long file_read_link(const struct inode *link, char *to, size_t size)
{
	struct wanted w = { 0 };
	int err = look_at(link, link->fd, &w);

	if (err)
		return err;
	if (w.name)
		return row_path(w.name, to, size);
	inode_drop(w.inode);
	return format(to, size, "%s", w.kind ?: w.inode ? "/ (deleted)" : "anon_inode:[file]");
}

/* The same open file once more, if it is open for that. */
static int open_again(const struct inode *inode, u32 flags, struct file **f)
{
	struct wanted w = { .want_file = true, .access = flags & O_ACCMODE };
	int err = look_at(inode, inode->fd, &w);

	if (err)
		return err;
	*f = w.file;
	return w.file ? 0 : -EACCES;
}

static const struct row nameless_row = { .open = open_again };

static int make_nameless(struct dentry *link, const struct wanted *w, struct inode **inode)
{
	int err = row_inode(&nameless_row, link->inode, link->inode->number, inode);

	if (err)
		return err;
	(*inode)->mode = w->mode;
	if (file_is(*inode, FILE_CHARACTER)) { /* the console */
		(*inode)->rdev_major = 5;
		(*inode)->rdev_minor = 1;
	}
	return 0;
}

static int file_follow(struct dentry *link, struct dentry **to)
{
	struct wanted w = { 0 };
	int err = look_at(link->inode, link->inode->fd, &w);

	if (err)
		return err;
	*to = w.name;
	if (w.name)
		return 0;
	if (!w.inode)
		err = make_nameless(link, &w, &w.inode);
	if (err)
		return err;
	*to = dentry_make(link->parent, link->name, link->length, w.inode);
	return *to ? 0 : -ENOMEM;
}

static const struct row file_row = {
	.mode = FILE_SYMLINK | 0700,
	.follow = file_follow,
	.read_link = file_read_link,
};

static u64 number_of(const struct inode *dir, u32 fd)
{
	return ROW_INO_FILE + ((u64)dir->pid << 24) + fd;
}

static bool is_open(const struct inode *dir, u32 fd)
{
	struct wanted w = { 0 };
	bool open = look_at(dir, fd, &w) == 0;

	dentry_drop(w.name);
	inode_drop(w.inode);
	return open;
}

int files_lookup(const struct inode *dir, const char *name, u32 length, struct inode **inode)
{
	struct inode about = { .pid = dir->pid, .born = dir->born };
	s64 fd = row_number(name, length);

	about.fd = (u32)fd;
	if (fd < 0 || !is_open(dir, about.fd))
		return -ENOENT;
	return row_inode(&file_row, &about, number_of(dir, about.fd), inode);
}

/* A table may have room for many: so much of it is looked at in one go. */
int files_list(const struct inode *dir, u64 *place, struct made_name *name)
{
	u32 fd = (u32)*place;
	int err = -EAGAIN;

	while (err == -EAGAIN && !seam_long_work_point()) {
		struct process *p;

		SPIN_SCOPE(&process_lock) {
			err = row_traced_process(dir, &p);
			if (!err)
				err = p->files ? descriptors_next(p->files, &fd) : -ENOENT;
		}
	}
	if (err)
		return -ENOENT;
	*place = (u64)fd + 1;
	format(name->text, sizeof(name->text), "%u", fd);
	name->number = number_of(dir, fd);
	name->mode = file_row.mode;
	return 0;
}
