/*
 * Rings of pages: the bytes of a pipe.
 *
 * `in` and `out` count bytes, and the ring's size is a power of two, so that either tells a
 * place in it.  A page takes bytes again when all that it had are out.  An empty ring begins
 * anew at 0, in the page that it keeps; and when all of a ring is out, both counts are put
 * back by its size: so they never come round.
 */
#include "kernel/base/errno.h"
#include "kernel/base/panic.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "kernel/fs/file.h"
#include "kernel/fs/ring.h"
#include "mm/frames/frame.h"

static u8 **page_at(struct ring *r, u32 at)
{
	return &r->page[(at & (r->size - 1)) / PAGE_SIZE];
}

static bool make_page(u8 **page)
{
	phys_addr_t pa = frame_alloc();

	if (pa == NO_FRAME)
		return false;
	*page = phys_to_virt(pa);
	return true;
}

static void free_page(u8 **page)
{
	if (*page)
		frame_free(virt_to_phys(*page));
	*page = NULL;
}

/* Bytes that are together there, of n. */
static u32 in_page(u32 at, u64 n)
{
	return (u32)MIN(n, PAGE_SIZE - at % PAGE_SIZE);
}

u64 ring_fill(struct ring *r, struct io *io, u64 n, long *err)
{
	u64 done = 0;

	do {
		u32 in = r->in, part = in_page(in, n - done);
		u8 **page = page_at(r, in);
		size_t got;

		if (unlikely(!*page) && !make_page(page)) {
			*err = -ENOFRAME;
			break;
		}
		got = io_get(io, *page + in % PAGE_SIZE, part);
		__atomic_store_n(&r->in, in + (u32)got, __ATOMIC_RELAXED);
		done += got;
		if (unlikely(got < part)) {
			*err = -EFAULT;
			break;
		}
	} while (done < n);
	return done;
}

static void set_counts(struct ring *r, u32 in, u32 out)
{
	__atomic_store_n(&r->in_and_out, in | (u64)out << 32, __ATOMIC_RELAXED);
}

/*
 * An empty pipe begins anew, with the page that it is at for its first; where a write that
 * failed has left one, it has that already.
 */
static void rewind(struct ring *r)
{
	u8 **page = page_at(r, r->out - 1);

	if (unlikely(page != r->page)) {
		free_page(r->page);
		r->page[0] = *page;
		*page = NULL;
	}
	set_counts(r, 0, 0);
}

/* All bytes of the page that ends at `out` are out. */
static void leave_page(struct ring *r, u32 out)
{
	free_page(page_at(r, out - 1));
	if (out >= r->size)
		set_counts(r, r->in - r->size, out - r->size);
	ASSERT_OP(r->in, <=, 2 * RING_PAGES * PAGE_SIZE);
}

u64 ring_drain(struct ring *r, struct io *io)
{
	u64 n = MIN(io->left, r->in - r->out), done = 0;

	do {
		u32 out = r->out, part = in_page(out, n - done);
		size_t put = io_put(io, *page_at(r, out) + out % PAGE_SIZE, part);

		out += (u32)put;
		done += put;
		if (out == r->in) {
			r->out = out;
			rewind(r);
			break;
		}
		__atomic_store_n(&r->out, out, __ATOMIC_RELAXED);
		if (unlikely(put < part))
			break;
		if (out % PAGE_SIZE == 0)
			leave_page(r, out);
	} while (done < n);
	return done;
}

/* The pages that have bytes in them get the places that they have in the other ring. */
void ring_resize(struct ring *r, u32 size, u8 **page)
{
	u32 end = r->in - 1, had = r->size;

	memcpy(page, r->page, sizeof(r->page));
	memset(r->page, 0, sizeof(r->page));
	r->size = size;
	if (ring_used(r)) {
		for (u32 at = r->out / PAGE_SIZE; at <= end / PAGE_SIZE; at++) {
			u8 **old = &page[at % (had / PAGE_SIZE)];

			*page_at(r, at * PAGE_SIZE) = *old;
			*old = NULL;
		}
	}
	for (u32 i = 0; i < had / PAGE_SIZE; i++)
		free_page(&page[i]);
}

void ring_free(struct ring *r)
{
	for (u32 i = 0; i < r->size / PAGE_SIZE; i++)
		free_page(&r->page[i]);
}
