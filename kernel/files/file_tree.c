/*
 * The tree of files.  A name hangs in a hash table under its directory and its letters, so
 * that no directory is ever searched; and in a list of its directory, in the order in which
 * the names came, for those who read it from one end to the other.
 *
 * Read next: file_walk.c, where paths lead.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"
#include "mm/frames/frame.h"
#include "mm/frames/slab.h"
#include "mm/space/shared.h"

#define FIRST_BUCKETS (PAGE_SIZE / sizeof(struct dentry *))
#define MAX_BUCKETS (64 * FIRST_BUCKETS)
#define SLACK 64       /* names */
#define FIRST_COOKIE 2 /* "." and ".." come before */

static struct {
	struct dentry **buckets;
	size_t bucket_count; /* a power of 2 */
	size_t names;
	u64 secret;
	u64 last_cookie;
} tree;

static struct slab dentries = SLAB("dentry", struct dentry);
static struct inode root_inode;
struct dentry file_root;
struct sleep_lock file_tree_lock = SLEEP_LOCK(LOCK_FILE_TREE);

/* A quarter of what is free now is left to programs. */
void file_tree_init(u64 secret, u64 now)
{
	memset(&tree, 0, sizeof(tree));
	tree.secret = secret;
	tree.last_cookie = FIRST_COOKIE;
	shared_files_keep(frame_stats().free / 4);
	root_inode = (struct inode){
		.holds = 1,
		.mode = FILE_DIRECTORY | 0755,
		.links = 2,
		.number = 1,
		.accessed = now,
		.modified = now,
		.changed = now,
	};
	file_root = (struct dentry){ .holds = 1, .parent = &file_root, .inode = &root_inode };
}

/* ---- Holds ------------------------------------------------------------------------ */

struct dentry *dentry_hold(struct dentry *d)
{
	__atomic_fetch_add(&d->holds, 1, __ATOMIC_RELAXED);
	return d;
}

/* The last of a name that is gone lets its directory go, which may be gone, too, and so on. */
void dentry_drop(struct dentry *d)
{
	while (d && __atomic_sub_fetch(&d->holds, 1, __ATOMIC_ACQ_REL) == 0) {
		struct dentry *parent = d->parent;

		inode_drop(d->inode);
		if (d->own_name)
			text_free(d->name, d->length);
		slab_free(&dentries, d);
		d = parent;
		seam_long_work_point();
	}
}

struct dentry *dentry_make(struct dentry *dir, const char *name, u32 length, struct inode *inode)
{
	struct dentry *d = slab_alloc(&dentries);
	char *text = d ? text_make(name, length) : NULL;

	if (!text) {
		slab_free(&dentries, d);
		inode_drop(inode);
		return NULL;
	}
	d->holds = 1;
	d->name = text;
	d->length = length;
	d->own_name = true;
	d->inode = inode;
	d->parent = dentry_hold(dir);
	return d;
}

/* ---- The table ------------------------------------------------------------------------ */

static size_t bucket_of(const struct dentry *dir, const char *name, u32 length)
{
	u64 h = tree.secret ^ (u64)dir;

	for (u32 i = 0; i < length; i++)
		h = (h ^ (u8)name[i]) * 0x9e3779b97f4a7c15;
	return (h ^ h >> 32) & (tree.bucket_count - 1);
}

struct dentry *file_lookup(const struct dentry *dir, const char *name, u32 length)
{
	struct dentry *d;

	if (!tree.bucket_count)
		return NULL;
	for (d = tree.buckets[bucket_of(dir, name, length)]; d; d = d->next)
		if (d->parent == dir && d->length == length && !memcmp(d->name, name, length))
			return d;
	return NULL;
}

static void hang(struct dentry *d)
{
	struct dentry **bucket = &tree.buckets[bucket_of(d->parent, d->name, d->length)];

	d->next = *bucket;
	*bucket = d;
}

static void unhang(struct dentry *d)
{
	struct dentry **at = &tree.buckets[bucket_of(d->parent, d->name, d->length)];

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
}

static void hang_all(struct dentry *d)
{
	struct dentry *next;

	for (; d; d = next) {
		next = d->next;
		hang(d);
	}
	seam_long_work_point();
}

/* Makes the table one of `count` buckets, or leaves it as it is if that cannot be had. */
static void resize(size_t count)
{
	unsigned frames = (unsigned)(count * sizeof(*tree.buckets) / PAGE_SIZE);
	phys_addr_t pa = frame_alloc_contiguous(frames, NO_FRAME);
	struct dentry **old = tree.buckets;
	size_t old_count = tree.bucket_count;

	if (pa == NO_FRAME)
		return;
	tree.buckets = phys_to_virt(pa);
	tree.bucket_count = count;
	for (size_t i = 0; i < old_count; i++)
		hang_all(old[i]);
	if (old)
		frame_free_contiguous(virt_to_phys(old),
				      (unsigned)(old_count * sizeof(*old) / PAGE_SIZE));
}

/* Room for one more name; a table that is too small serves, too. */
static void grow(void)
{
	size_t count = tree.bucket_count ? 2 * tree.bucket_count : FIRST_BUCKETS;

	if (tree.names >= tree.bucket_count && count <= MAX_BUCKETS && shared_files_may_grow())
		resize(count);
}

/* One name less.  The slack keeps the table from going to and fro. */
static void shrink(void)
{
	size_t half = tree.bucket_count / 2;

	tree.names--;
	if (half >= FIRST_BUCKETS && tree.names + SLACK < half)
		resize(half);
}

/* ---- Names ----------------------------------------------------------------------------- */

/* Into a directory, at the end of its list. */
static void enter(struct dentry *d, struct dentry *dir)
{
	d->parent = dentry_hold(dir);
	d->cookie = ++tree.last_cookie;
	hang(d);
	list_append(&dir->entries, &d->in_parent);
	dir->entry_count++;
	if (file_is(d->inode, FILE_DIRECTORY))
		dir->inode->links++;
}

/* Out of its directory, which the caller has the hold of now. */
static void leave(struct dentry *d)
{
	unhang(d);
	list_remove(&d->in_parent);
	d->parent->entry_count--;
	if (file_is(d->inode, FILE_DIRECTORY))
		d->parent->inode->links--;
}

int file_add(struct dentry *dir, const char *name, u32 length, bool stays, struct inode *inode)
{
	struct dentry *d;

	grow();
	d = tree.bucket_count && shared_files_may_grow() ? slab_alloc(&dentries) : NULL;
	if (d && !stays)
		name = text_make(name, length);
	if (!d || !name) {
		slab_free(&dentries, d);
		return -ENOMEM;
	}
	d->holds = 1;
	d->name = name;
	d->length = length;
	d->own_name = !stays;
	d->inode = inode;
	inode_hold(inode);
	inode->links += file_is(inode, FILE_DIRECTORY) ? 2 : 1;
	enter(d, dir);
	tree.names++;
	return 0;
}

/* The hold of the directory stays: `parent` is still there for those who have the name. */
void file_unlink(struct dentry *d)
{
	leave(d);
	shrink();
	d->inode->links -= file_is(d->inode, FILE_DIRECTORY) ? 2 : 1;
	d->gone = true;
}

int file_move(struct dentry *d, struct dentry *dir, const char *name, u32 length)
{
	const char *copy = text_make(name, length);
	struct dentry *old = d->parent;

	if (!copy)
		return -ENOMEM;
	leave(d);
	if (d->own_name)
		text_free(d->name, d->length);
	d->name = copy;
	d->length = length;
	d->own_name = true;
	enter(d, dir);
	dentry_drop(old);
	return 0;
}

void file_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *dir_a = a->parent, *dir_b = b->parent;
	struct dentry name = *a;

	leave(a);
	leave(b);
	a->name = b->name;
	a->length = b->length;
	a->own_name = b->own_name;
	b->name = name.name;
	b->length = name.length;
	b->own_name = name.own_name;
	enter(a, dir_b);
	enter(b, dir_a);
	dentry_drop(dir_a);
	dentry_drop(dir_b);
}

long file_path(const struct dentry *file, char *to, size_t size)
{
	size_t length = file == &file_root ? 1 : 0, at;
	const struct dentry *d;

	for (d = file; d != &file_root && length < size; d = d->parent) {
		if (d->gone)
			return -ENOENT;
		length += 1 + d->length;
	}
	if (length >= size)
		return -ENAMETOOLONG;
	to[0] = '/';
	to[length] = '\0';
	at = length;
	for (d = file; d != &file_root; d = d->parent) {
		at -= d->length;
		memcpy(to + at, d->name, d->length);
		to[--at] = '/';
	}
	return (long)length;
}

int file_is_below(const struct dentry *d, const struct dentry *dir)
{
	for (; d != dir && d != &file_root; d = d->parent)
		if (seam_long_work_point())
			return -EINTR;
	return d == dir;
}
