/*
 * Open directories, and how they are read: from a place in the directory's list of names,
 * which the reader leaves there between two calls.  The position is the cookie of the next
 * name, so whoever seeks elsewhere finds it by a walk, and only then.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"
#include "kernel/fs/directory.h"
#include "kernel/linux/uapi.h"
#include "mm/frames/slab.h"

struct cursor {
	struct link place; /* in the list in front of the next name; under the tree's lock */
	u64 cookie;        /* which is that name's, or was when it was left there */
};

static struct slab cursors = SLAB("cursor", struct cursor);

int directory_begin(struct file *f)
{
	struct cursor *c = slab_alloc(&cursors);

	if (!c)
		return -ENOMEM;
	c->place.is_place = true;
	f->private = c;
	return 0;
}

/* struct linux_dirent64, in front of the name */
struct entry {
	u64 ino;
	s64 next;
	u16 length;
	u8 type;
} __packed;

struct buffer {
	u8 *at;
	size_t left, used;
};

/* False: there is no room. */
static bool put(struct buffer *b, u64 number, u32 mode, u64 next, const char *name, u32 length)
{
	size_t size = ALIGN_UP(sizeof(struct entry) + length + 1, sizeof(u64));
	const struct entry e = {
		.ino = number,
		.next = (s64)next,
		.length = (u16)size,
		.type = (u8)(mode >> 12),
	};

	if (size > b->left)
		return false;
	memset(b->at, 0, size);
	memcpy(b->at, &e, sizeof(e));
	memcpy(b->at + sizeof(e), name, length);
	b->at += size;
	b->left -= size;
	b->used += size;
	return true;
}

/* The first name at the position or behind it; NULL: none.  A task that dies gives up. */
static struct dentry *find(const struct dentry *dir, struct cursor *c, u64 position)
{
	struct dentry *d;

	if (list_has(&c->place) && c->cookie == position)
		return list_entry(list_next(&dir->entries, &c->place), struct dentry, in_parent);
	list_for_each(d, &dir->entries, in_parent)
		if (d->cookie >= position || seam_long_work_point())
			return d;
	return NULL;
}

/* The place goes in front of d, or out of the list. */
static void leave_place(struct cursor *c, struct dentry *d)
{
	if (list_has(&c->place))
		list_remove(&c->place);
	if (d) {
		list_add_behind(d->in_parent.prev, &c->place);
		c->cookie = d->cookie;
	}
}

static void read_names(struct dentry *dir, struct file *f, struct buffer *b)
{
	struct dentry *d = find(dir, f->private, f->position);
	bool room = true;

	while (d && room) {
		struct dentry *next = list_entry(list_next(&dir->entries, &d->in_parent),
						 struct dentry, in_parent);
		u64 behind = next ? next->cookie : d->cookie + 1;

		room = put(b, d->inode->number, d->inode->mode, behind, d->name, d->length);
		if (room) {
			f->position = behind;
			d = next;
		}
	}
	leave_place(f->private, d);
}

/* Names that are computed.  True: there are no more. */
static bool read_made(const struct dentry *dir, struct file *f, struct buffer *b)
{
	struct made_name name;
	u64 behind = f->position;

	while (!seam_long_work_point()) {
		if (dir->inode->made->next(dir->inode, &behind, &name))
			return true;
		if (!put(b, name.number, name.mode, behind, name.text, (u32)strlen(name.text)))
			return false;
		f->position = behind;
	}
	return false;
}

static bool put_dots(const struct dentry *d, struct file *f, struct buffer *b, const char *dots)
{
	u64 behind = f->position + 1;

	if (put(b, d->inode->number, d->inode->mode, behind, dots, (u32)behind))
		f->position = behind;
	return f->position == behind;
}

long directory_read(struct file *f, u8 *to, size_t size)
{
	struct dentry *dir = f->name;
	struct buffer b = { .at = to, .left = size };
	u64 from = f->position;
	bool at_end = false;
	long err = sleep_lock_killable(&file_tree_lock);

	if (err)
		return err;
	if (f->position == 0)
		(void)put_dots(dir, f, &b, ".");
	if (f->position == 1)
		(void)put_dots(dir->parent, f, &b, "..");
	if (f->position >= 2 && dir->inode->made)
		at_end = read_made(dir, f, &b);
	else if (f->position >= 2)
		read_names(dir, f, &b);
	if (!dir->inode->made)
		at_end = f->position == from && !find(dir, f->private, from) && from >= 2;
	err = dir->gone ? -ENOENT : 0;
	sleep_unlock(&file_tree_lock);
	if (err)
		return err;
	return b.used || at_end ? (long)b.used : -EINVAL;
}

static long no_bytes(struct file *f __unused, struct io *io __unused, u64 *pos __unused)
{
	return -EISDIR;
}

static long directory_seek(struct file *f, s64 offset, u32 whence)
{
	return whence == SEEK_END ? -EINVAL : file_seek(f, offset, whence, 0);
}

static void directory_release(struct file *f)
{
	struct cursor *c = f->private;

	sleep_lock(&file_tree_lock);
	if (list_has(&c->place))
		list_remove(&c->place);
	sleep_unlock(&file_tree_lock);
	slab_free(&cursors, c);
}

const struct file_ops directory_ops = {
	.read = no_bytes,
	.seek = directory_seek,
	.release = directory_release,
};
