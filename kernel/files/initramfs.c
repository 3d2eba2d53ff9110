/*
 * The initramfs as Linux reads it (init/initramfs.c there): an archive is no list of files,
 * but a list of instructions to make them, one after the other, in a tree that has only
 * a root at first.
 *
 * - Several archives may stand one behind another; all of them count.
 * - A name that comes again replaces what it names; so an archive that is put behind
 *   another changes single files of it.  A file keeps its inode then, with all its names;
 *   what is of another type goes away first, a directory only if it is empty.
 * - Files of one inode number (and device, and archive), if they say that they have
 *   several links, are names of one file; its bytes come with any of them.
 * - Directories are made by their entries alone.  A file whose directory has none in front
 *   of it is left out, and a line says so: `find | cpio -o` lists directories first; what
 *   `find -depth` lists serves no Linux either.
 * - Names lead through the symbolic links that are there by then.
 *
 * Read next: cpio.c, file_tree.c.
 */
#include "kernel/base/complaint.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/files/cpio.h"
#include "kernel/files/file_tree.h"
#include "kernel/files/initramfs.h"
#include "mm/space/shared.h"

#define MAX_REPORTS 10

/* Under this one are the inodes that may get another name, by their link_key. */
static struct dentry linked;
static bool is_there;

/* What is there goes away, unless it is of the type that may stay (0: none). */
static int find_place(const struct cpio_file *c, u32 type, struct file_place *p)
{
	int err = file_find_place(&file_root, c->name, false, NULL, p);

	dentry_drop(p->held); /* names stay for now */
	if (err || (p->file && type && file_is(p->file->inode, type)))
		return err;
	if (!p->file)
		return p->wants_dir && type != FILE_DIRECTORY ? -ENOENT : 0;
	if (p->file->entry_count || p->file == &file_root)
		return -EEXIST;
	file_unlink(p->file);
	dentry_drop(p->file);
	p->file = NULL;
	return 0;
}

/* The inode of what is at the place, or a new one there; NULL: no memory. */
static struct inode *inode_at(const struct file_place *p, u32 mode)
{
	struct inode *inode = p->file ? p->file->inode : inode_make(mode, 0);
	int err = 0;

	if (!p->file && inode) {
		err = file_add(p->dir, p->name, p->length, true, inode);
		inode_drop(inode); /* the name has it, or nobody */
	}
	return err ? NULL : inode;
}

/* What a header says of any file. */
static void set_facts(struct inode *inode, const struct cpio_file *c)
{
	inode->uid = c->uid;
	inode->gid = c->gid;
	inode->accessed = inode->modified = inode->changed = c->mtime * 1000000000ULL;
}

/* Files have their bytes where they stand in the archive. */
static int set_content(struct inode *inode, const struct cpio_file *c)
{
	struct shared *content = shared_of_file(c->data, c->size);

	if (!content)
		return -ENOMEM;
	shared_put(inode->content);
	inode->content = content;
	return 0;
}

struct link_key {
	struct cpio_id id;
	u32 type;
};

static struct link_key key_of(const struct cpio_file *c)
{
	return (struct link_key){ c->id, c->mode & FILE_TYPE_MASK };
}

/* The inode that has a name already, if this file is one more of it. */
static struct inode *find_linked(const struct cpio_file *c)
{
	struct link_key key = key_of(c);
	struct dentry *f = NULL;

	if (c->nlink > 1)
		f = file_lookup(&linked, (const char *)&key, sizeof(key));
	return f ? f->inode : NULL;
}

static int remember(const struct cpio_file *c, struct inode *inode)
{
	struct link_key key = key_of(c);

	if (c->nlink <= 1)
		return 0;
	return file_add(&linked, (const char *)&key, sizeof(key), false, inode);
}

/* These were no names. */
static void forget_linked(void)
{
	struct dentry *d;

	while ((d = list_entry(list_first(&linked.entries), struct dentry, in_parent))) {
		file_unlink(d);
		dentry_drop(d);
	}
}

/* What may have several names: regular files, devices, FIFOs, sockets. */
static int make_node(const struct cpio_file *c)
{
	struct inode *inode = find_linked(c);
	bool is_new = !inode;
	struct file_place p;
	int err = find_place(c, is_new ? c->mode & FILE_TYPE_MASK : 0, &p);

	if (err)
		return err;
	if (!is_new)
		err = file_add(p.dir, p.name, p.length, true, inode);
	else
		inode = inode_at(&p, c->mode);
	if (!err)
		err = !inode ? -ENOMEM : is_new ? remember(c, inode) : 0;
	if (err)
		return err;
	inode->mode = c->mode;
	set_facts(inode, c);
	if (!p.file) {
		inode->rdev_major = c->rdev_major;
		inode->rdev_minor = c->rdev_minor;
	}
	/* another name brings the bytes, or has brought them */
	return inode->content && (c->size || is_new) ? set_content(inode, c) : 0;
}

static int make_directory(const struct cpio_file *c)
{
	struct inode *inode;
	struct file_place p;
	int err = find_place(c, FILE_DIRECTORY, &p);

	if (err)
		return err;
	inode = inode_at(&p, c->mode);
	if (!inode)
		return -ENOMEM;
	inode->mode = c->mode;
	set_facts(inode, c);
	return 0;
}

static int make_symlink(const struct cpio_file *c)
{
	u64 length = strnlen((const char *)c->data, c->size);
	struct inode *inode;
	struct file_place p;
	int err = length == 0 || c->size > CPIO_NAME_MAX ? -EINVAL : find_place(c, 0, &p);

	if (err)
		return err;
	inode = inode_at(&p, FILE_SYMLINK | 0777);
	if (!inode)
		return -ENOMEM;
	inode->target = (const char *)c->data;
	inode->size = length;
	set_facts(inode, c);
	return 0;
}

static int make_file(const struct cpio_file *c)
{
	u32 type = c->mode & FILE_TYPE_MASK;

	if (!c->name)
		return -EINVAL;
	if (type == FILE_SYMLINK)
		return make_symlink(c);
	if (type == FILE_REGULAR)
		return make_node(c);
	if (c->size)
		return -EINVAL;
	switch (type) {
	case FILE_DIRECTORY: return make_directory(c);
	case FILE_CHARACTER:
	case FILE_BLOCK:
	case FILE_FIFO:
	case FILE_SOCKET: return make_node(c);
	default: return -EINVAL;
	}
}

/* ---- All ----------------------------------------------------------------------------- */

static const char *what_was_found(int err)
{
	switch (err) {
	case -ENOENT: return "no directory for it, expected that in front of it";
	case -ENOTDIR: return "a path through what is no directory, expected directories";
	case -ELOOP: return "a path through more than 40 links, expected at most that";
	case -ENAMETOOLONG: return "a part of its path above 255 bytes, expected at most that";
	case -EEXIST: return "a directory in use there, expected none or an empty one";
	case -ENOMEM: return "no memory for it, expected enough";
	default: return "a name, type or size that no file has, expected those of one";
	}
}

void initramfs_init(const void *archives, size_t size, u64 secret, u64 now,
		    void (*report)(const char *line))
{
	unsigned left_out = 0;
	struct complaint why;
	struct cpio_iter it;
	struct cpio_file c;
	int got, err;

	file_tree_init(secret, now);
	linked = (struct dentry){ .holds = 1 };
	is_there = size > 0;
	cpio_start(&it, archives, size);
	while ((got = cpio_next(&it, &c, &why)) > 0) {
		if ((c.mode & FILE_TYPE_MASK) == FILE_REGULAR && c.name)
			got = cpio_check_sum(&c, &why);
		if (got < 0)
			break;
		err = make_file(&c);
		if (err && left_out++ < MAX_REPORTS) {
			complain(&why, "initramfs: left out '%.64s' at offset %zu: found %s",
				 c.name ? c.name : "", c.at, what_was_found(err));
			report(why.text);
		}
	}
	forget_linked();
	if (got < 0)
		report(why.text);
	if (left_out > MAX_REPORTS) {
		complain(&why, "initramfs: left out %u more", left_out - MAX_REPORTS);
		report(why.text);
	}
}

bool initramfs_is_there(void)
{
	return is_there;
}
