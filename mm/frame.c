/*
 * A bitmap of all RAM below the highest usable address, one bit a frame, set
 * when the frame is free.  Allocation is next-fit by 64-bit words.  Nothing is
 * stored in a free frame, so that a stray write to one breaks no list.  Behind
 * it a second bitmap says which frames were ever handed to the allocator, so
 * that freeing a hole or the image is noticed.
 *
 * The last free frames are a reserve for what cannot wait until memory comes
 * back (kernel/oom.c): what is known of a signal, which is sent under a lock.
 *
 * Compiled for the host tests too (tests/host/test_frame.c).
 * Called by all of mm/, and by whoever needs whole pages.
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "mm/frame.h"
#include "mm/frame_owner.h"
#include "mm/phys.h"

static struct {
	struct spinlock lock;
	u64 *bitmap;
	u64 *managed; /* set: RAM that was added and not reserved */
	u64 words;    /* of each bitmap */
	u64 hint; /* word at which the next search starts */
	u64 total, free;
	u64 reserve; /* of those that are free */
	phys_addr_t top;
	long fail_after; /* -1: never */
} frames = { .fail_after = -1 };

size_t frame_bitmap_bytes(phys_addr_t top)
{
	return 2 * ALIGN_UP(PFN(top), 64) / 8;
}

void frame_init(void *bitmap, phys_addr_t top)
{
	frames.bitmap = bitmap;
	frames.words = ALIGN_UP(PFN(top), 64) / 64;
	frames.managed = frames.bitmap + frames.words;
	frames.top = ALIGN_DOWN(top, PAGE_SIZE);
	frames.hint = 0;
	frames.total = frames.free = 0;
}

static bool is_set(const u64 *bitmap, u64 pfn)
{
	return bitmap[pfn / 64] & BIT(pfn % 64);
}

/* Sets or clears the bits of [pfn, end); returns how many changed. */
static u64 set_range(u64 *bitmap, u64 pfn, u64 end, bool set)
{
	u64 changed = 0;

	while (pfn < end) {
		u64 n = MIN(64 - pfn % 64, end - pfn);
		u64 mask = (n == 64 ? ~0ULL : BIT(n) - 1) << pfn % 64;
		u64 *word = &bitmap[pfn / 64];
		u64 now = set ? *word | mask : *word & ~mask;

		changed += (u64)__builtin_popcountll(*word ^ now);
		*word = now;
		pfn += n;
	}
	return changed;
}

void frame_add_range(phys_addr_t start, phys_addr_t end)
{
	u64 n;

	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(MIN(end, frames.top), PAGE_SIZE);
	if (start >= end)
		return;
	n = set_range(frames.managed, PFN(start), PFN(end), true);
	frames.total += n;
	frames.free += set_range(frames.bitmap, PFN(start), PFN(end), true);
}

void frame_reserve_range(phys_addr_t start, phys_addr_t end)
{
	u64 n;

	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(MIN(end, frames.top), PAGE_SIZE);
	if (start >= end)
		return;
	n = set_range(frames.managed, PFN(start), PFN(end), false);
	frames.total -= n;
	frames.free -= set_range(frames.bitmap, PFN(start), PFN(end), false);
}

/* Counts down to the failure that a test asked for. */
static bool must_fail(void)
{
	if (frames.fail_after < 0)
		return false;
	if (frames.fail_after == 0)
		return true;
	frames.fail_after--;
	return false;
}

static phys_addr_t take_next_free(void)
{
	for (u64 i = 0; i < frames.words; i++) {
		u64 w = frames.hint + i < frames.words ?
			frames.hint + i : frames.hint + i - frames.words;
		u64 bits = frames.bitmap[w];

		if (bits) {
			frames.bitmap[w] = bits & (bits - 1);
			frames.hint = w;
			frames.free--;
			return (w * 64 + (u64)__builtin_ctzll(bits)) << PAGE_SHIFT;
		}
	}
	return NO_FRAME;
}

/* `left` frames stay. */
static phys_addr_t alloc(u64 left)
{
	u64 flags = spin_lock(&frames.lock);
	phys_addr_t pa = must_fail() || frames.free <= left ? NO_FRAME : take_next_free();

	if (pa != NO_FRAME)
		frame_owner_take(pa, 1);
	spin_unlock(&frames.lock, flags);
	return pa;
}

phys_addr_t frame_alloc(void)
{
	return alloc(frames.reserve);
}

phys_addr_t frame_alloc_reserved(void)
{
	return alloc(0);
}

phys_addr_t frame_alloc_zeroed(void)
{
	phys_addr_t pa = frame_alloc();

	if (pa != NO_FRAME)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

static bool range_is_free(u64 pfn, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!is_set(frames.bitmap, pfn + i))
			return false;
	return true;
}

phys_addr_t frame_alloc_contiguous(unsigned n, unsigned align, phys_addr_t limit)
{
	u64 end = PFN(MIN(limit, frames.top));
	phys_addr_t pa = NO_FRAME;
	u64 flags = spin_lock(&frames.lock);
	int passes = must_fail() || frames.free < frames.reserve + n ? 0 : 2;

	/* From the hint on first; the low frames are mostly gone by now. */
	for (int pass = 0; pass < passes && pa == NO_FRAME; pass++) {
		u64 pfn = pass == 0 ? ALIGN_DOWN(frames.hint * 64, align) : 0;

		for (; pfn + n <= end; pfn += align) {
			if (!frames.bitmap[pfn / 64]) {
				pfn = ALIGN_DOWN(pfn, 64) + 64 - align;
				continue;
			}
			if (!range_is_free(pfn, n))
				continue;
			set_range(frames.bitmap, pfn, pfn + n, false);
			frames.free -= n;
			pa = pfn << PAGE_SHIFT;
			frame_owner_take(pa, n);
			break;
		}
	}
	spin_unlock(&frames.lock, flags);
	if (pa != NO_FRAME)
		memset(phys_to_virt(pa), 0, n * PAGE_SIZE);
	return pa;
}

void frame_free(phys_addr_t pa)
{
	frame_free_contiguous(pa, 1);
}

void frame_free_contiguous(phys_addr_t pa, unsigned n)
{
	u64 flags;

	ASSERT_OP(pa % PAGE_SIZE, ==, 0);
	ASSERT_OP(pa + n * PAGE_SIZE, <=, frames.top);
	flags = spin_lock(&frames.lock);
	for (u64 pfn = PFN(pa); pfn < PFN(pa) + n; pfn++)
		if (is_set(frames.bitmap, pfn) || !is_set(frames.managed, pfn))
			panic("frame: %#lx freed %s", pfn << PAGE_SHIFT,
			      is_set(frames.managed, pfn) ? "twice" :
			      "that was never managed");
	set_range(frames.bitmap, PFN(pa), PFN(pa) + n, true);
	frames.free += n;
	frame_owner_give(pa, n);
	spin_unlock(&frames.lock, flags);
}

void frame_free_object(void *object, unsigned n)
{
	u64 *words = object;

	for (size_t i = 0; i < n * PAGE_SIZE / sizeof(u64); i++)
		words[i] = FRAME_POISON;
	frame_free_contiguous(virt_to_phys(object), n);
}

struct frame_stats frame_stats(void)
{
	return (struct frame_stats){ frames.total, frames.free, frames.reserve, frames.top };
}

void frame_set_reserve(u64 n)
{
	frames.reserve = n;
}

bool frame_is_free(void)
{
	return frames.fail_after < 0 && frames.free > frames.reserve;
}

void frame_fail_after(long n)
{
	frames.fail_after = n;
}

bool frame_is_failing(void)
{
	return frames.fail_after >= 0;
}
