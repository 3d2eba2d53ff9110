/*
 * Pieces of 64 bytes: queued signals and users.  The first piece of each frame
 * is its head, which lists those that are free.  A frame that has a free piece
 * is in the list `partial`; one whose pieces are all free goes back, but for
 * the first, which is the image's.
 *
 * Called by kernel/linux/signal/queue.c and kernel/linux/user.c, under process_lock.
 */
#include "kernel/base/layout.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "mm/frames/frame.h"
#include "mm/space/pieces.h"

#define PIECES (PAGE_SIZE / PIECE_SIZE)

union piece {
	union piece *next;
	u8 bytes[PIECE_SIZE];
};

struct head {
	struct head *next, *prev; /* in `partial` */
	union piece *free;
	unsigned used;
};
static_assert(sizeof(struct head) <= PIECE_SIZE, "the head is a piece");

static union piece first_frame[PIECES] __aligned(PAGE_SIZE);
static struct head *partial;
static bool begun;
static unsigned used;

static void link_partial(struct head *h)
{
	h->prev = NULL;
	h->next = partial;
	if (partial)
		partial->prev = h;
	partial = h;
}

static void unlink_partial(struct head *h)
{
	if (h->prev)
		h->prev->next = h->next;
	else
		partial = h->next;
	if (h->next)
		h->next->prev = h->prev;
}

static void add_frame(union piece *frame)
{
	struct head *h = (struct head *)frame;

	h->used = 0;
	h->free = NULL;
	for (unsigned i = PIECES - 1; i > 0; i--) {
		frame[i].next = h->free;
		h->free = &frame[i];
	}
	link_partial(h);
}

static bool more(void)
{
	phys_addr_t pa;

	if (!begun) {
		begun = true;
		add_frame(first_frame);
		return true;
	}
	pa = frame_alloc_reserved(); /* under a spinlock: this cannot wait for memory */
	if (pa == NO_FRAME)
		return false;
	add_frame(phys_to_virt(pa));
	return true;
}

void *piece_alloc(void)
{
	struct head *h;
	union piece *p;

	if (unlikely(!partial) && !more())
		return NULL;
	h = partial;
	p = h->free;
	h->free = p->next;
	h->used++;
	used++;
	if (!h->free)
		unlink_partial(h);
	return p;
}

void piece_free(void *piece)
{
	struct head *h = (struct head *)ALIGN_DOWN((u64)piece, PAGE_SIZE);
	union piece *p = piece;

	ASSERT_OP(h->used, >, 0);
	if (!h->free)
		link_partial(h);
	p->next = h->free;
	h->free = p;
	used--;
	if (--h->used > 0 || h == (struct head *)first_frame)
		return;
	unlink_partial(h);
	frame_free(virt_to_phys(h));
}

unsigned pieces_used(void)
{
	return used;
}
