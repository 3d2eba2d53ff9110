/*
 * Rings of pages, each there while it has bytes in it.  The caller has a lock for what changes
 * one; whoever only asks how full it is needs none.
 */
#ifndef KERNEL_FS_RING_H
#define KERNEL_FS_RING_H

#include "kernel/base/layout.h"
#include "kernel/base/types.h"

struct io;

#define RING_PAGES 256 /* at most: pipe-max-size, 1 MiB; a process may not go above */

/* Zeroed but for `size`, it is empty. */
struct ring {
	union {
		struct {
			u32 in, out; /* bytes, ever since it was empty or went round */
		};
		u64 in_and_out; /* for those who have no lock */
	};
	u32 size;             /* bytes, a power of two */
	u8 *page[RING_PAGES]; /* NULL: not there */
};

static inline u32 ring_used(const struct ring *r)
{
	u64 both = __atomic_load_n(&r->in_and_out, __ATOMIC_RELAXED);

	return (u32)both - (u32)(both >> 32);
}

/* Bytes for which there is a place: a page that has some left has none for others. */
static inline u32 ring_room(const struct ring *r)
{
	u64 both = __atomic_load_n(&r->in_and_out, __ATOMIC_RELAXED);

	return r->size - ((u32)both - (u32)ALIGN_DOWN(both >> 32, PAGE_SIZE));
}

/*
 * Bytes from io, n at most, for which there is room: how many; where it can go on no more, *err
 * is why, -ENOFRAME or -EFAULT.  The other way, of a ring that is not empty: how many, 0 for a
 * bad address.  Context: a program's task, no spinlock held; may fault in.
 */
u64 ring_fill(struct ring *r, struct io *io, u64 n, long *err);
u64 ring_drain(struct ring *r, struct io *io);

/* Another size, in which what is there has room; `page` is a frame to work in. */
void ring_resize(struct ring *r, u32 size, u8 **page);

/* Its pages. */
void ring_free(struct ring *r);

#endif
