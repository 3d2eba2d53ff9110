/*
 * Tables of descriptors: chunks of 64, found through a directory; the first chunk and a small
 * directory are in the table itself.
 *
 * One spinlock a table, and never held for long: a program may have a million descriptors,
 * so whatever looks at all of them lets go of it after each chunk, or after STEPS of them.
 * A file is dropped without it: the last drop may sleep.
 */
#include "kernel/base/errno.h"
#include "kernel/base/nospec.h"
#include "kernel/base/phys.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "kernel/fs/descriptors.h"
#include "kernel/fs/file.h"
#include "kernel/files/inode.h"
#include "kernel/fs/locks.h"
#include "kernel/linux/tree.h"
#include "kernel/linux/uapi.h"
#include "kernel/task/sched.h"
#include "mm/frames/frame.h"
#include "mm/frames/slab.h"

#define CHUNK_FDS 64
#define FEW 16    /* chunks for which the table itself has room */
#define STEPS 256 /* chunks to look at in one go */

struct chunk {
	u64 taken, close_on_exec; /* one bit a file */
	struct file *file[CHUNK_FDS];
};

struct descriptors {
	u32 holds;
	struct spinlock lock; /* of all below */
	u32 room;             /* chunks for which the directory has it */
	struct chunk **chunk; /* the directory; NULL in it: no such chunk */
	struct chunk *few[FEW];
	struct chunk first;
};

#define CHUNKS_A_FRAME (PAGE_SIZE / sizeof(struct chunk *))

static struct slab tables = SLAB("descriptors", struct descriptors);
static struct slab chunks = SLAB("64 descriptors", struct chunk);

/* ---- Tables ------------------------------------------------------------------------- */

static struct descriptors *make_empty(void)
{
	struct descriptors *d = slab_alloc(&tables);

	if (!d)
		return NULL;
	d->holds = 1;
	lock_check_init(&d->lock.check, LOCK_DESCRIPTORS);
	d->room = FEW;
	d->chunk = d->few;
	d->few[0] = &d->first;
	return d;
}

/* Twice the room, at the least a frame.  0 or -ENOMEM. */
static int make_room(struct descriptors *d, u32 chunk)
{
	u32 room = CHUNKS_A_FRAME;
	struct chunk **old = NULL, **new;
	phys_addr_t pa;

	while (room <= chunk)
		room *= 2;
	pa = frame_alloc_contiguous(room / CHUNKS_A_FRAME, NO_FRAME);
	if (pa == NO_FRAME)
		return -ENOMEM;
	new = phys_to_virt(pa);
	SPIN_SCOPE(&d->lock) {
		u32 had = d->room;

		if (had >= room) {
			old = new;
		} else {
			memcpy(new, d->chunk, had * sizeof(*new));
			old = d->chunk;
			d->chunk = new;
			d->room = room;
			room = had;
		}
	}
	if (old != d->few)
		frame_free_contiguous(virt_to_phys(old), room / CHUNKS_A_FRAME);
	return 0;
}

/* Now there is such a chunk: 0; or -ENOMEM. */
static int make_chunk(struct descriptors *d, u32 nr)
{
	int err = nr < __atomic_load_n(&d->room, __ATOMIC_RELAXED) ? 0 : make_room(d, nr);
	struct chunk *c = err ? NULL : slab_alloc(&chunks);

	if (!c)
		return -ENOMEM;
	SPIN_SCOPE(&d->lock) {
		if (!d->chunk[nr]) {
			d->chunk[nr] = c;
			c = NULL;
		}
	}
	slab_free(&chunks, c);
	return 0;
}

/* NULL: none.  The lock is held, or nobody else has the table. */
static struct chunk *chunk_of(const struct descriptors *d, u32 fd)
{
	u64 nr = fd / CHUNK_FDS;

	return nr < d->room ? d->chunk[array_index_nospec(nr, d->room)] : NULL;
}

static struct file *file_at(const struct descriptors *d, u32 fd)
{
	const struct chunk *c = chunk_of(d, fd);

	return c ? c->file[fd % CHUNK_FDS] : NULL;
}

static void set(struct chunk *c, u32 fd, struct file *f, bool on_exec)
{
	u64 bit = BIT(fd % CHUNK_FDS);

	c->file[fd % CHUNK_FDS] = f;
	c->taken = f ? c->taken | bit : c->taken & ~bit;
	c->close_on_exec = on_exec ? c->close_on_exec | bit : c->close_on_exec & ~bit;
}

struct descriptors *descriptors_make(struct file *in, struct file *out)
{
	struct descriptors *d = make_empty();

	for (u32 fd = 0; d && fd <= 2; fd++)
		set(&d->first, fd, file_hold(fd ? out : in), false);
	return d;
}

/* With holds of the files; nobody else has `to`. */
static void copy_chunk(struct chunk *to, const struct chunk *from)
{
	*to = *from;
	for (u64 left = to->taken; left; left &= left - 1)
		file_hold(to->file[__builtin_ctzll(left)]);
}

/* Chunk `nr`, if there is one: 0 or -ENOMEM. */
static int copy_nth(struct descriptors *to, struct descriptors *from, u32 nr)
{
	bool is_there = false;

	SPIN_SCOPE(&from->lock)
		is_there = nr < from->room && from->chunk[nr];
	if (!is_there)
		return 0;
	if ((nr >= to->room || !to->chunk[nr]) && make_chunk(to, nr))
		return -ENOMEM;
	SPIN_SCOPE(&from->lock)
		copy_chunk(to->chunk[nr], from->chunk[nr]);
	return 0;
}

struct descriptors *descriptors_copy(struct descriptors *from)
{
	struct descriptors *to = make_empty();

	for (u32 nr = 0; to && nr < from->room; nr++) {
		if (copy_nth(to, from, nr)) {
			descriptors_drop(to);
			return NULL;
		}
		sched_point();
	}
	return to;
}

struct descriptors *descriptors_hold(struct descriptors *d)
{
	__atomic_fetch_add(&d->holds, 1, __ATOMIC_RELAXED);
	return d;
}

/* A file that has lost one of its numbers in the table; fcntl()'s locks end with any. */
static void let_go(const struct descriptors *d, struct file *f)
{
	if (f->inode)
		locks_drop(&f->inode->range_locks, d);
	file_drop(f);
}

static void drop_files(const struct descriptors *d, const struct chunk *c)
{
	for (u64 left = c->taken; left; left &= left - 1) {
		let_go(d, c->file[__builtin_ctzll(left)]);
		sched_point();
	}
}

void descriptors_drop(struct descriptors *d)
{
	if (!d || __atomic_sub_fetch(&d->holds, 1, __ATOMIC_ACQ_REL))
		return;
	for (u32 nr = 0; nr < d->room; nr++) {
		struct chunk *c = d->chunk[nr];

		sched_point();
		if (!c)
			continue;
		drop_files(d, c);
		if (c != &d->first)
			slab_free(&chunks, c);
	}
	if (d->chunk != d->few)
		frame_free_contiguous(virt_to_phys(d->chunk), d->room / CHUNKS_A_FRAME);
	slab_free(&tables, d);
}

int descriptors_unshare(void)
{
	struct process *p = current_process();
	struct descriptors *own, *old = p->files;

	if (p->alive != 1)
		return -EINVAL;
	if (__atomic_load_n(&old->holds, __ATOMIC_ACQUIRE) == 1)
		return 0;
	own = descriptors_copy(old);
	if (!own)
		return -ENOMEM;
	SPIN_SCOPE(&process_lock)
		p->files = own;
	descriptors_drop(old);
	return 0;
}

bool descriptors_look(struct descriptors *d, u32 fd, void (*look)(struct file *f, void *arg),
		      void *arg)
{
	SPIN_GUARD(&d->lock);
	struct file *f = file_at(d, fd);

	if (f)
		look(f, arg);
	return f;
}

int descriptors_next(struct descriptors *d, u32 *fd)
{
	SPIN_GUARD(&d->lock);

	for (u32 steps = 0; steps < STEPS && *fd / CHUNK_FDS < d->room; steps++) {
		const struct chunk *c = chunk_of(d, *fd);
		u64 taken = c ? c->taken >> *fd % CHUNK_FDS : 0;

		if (taken) {
			*fd += (u32)__builtin_ctzll(taken);
			return 0;
		}
		*fd = ALIGN_DOWN(*fd, CHUNK_FDS) + CHUNK_FDS;
	}
	return *fd / CHUNK_FDS < d->room ? -EAGAIN : -ENOENT;
}

/* ---- Numbers ------------------------------------------------------------------------ */

static struct descriptors *own(void)
{
	return current_process()->files;
}

u32 fd_limit(void)
{
	return (u32)MIN(current_process()->limits[LIMIT_NOFILE].soft, LIMIT_NOFILE_MAX);
}

u32 fd_room(void)
{
	return __atomic_load_n(&own()->room, __ATOMIC_RELAXED) * CHUNK_FDS;
}

struct file *fd_get_any(int fd)
{
	struct descriptors *d = own();
	SPIN_GUARD(&d->lock);
	struct file *f = file_at(d, (u32)fd);

	return f ? file_hold(f) : NULL;
}

struct file *fd_get(int fd)
{
	struct file *f = fd_get_any(fd);

	if (!f || !(f->flags & O_PATH))
		return f;
	file_drop(f);
	return NULL;
}

struct file *fd_borrow(int fd, bool *held)
{
	const struct process *p = current_process();
	const struct descriptors *d = p->files;

	*held = p->alive != 1 || __atomic_load_n(&d->holds, __ATOMIC_ACQUIRE) != 1;
	return unlikely(*held) ? fd_get_any(fd) : file_at(d, (u32)fd);
}

/*
 * Takes a free number from *fd on: it is in *fd.  -EAGAIN: not yet, look on at *fd;
 * -ENOENT: there is no chunk for it.
 */
static int take(struct descriptors *d, u32 *fd, struct file *f, u32 flags, u32 limit)
{
	SPIN_GUARD(&d->lock);

	for (u32 steps = 0; steps < STEPS && *fd < limit; steps++) {
		struct chunk *c = chunk_of(d, *fd);
		u64 free;

		if (!c)
			return -ENOENT;
		free = ~c->taken >> *fd % CHUNK_FDS;
		if (free) {
			*fd += (u32)__builtin_ctzll(free);
			if (*fd >= limit)
				break;
			set(c, *fd, f, flags & O_CLOEXEC);
			return 0;
		}
		*fd = ALIGN_DOWN(*fd, CHUNK_FDS) + CHUNK_FDS;
	}
	return *fd < limit ? -EAGAIN : -EMFILE;
}

int fd_install(struct file *f, u32 flags, u32 lowest)
{
	struct descriptors *d = own();
	u32 fd = lowest, limit = fd_limit();
	int err;

	while ((err = take(d, &fd, f, flags, limit))) {
		if (err == -ENOENT)
			err = make_chunk(d, fd / CHUNK_FDS);
		if (err && err != -EAGAIN)
			return err;
		sched_point();
	}
	return (int)fd;
}

int fd_give(struct file *f, u32 flags, u32 lowest)
{
	int fd = f ? fd_install(f, flags, lowest) : -ENOMEM;

	if (f && fd < 0)
		file_drop(f);
	return fd;
}

int fd_replace(int fd, struct file *f, u32 flags)
{
	struct descriptors *d = own();
	struct file *old = NULL;
	int err = 0;

	if ((u32)fd >= fd_limit())
		return -EBADF;
	do {
		struct chunk *c = NULL;

		SPIN_SCOPE(&d->lock) {
			c = chunk_of(d, (u32)fd);
			if (c) {
				old = c->file[fd % CHUNK_FDS];
				set(c, (u32)fd, f, flags & O_CLOEXEC);
			}
		}
		if (c)
			break;
		err = make_chunk(d, (u32)fd / CHUNK_FDS);
	} while (!err);
	if (old)
		let_go(d, old);
	return err ? err : fd;
}

int fd_close(int fd)
{
	struct descriptors *d = own();
	struct file *f = NULL;

	SPIN_SCOPE(&d->lock) {
		f = file_at(d, (u32)fd);
		if (f)
			set(chunk_of(d, (u32)fd), (u32)fd, NULL, false);
	}
	if (!f)
		return -EBADF;
	let_go(d, f);
	return 0;
}

/* Of the bits set, those of numbers from `first` to `last` in chunk `nr`. */
static u64 in_range(u64 bits, u32 nr, u32 first, u32 last)
{
	if (nr == first / CHUNK_FDS)
		bits &= ~0ULL << first % CHUNK_FDS;
	if (nr == last / CHUNK_FDS)
		bits &= ~0ULL >> (CHUNK_FDS - 1 - last % CHUNK_FDS);
	return bits;
}

void fd_close_range(u32 first, u32 last, bool on_exec)
{
	struct descriptors *d = own();
	u32 end = MIN(last / CHUNK_FDS + 1, __atomic_load_n(&d->room, __ATOMIC_RELAXED));

	for (u32 nr = first / CHUNK_FDS; nr < end; nr++) {
		u64 bits = 0;

		SPIN_SCOPE(&d->lock) {
			struct chunk *c = d->chunk[nr];

			bits = c ? in_range(c->taken, nr, first, last) : 0;
			if (c && on_exec)
				c->close_on_exec |= bits;
		}
		for (u64 left = on_exec ? 0 : bits; left; left &= left - 1) {
			(void)fd_close((int)(nr * CHUNK_FDS) + __builtin_ctzll(left));
			sched_point();
		}
		sched_point();
	}
}

void descriptors_close_on_exec(void)
{
	struct descriptors *d = own();

	for (u32 nr = 0; nr < d->room; nr++) {
		struct chunk *c = d->chunk[nr];

		for (u64 left = c ? c->close_on_exec : 0; left; left &= left - 1) {
			(void)fd_close((int)(nr * CHUNK_FDS) + __builtin_ctzll(left));
			sched_point();
		}
		sched_point();
	}
}

int fd_get_flags(int fd)
{
	struct descriptors *d = own();
	SPIN_GUARD(&d->lock);

	if (!file_at(d, (u32)fd))
		return -EBADF;
	return chunk_of(d, (u32)fd)->close_on_exec & BIT(fd % CHUNK_FDS) ? FD_CLOEXEC : 0;
}

int fd_set_flags(int fd, u32 flags)
{
	struct descriptors *d = own();
	SPIN_GUARD(&d->lock);
	struct file *f = file_at(d, (u32)fd);

	if (!f)
		return -EBADF;
	set(chunk_of(d, (u32)fd), (u32)fd, f, flags & FD_CLOEXEC);
	return 0;
}
