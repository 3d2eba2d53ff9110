/*
 * The tree of files.  A node hangs in a hash table under its directory and its name, so
 * that no directory is ever searched.  Names and contents are where the caller has them;
 * nodes are in frames that are never given back, and what is unlinked is forgotten.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"
#include "mm/frames/frame.h"

#define MAX_LINKS 40 /* that a path may lead through, as in Linux */
#define MAX_NAME 255 /* bytes of one part of a path */
#define FIRST_BUCKETS (PAGE_SIZE / sizeof(struct file_node *))
#define MAX_BUCKETS (64 * FIRST_BUCKETS)

static struct {
	struct file_node **buckets;
	size_t bucket_count; /* a power of 2 */
	size_t nodes;
	u64 secret;
	u8 *room; /* where the next object comes */
	size_t room_left;
	u32 inodes;
	u64 kept; /* frames that are left to others */
} tree;

static struct file_inode root_inode;
static struct file_node root;

void file_tree_init(u64 secret)
{
	memset(&tree, 0, sizeof(tree));
	tree.secret = secret;
	tree.kept = frame_stats().free / 4;
	tree.inodes = 1; /* that number is the console's */
	root_inode = (struct file_inode){
		.mode = FILE_DIRECTORY | 0755,
		.links = 2,
		.number = ++tree.inodes,
	};
	root = (struct file_node){ .parent = &root, .inode = &root_inode };
}

/* ---- Nodes ------------------------------------------------------------------------ */

static size_t bucket_of(const struct file_node *dir, const char *name, u32 length)
{
	u64 h = tree.secret ^ (u64)dir;

	for (u32 i = 0; i < length; i++)
		h = (h ^ (u8)name[i]) * 0x9e3779b97f4a7c15;
	return (h ^ h >> 32) & (tree.bucket_count - 1);
}

struct file_node *file_lookup(const struct file_node *dir, const char *name, u32 length)
{
	struct file_node *f;

	if (!tree.bucket_count)
		return NULL;
	for (f = tree.buckets[bucket_of(dir, name, length)]; f; f = f->next)
		if (f->parent == dir && f->length == length && !memcmp(f->name, name, length))
			return f;
	return NULL;
}

static void hang(struct file_node *f)
{
	struct file_node **bucket = &tree.buckets[bucket_of(f->parent, f->name, f->length)];

	f->next = *bucket;
	*bucket = f;
}

/* An archive may name more files than there is memory for: the machine goes on. */
static bool may_have_frames(unsigned n)
{
	return frame_stats().free >= tree.kept + n;
}

/* Twice as many, or as there are if they cannot be had. */
static void grow(void)
{
	size_t old_count = tree.bucket_count;
	size_t count = old_count ? 2 * old_count : FIRST_BUCKETS;
	unsigned frames = (unsigned)(count * sizeof(*tree.buckets) / PAGE_SIZE);
	phys_addr_t pa = NO_FRAME;
	struct file_node **old = tree.buckets, *f, *next;

	if (count <= MAX_BUCKETS && may_have_frames(frames))
		pa = frame_alloc_contiguous(frames, NO_FRAME);
	if (pa == NO_FRAME)
		return;
	tree.buckets = phys_to_virt(pa);
	tree.bucket_count = count;
	for (size_t i = 0; i < old_count; i++)
		for (f = old[i]; f; f = next) {
			next = f->next;
			hang(f);
		}
	if (old)
		frame_free_contiguous(virt_to_phys(old), frames / 2);
}

void *file_make_object(size_t size)
{
	phys_addr_t pa;

	size = ALIGN_UP(size, sizeof(u64));
	if (size > tree.room_left) {
		pa = may_have_frames(1) ? frame_alloc_zeroed() : NO_FRAME;
		if (pa == NO_FRAME)
			return NULL;
		tree.room = phys_to_virt(pa);
		tree.room_left = PAGE_SIZE;
	}
	tree.room += size;
	tree.room_left -= size;
	return tree.room - size;
}

struct file_inode *file_make_inode(u32 mode)
{
	struct file_inode *inode = file_make_object(sizeof(*inode));

	if (inode) {
		inode->mode = mode;
		inode->number = ++tree.inodes;
	}
	return inode;
}

int file_add(struct file_node *dir, const char *name, u32 length, struct file_inode *inode)
{
	struct file_node *f;

	if (tree.nodes >= tree.bucket_count)
		grow();
	f = inode && tree.bucket_count ? file_make_object(sizeof(*f)) : NULL;
	if (!f)
		return -ENOMEM;
	*f = (struct file_node){
		.parent = dir,
		.name = name,
		.length = length,
		.inode = inode,
	};
	hang(f);
	tree.nodes++;
	dir->entries++;
	inode->links++;
	return 0;
}

void file_unlink(struct file_node *f)
{
	struct file_node **at = &tree.buckets[bucket_of(f->parent, f->name, f->length)];

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	tree.nodes--;
	f->parent->entries--;
	f->inode->links--;
	if (file_is(f->inode, FILE_DIRECTORY))
		f->parent->inode->links--;
}

/* ---- Paths ------------------------------------------------------------------------- */

struct part {
	const char *at, *end;
};

/* What is left of a path, and of the links' targets that stand in front of it. */
struct walk {
	struct part rest[MAX_LINKS + 1];
	unsigned depth, links;
	struct file_node *dir;
	struct part name; /* the last that was taken */
	bool wants_dir;   /* a slash ends it all */
};

static void skip_slashes(struct walk *w)
{
	struct part *p = &w->rest[w->depth];

	for (;; p--) {
		while (p->at < p->end && *p->at == '/')
			p->at++;
		if (p->at < p->end || w->depth == 0)
			return;
		w->depth--;
	}
}

/* False: nothing is left. */
static bool next_name(struct walk *w)
{
	struct part *p;

	skip_slashes(w);
	p = &w->rest[w->depth];
	w->name.at = p->at;
	while (p->at < p->end && *p->at != '/')
		p->at++;
	w->name.end = p->at;
	w->wants_dir = p->at < p->end;
	skip_slashes(w);
	return w->name.at < w->name.end;
}

static bool is_last(const struct walk *w)
{
	return w->rest[w->depth].at == w->rest[w->depth].end;
}

static int follow_link(struct walk *w, const struct file_inode *link)
{
	const char *target = (const char *)link->data;

	if (w->links++ == MAX_LINKS)
		return -ELOOP;
	if (!is_last(w))
		w->depth++;
	w->rest[w->depth] = (struct part){ target, target + link->size };
	if (target[0] == '/')
		w->dir = &root;
	return 0;
}

static bool name_is(const struct walk *w, const char *s)
{
	return (size_t)(w->name.end - w->name.at) == strlen(s) &&
	       memcmp(w->name.at, s, strlen(s)) == 0;
}

/* The file of the last name taken, in w->dir; or NULL with the error. */
static struct file_node *step(const struct walk *w, bool (*may_search)(const struct file_inode *),
			      int *err)
{
	size_t length = (size_t)(w->name.end - w->name.at);
	struct file_node *f;

	*err = !file_is(w->dir->inode, FILE_DIRECTORY)  ? -ENOTDIR :
	       may_search && !may_search(w->dir->inode) ? -EACCES :
	       length > MAX_NAME                        ? -ENAMETOOLONG :
							  0;
	if (*err)
		return NULL;
	f = name_is(w, ".")  ? w->dir :
	    name_is(w, "..") ? w->dir->parent :
			       file_lookup(w->dir, w->name.at, (u32)length);
	*err = f ? 0 : -ENOENT;
	return f;
}

/*
 * Walks `path`.  Where it ends with a name that is not there, -ENOENT, and w has the
 * directory and the name; in all other errors w->name is empty.
 */
static int walk(struct walk *w, const char *path, bool follow,
		bool (*may_search)(const struct file_inode *), struct file_node **file)
{
	bool wants_dir = false;
	int err = 0;

	*w = (struct walk){ .rest = { { path, path + strlen(path) } }, .dir = &root };
	*file = &root;
	while (!err && next_name(w)) {
		*file = step(w, may_search, &err);
		if (err == -ENOENT && is_last(w))
			return err;
		wants_dir |= is_last(w) && w->wants_dir;
		if (!err && file_is((*file)->inode, FILE_SYMLINK) &&
		    (!is_last(w) || follow || wants_dir)) {
			err = follow_link(w, (*file)->inode);
			*file = w->dir;
		} else if (!err && !is_last(w)) {
			w->dir = *file;
		}
		if (seam_long_work_point())
			err = -EINTR;
	}
	if (!err && wants_dir && !file_is((*file)->inode, FILE_DIRECTORY))
		err = -ENOTDIR;
	w->name.at = w->name.end;
	return err;
}

int file_find(const char *path, bool follow, bool (*may_search)(const struct file_inode *dir),
	      struct file_node **file)
{
	struct walk w;

	return walk(&w, path, follow, may_search, file);
}

int file_find_place(const char *path, struct file_place *p)
{
	struct walk w;
	int err = walk(&w, path, false, NULL, &p->file);

	if (!err) {
		p->dir = p->file->parent;
		p->name = p->file->name;
		p->length = p->file->length;
		return 0;
	}
	p->file = NULL;
	p->dir = w.dir;
	p->name = w.name.at;
	p->length = (u32)(w.name.end - w.name.at);
	p->wants_dir = w.wants_dir;
	return err == -ENOENT && p->length ? 0 : err;
}

long file_path(const struct file_node *file, char *to, size_t size)
{
	size_t length = file == &root ? 1 : 0, at;

	for (const struct file_node *f = file; f != &root; f = f->parent)
		length += 1 + f->length;
	if (length >= size)
		return -ENAMETOOLONG;
	to[0] = '/';
	to[length] = '\0';
	at = length;
	for (const struct file_node *f = file; f != &root; f = f->parent) {
		at -= f->length;
		memcpy(to + at, f->name, f->length);
		to[--at] = '/';
	}
	return (long)length;
}
