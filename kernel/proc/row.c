/*
 * The one mechanism of /proc and /sys: directories that are tables, and files whose text is
 * made by the first read, or by one at position 0, and stays until it has been read to its end.
 *
 * An inode names a process by its number and its beginning, never by a pointer: who wants
 * something of it looks it up under process_lock, each time.
 */
#include "arch/machine/clock.h"
#include "kernel/base/errno.h"
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/fs/file.h"
#include "kernel/linux/creds.h"
#include "kernel/linux/numbers.h"
#include "kernel/proc/row.h"

#define MAX_ROWS 62
#define FIRST_PLACE 2 /* "." and ".." come before */

static const struct made_ops row_ops;

/* ---- Processes ------------------------------------------------------------------------ */

struct process *row_process(const struct inode *inode)
{
	struct process *p = process_find((int)inode->pid);

	return p && p->started == inode->born ? p : NULL;
}

int row_traced_process(const struct inode *inode, struct process **p)
{
	*p = row_process(inode);
	if (!*p)
		return -ENOENT;
	return !calling_process() || creds_may_trace(*p) ? 0 : -EACCES;
}

s64 row_number(const char *name, u32 length)
{
	s64 n = 0;

	if (length == 0 || length > 9 || (*name == '0' && length > 1))
		return -1;
	for (u32 i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		n = 10 * n + (name[i] - '0');
	}
	return n;
}

/* ---- Inodes ----------------------------------------------------------------------------- */

/* What a process has that may not be traced is root's. */
static int set_owner(struct inode *inode)
{
	const struct process *p;
	SPIN_GUARD(&process_lock);

	p = row_process(inode);
	if (!p)
		return -ENOENT;
	if (!p->mm || p->mm->dumpable || inode->mode == (FILE_DIRECTORY | 0555)) {
		inode->uid = p->ids.user[EFFECTIVE_ID];
		inode->gid = p->ids.group[EFFECTIVE_ID];
	}
	return 0;
}

int row_inode(const struct row *row, const struct inode *about, u64 number, struct inode **inode)
{
	struct inode *new = inode_make_bare(row->mode, clock_realtime_ns());
	int err;

	if (!new)
		return -ENOMEM;
	new->made = &row_ops;
	new->row = row;
	new->number = number;
	new->links = file_is(new, FILE_DIRECTORY) ? 2 : 1;
	new->pid = about->pid;
	new->born = about->born;
	new->fd = about->fd;
	err = new->pid ? set_owner(new) : 0;
	if (err)
		inode_drop(new);
	*inode = new;
	return err;
}

/* Another than any file of the tree has. */
static u64 number_of(const struct inode *dir, unsigned i)
{
	return BIT(62) | dir->number << 6 | (i + 1);
}

static int lookup(const struct inode *dir, const char *name, u32 length, struct inode **inode)
{
	const struct row *row = dir->row;

	for (unsigned i = 0; row->rows && row->rows[i].name; i++)
		if (strlen(row->rows[i].name) == length && !memcmp(row->rows[i].name, name, length))
			return row_inode(&row->rows[i], dir, number_of(dir, i), inode);
	return row->lookup ? row->lookup(dir, name, length, inode) : -ENOENT;
}

static int next(const struct inode *dir, u64 *place, struct made_name *name)
{
	const struct row *row = dir->row;
	u64 i = *place - FIRST_PLACE, behind;
	unsigned rows = 0;
	int err;

	while (row->rows && row->rows[rows].name)
		rows++;
	ASSERT_OP(rows, <=, MAX_ROWS);
	if (i < rows) {
		strscpy(name->text, row->rows[i].name, sizeof(name->text));
		name->number = number_of(dir, (unsigned)i);
		name->mode = row->rows[i].mode;
		++*place;
		return 0;
	}
	if (!row->next)
		return -ENOENT;
	behind = i < MAX_ROWS ? 0 : i - MAX_ROWS;
	err = row->next(dir, &behind, name);
	*place = FIRST_PLACE + MAX_ROWS + behind;
	return err;
}

/* ---- Links -------------------------------------------------------------------------------- */

/* 0, -ENOENT, -EACCES. */
static int find_goal(const struct inode *link, struct dentry **to)
{
	const struct row *row = link->row;
	struct process *p;
	SPIN_GUARD(&process_lock);
	int err = row_traced_process(link, &p);

	if (err)
		return err;
	*to = row->goal(p);
	if (!*to)
		return -ENOENT;
	dentry_hold(*to);
	return 0;
}

long row_path(struct dentry *d, char *to, size_t size)
{
	long n = file_path(d, to, size);

	if (n == -ENOENT)
		n = format(to, size, "/%.*s (deleted)", (int)d->length, d->name);
	dentry_drop(d);
	return n;
}

static int follow(struct dentry *link, struct dentry **to)
{
	const struct row *row = link->inode->row;

	return row->goal ? find_goal(link->inode, to) : row->follow(link, to);
}

static long read_link(const struct inode *link, char *to, size_t size)
{
	const struct row *row = link->row;
	struct dentry *d;
	int err;

	if (!row->goal)
		return row->read_link(link, to, size);
	err = find_goal(link, &d);
	return err ? err : row_path(d, to, size);
}

/* ---- Texts ------------------------------------------------------------------------------ */

/* *about: mm->id of what the current process may be shown; or 0. */
static int may_show(const struct inode *inode, u64 *about)
{
	const struct row *row = inode->row;
	struct process *p;
	int err;
	SPIN_GUARD(&process_lock);

	*about = 0;
	if (!row->traced)
		return !inode->pid || row_process(inode) ? 0 : -ENOENT;
	err = row_traced_process(inode, &p);
	if (!err && p->mm)
		*about = p->mm->id;
	return err;
}

static int make_text(const struct file *f)
{
	const struct row *row = f->inode->row;
	struct text *t = f->private;
	u64 about;
	int err = may_show(f->inode, &about);

	text_clear(t);
	if (!err && row->text)
		text_print(t, "%s\n", row->text);
	else if (!err)
		err = row->show(t, f->inode);
	if (!err)
		err = t->err;
	if (err)
		text_clear(t);
	return err == -ENOENT ? -ESRCH : err;
}

static long put_text(const struct text *t, struct io *io, u64 *pos)
{
	u64 done = 0;

	while (*pos < t->size && io->left) {
		u64 at = *pos % PAGE_SIZE, part = MIN(PAGE_SIZE - at, t->size - *pos), put;

		part = MIN(part, io->left);
		put = io_put(io, t->page[*pos / PAGE_SIZE] + at, part);
		*pos += put;
		done += put;
		if (put < part)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long text_read(struct file *f, struct io *io, u64 *pos)
{
	struct text *t = f->private;
	long n = sleep_lock_killable(&f->inode->lock);

	if (n)
		return n;
	if (*pos == 0 || !t->size)
		n = make_text(f);
	if (!n)
		n = put_text(t, io, pos);
	if (n == 0)
		text_clear(t);
	sleep_unlock(&f->inode->lock);
	return n;
}

static long text_seek(struct file *f, s64 offset, u32 whence)
{
	return whence == SEEK_END ? -EINVAL : file_seek(f, offset, whence, 0);
}

static void text_release(struct file *f)
{
	text_drop(f->private);
}

static const struct file_ops text_ops = {
	.read = text_read,
	.seek = text_seek,
	.release = text_release,
};

static int row_open(struct inode *inode, struct dentry *name, u32 flags, struct file **f)
{
	const struct row *row = inode->row;
	struct text *t;
	u64 about;
	int err;

	if (row->open)
		return row->open(inode, flags, f);
	err = may_show(inode, &about);
	if (err)
		return err;
	t = text_alloc();
	if (t)
		t->about = about;
	*f = t ? file_make(&text_ops, flags, t) : NULL;
	if (!*f) {
		text_drop(t);
		return -ENOMEM;
	}
	inode_hold(inode);
	(*f)->inode = inode;
	(*f)->name = name ? dentry_hold(name) : NULL;
	return 0;
}

static const struct made_ops row_ops = {
	.lookup = lookup,
	.next = next,
	.follow = follow,
	.read_link = read_link,
	.open = row_open,
};

void row_mount(const char *path, const struct row *row)
{
	struct dentry *d;

	if (file_find(&file_root, path, false, NULL, &d))
		return;
	if (file_is(d->inode, FILE_DIRECTORY)) {
		d->inode->row = row;
		d->inode->made = &row_ops;
	}
	dentry_drop(d);
}
