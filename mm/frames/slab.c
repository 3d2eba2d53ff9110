/*
 * A frame of objects begins with its head, in which a bit is set for each object that is
 * free; so nothing is stored in what is free.  Frames in which there is room are listed with
 * their cache; a full one is in no list, and found again by its objects' addresses.
 *
 * Compiled for the host tests too (tests/host/test_slab.c).
 */
#include "kernel/base/layout.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/frames/live.h"
#include "mm/frames/slab.h"

struct head {
	struct slab *slab;
	u64 free; /* one bit an object */
	struct link partial;
};
static_assert(sizeof(struct head) <= SLAB_UNIT, "the head takes one unit");

static u32 stride(const struct slab *s)
{
	return ALIGN_UP(s->size, SLAB_UNIT);
}

static u64 all_free(const struct slab *s)
{
	return BIT(SLAB_MOST / stride(s)) - 1;
}

/* One more frame, all of it free.  The lock is held. */
static struct head *add_frame(struct slab *s)
{
	phys_addr_t pa = frame_alloc();
	struct head *h;

	ASSERT_OP(s->size, <=, SLAB_MOST);
	if (pa == NO_FRAME)
		return NULL;
	h = phys_to_virt(pa);
	*h = (struct head){ .slab = s, .free = all_free(s) };
	list_add(&s->partial, &h->partial);
	live_slots(h, SLAB_UNIT, PAGE_SIZE - SLAB_UNIT, false);
	return h;
}

void *slab_alloc(struct slab *s)
{
	SPIN_GUARD(&s->lock);
	struct head *h = list_entry(list_first(&s->partial), struct head, partial);
	u8 *object;

	if (!h)
		h = add_frame(s);
	if (!h)
		return NULL;
	object = (u8 *)h + SLAB_UNIT + (u64)__builtin_ctzll(h->free) * stride(s);
	h->free &= h->free - 1;
	if (!h->free)
		list_remove(&h->partial);
	s->objects++;
	live_slots(h, (u64)object % PAGE_SIZE, stride(s), true);
	return memset(object, 0, s->size);
}

static u64 bit_of(const struct slab *s, const struct head *h, const void *object)
{
	u64 at = (u64)object % PAGE_SIZE - SLAB_UNIT;

	if (h->slab != s || at % stride(s) || at / stride(s) >= SLAB_MOST / stride(s))
		panic("slab: found %p given back, expected an object of '%s'", object, s->name);
	return BIT(at / stride(s));
}

void slab_free(struct slab *s, void *object)
{
	struct head *h = (struct head *)ALIGN_DOWN((u64)object, PAGE_SIZE);

	if (!object)
		return;
	SPIN_GUARD(&s->lock);
	u64 bit = bit_of(s, h, object);

	if (h->free & bit)
		panic("slab: %p of '%s' given back twice", object, s->name);
	memset(object, FRAME_POISON & 0xff, s->size);
	live_slots(h, (u64)object % PAGE_SIZE, stride(s), false);
	if (!h->free)
		list_add(&s->partial, &h->partial);
	h->free |= bit;
	s->objects--;
	if (h->free != all_free(s))
		return;
	list_remove(&h->partial);
	frame_free_object(h, sizeof(*h), 1);
}
