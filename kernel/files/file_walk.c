/*
 * Where paths lead.  A link's target is walked where it lies: what is left of the path waits
 * below it, so nothing is copied, and nothing calls itself.
 */
#include "kernel/base/errno.h"
#include "kernel/base/seams.h"
#include "kernel/base/string.h"
#include "kernel/files/file_tree.h"

#define MAX_LINKS 40 /* that a path may lead through, as in Linux */

struct part {
	const char *at, *end;
};

/* What is left of a path, and of the links' targets that stand in front of it. */
struct walk {
	struct part rest[MAX_LINKS + 1];
	unsigned depth, links;
	struct dentry *dir;
	struct dentry *kept; /* by a hold, what is in no table: `dir`, or below it; or NULL */
	struct part name;    /* the last that was taken */
	enum last_name last; /* what it was */
	bool wants_dir;      /* a slash ends it all */
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

static int follow_link(struct walk *w, const struct inode *link)
{
	const char *target = link->target;

	if (w->links++ == MAX_LINKS)
		return -ELOOP;
	if (!is_last(w))
		w->depth++;
	w->rest[w->depth] = (struct part){ target, target + link->size };
	if (target[0] == '/')
		w->dir = &file_root;
	return 0;
}

/* What was kept before is the new one's parent, or not on the way any more. */
static struct dentry *keep(struct walk *w, struct dentry *d)
{
	dentry_drop(w->kept);
	return w->kept = d;
}

/* A link that has no text goes to its goal at once. */
static int follow_made(struct walk *w, struct dentry **file)
{
	struct dentry *to;
	int err = w->links++ == MAX_LINKS ? -ELOOP : (*file)->inode->made->follow(*file, &to);

	if (!err)
		w->dir = *file = keep(w, to);
	return err;
}

static bool name_is(const struct walk *w, const char *s)
{
	return (size_t)(w->name.end - w->name.at) == strlen(s) &&
	       memcmp(w->name.at, s, strlen(s)) == 0;
}

/* In a directory whose names are computed: its own `d` for this walk. */
static struct dentry *make(struct walk *w, u32 length, int *err)
{
	struct inode *inode;
	struct dentry *d;

	*err = w->dir->inode->made->lookup(w->dir->inode, w->name.at, length, &inode);
	if (*err)
		return NULL;
	d = dentry_make(w->dir, w->name.at, length, inode);
	if (!d)
		*err = -ENOMEM;
	return d ? keep(w, d) : NULL;
}

/* The file of the last name taken, in w->dir; or NULL with the error. */
static struct dentry *step(struct walk *w, bool (*may_search)(const struct inode *), int *err)
{
	size_t length = (size_t)(w->name.end - w->name.at);
	struct dentry *f;

	*err = !file_is(w->dir->inode, FILE_DIRECTORY)  ? -ENOTDIR :
	       may_search && !may_search(w->dir->inode) ? -EACCES :
	       length > FILE_NAME_MAX                   ? -ENAMETOOLONG :
							  0;
	if (*err)
		return NULL;
	*err = -ENOENT;
	f = name_is(w, ".")     ? w->dir :
	    name_is(w, "..")    ? w->dir->parent :
	    w->dir->inode->made ? make(w, (u32)length, err) :
				  file_lookup(w->dir, w->name.at, (u32)length);
	if (f)
		*err = 0;
	return f;
}

static enum last_name last_of(const struct walk *w)
{
	return name_is(w, ".") ? LAST_DOT : name_is(w, "..") ? LAST_DOTDOT : LAST_NAME;
}

/*
 * Walks `path`.  Where it ends with a name that is not there, -ENOENT, and w has the
 * directory and the name; in all other errors w->name is empty: also if the name is computed,
 * for such a directory has no room for others.
 */
static int walk(struct walk *w, struct dentry *from, const char *path, bool follow,
		bool (*may_search)(const struct inode *), struct dentry **file)
{
	bool wants_dir = false;
	int err = 0;

	*w = (struct walk){ .rest = { { path, path + strlen(path) } } };
	w->dir = *file = *path == '/' ? &file_root : from;
	w->last = LAST_DOTDOT; /* the root, or where it begins: nobody's name */
	while (!err && next_name(w)) {
		w->last = last_of(w);
		*file = step(w, may_search, &err);
		if (err == -ENOENT && is_last(w) && !w->dir->inode->made)
			return err;
		wants_dir |= is_last(w) && w->wants_dir;
		if (!err && file_is((*file)->inode, FILE_SYMLINK) &&
		    (!is_last(w) || follow || wants_dir)) {
			err = (*file)->inode->made ? follow_made(w, file) :
						     follow_link(w, (*file)->inode);
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

int file_find(struct dentry *from, const char *path, bool follow,
	      bool (*may_search)(const struct inode *dir), struct dentry **file)
{
	struct walk w;
	int err = walk(&w, from, path, follow, may_search, file);

	if (!err)
		dentry_hold(*file);
	dentry_drop(w.kept);
	return err;
}

int file_find_place(struct dentry *from, const char *path, bool follow,
		    bool (*may_search)(const struct inode *dir), struct file_place *p)
{
	struct walk w;
	int err = walk(&w, from, path, follow, may_search, &p->file);

	p->last = w.last;
	p->length = (u32)(w.name.end - w.name.at); /* 0, but for a name that is not there */
	p->held = !err ? dentry_hold(p->file) : p->length ? dentry_hold(w.dir) : NULL;
	dentry_drop(w.kept);
	if (!err) {
		p->dir = p->file->parent;
		p->name = p->file->name;
		p->length = p->file->length;
		return 0;
	}
	p->file = NULL;
	p->dir = w.dir;
	p->name = w.name.at;
	p->wants_dir = w.wants_dir;
	return p->length ? 0 : err;
}
