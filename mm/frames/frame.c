/*
 * A bitmap of all RAM below the highest usable address, one bit a frame, set
 * when the frame is free.  Nothing is stored in a free frame, so that a stray
 * write to one breaks no list.  Behind it a second bitmap says which frames were
 * ever handed to the allocator, so that freeing a hole or the image is noticed.
 *
 * The lock is held with interrupts off, so a search must not take longer the more
 * memory there is, or the less of it is free.  A tree over the bitmap leads to the
 * lowest block that is large enough.  A block is 1, 2, 4 .. 64 free frames, aligned
 * to its size, so it lies in one word of the bitmap.  A leaf of the tree is a byte,
 * the rank of the largest block in one word; a node above is the largest of eight
 * below it.  Eight bytes are compared at once, and 64 TiB take ten levels.
 *
 * Single frames come from one word, the stock, until none of it is free.  The tree
 * leaves the stock out, so that a page fault changes no tree; a request for a block puts
 * the stock back first.
 *
 * Free frames that are known to be full of zeroes, for they were page tables, wait in a
 * list of their own, to be given out as zeroed ones without being cleared again.  A third
 * bitmap says which they are; in the first they are not free, so no block has one.  When
 * nothing else is left, or a block is wanted that is not there, they go back to the rest.
 *
 * Behind all that is the room for a count of holders for each frame: mm/frames/holders.c.
 *
 * The last free frames are a reserve for what cannot wait until memory comes
 * back (kernel/linux/process/oom.c): what is known of a signal, which is sent under a lock.
 *
 * Compiled for the host tests too (tests/host/test_frame.c).
 */
#include "kernel/base/errno.h"
#include "kernel/base/layout.h"
#include "kernel/base/phys.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/frames/frame_owner.h"

#define MAX_ORDER 6 /* a block is 2 to the power of its order frames */
#define FANOUT 8
#define MAX_LEVELS 10
#define NO_STOCK (~0ULL)
#define CLEAN_MAX 64 /* frames that are known to be zero */

/* A rank is 0 if there is no block, else the block's order + 1. */
#define EACH_BYTE(x) (0x0101010101010101ULL * (x))

static struct {
	struct spinlock lock;
	u64 *bitmap;
	u64 *managed;          /* set: RAM that was added and not reserved */
	u64 *is_clean;         /* set: it is in clean[] */
	u64 words;             /* of each bitmap */
	u64 *tree[MAX_LEVELS]; /* eight ranks in a word; leaves first */
	unsigned levels;
	u64 stock; /* a word of the bitmap, or NO_STOCK */
	phys_addr_t clean[CLEAN_MAX];
	unsigned clean_count;
	u64 total, free; /* the clean ones are free, too */
	u64 reserve;     /* of those that are free */
	phys_addr_t top;
	long fail_after; /* -1: never */
} frames = { .lock = SPINLOCK(LOCK_FRAMES), .fail_after = -1 };

u32 *frame_others;

static u64 words_for(phys_addr_t top)
{
	return ALIGN_UP(PFN(top), 64) / 64;
}

size_t frame_bitmap_bytes(phys_addr_t top)
{
	u64 words = words_for(top), groups = words, all = 3 * words;

	do {
		groups = ALIGN_UP(groups, FANOUT) / FANOUT;
		all += groups;
	} while (groups > 1);
	return all * sizeof(u64) + words * 64 * sizeof(u32);
}

void frame_init(void *bitmap, phys_addr_t top)
{
	u64 groups = words_for(top), *at;

	frames.bitmap = bitmap;
	frames.words = groups;
	frames.managed = frames.bitmap + frames.words;
	frames.is_clean = frames.managed + frames.words;
	frames.clean_count = 0;
	at = frames.is_clean + frames.words;
	frames.levels = 0;
	frames.stock = NO_STOCK;
	do {
		groups = ALIGN_UP(groups, FANOUT) / FANOUT;
		frames.tree[frames.levels++] = at;
		at += groups;
	} while (groups > 1);
	frame_others = (u32 *)at;
	frames.top = ALIGN_DOWN(top, PAGE_SIZE);
	frames.total = frames.free = 0;
}

/* ---- The tree; the lock is held ---------------------------------------------------- */

/* Of blocks of this order, the bits at which one of twice the size begins. */
static u64 join_blocks(u64 blocks, unsigned order)
{
	static const u64 starts[MAX_ORDER] = {
		0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
		0x0001000100010001, 0x0000000100000001, 0x0000000000000001,
	};

	return blocks & blocks >> BIT(order) & starts[order];
}

static u8 rank_of_word(u64 word)
{
	u8 order = 0;

	if (!word)
		return 0;
	while (order < MAX_ORDER && (word = join_blocks(word, order)))
		order++;
	return order + 1;
}

/* Bit 7 of each byte that is `rank` or more.  No byte is above 0x7f: no borrow. */
static u64 at_least(u64 group, u64 rank)
{
	return ((group | EACH_BYTE(0x80ULL)) - EACH_BYTE(rank)) & EACH_BYTE(0x80ULL);
}

static u8 rank_of_group(u64 group)
{
	u8 rank = MAX_ORDER + 1;

	while (rank > 0 && !at_least(group, rank))
		rank--;
	return rank;
}

/* A word of the bitmap has changed, or is the stock from now on, or no more. */
static void update_tree(u64 word)
{
	u8 rank = word == frames.stock ? 0 : rank_of_word(frames.bitmap[word]);
	u64 node = word;

	for (unsigned level = 0; level < frames.levels; level++) {
		u8 *ranks = (u8 *)frames.tree[level];

		if (ranks[node] == rank)
			return;
		ranks[node] = rank;
		node /= FANOUT;
		rank = rank_of_group(frames.tree[level][node]);
	}
}

/* The number of the first frame of the lowest block, or NO_FRAME. */
static u64 lowest_block(unsigned order)
{
	u64 node = 0, blocks;

	for (unsigned level = frames.levels; level-- > 0;) {
		u64 enough = at_least(frames.tree[level][node], order + 1);

		if (!enough) /* at the root */
			return NO_FRAME;
		node = node * FANOUT + (u64)__builtin_ctzll(enough) / 8;
	}
	blocks = frames.bitmap[node];
	for (unsigned i = 0; i < order; i++)
		blocks = join_blocks(blocks, i);
	return node * 64 + (u64)__builtin_ctzll(blocks);
}

/* ---- The bitmaps -------------------------------------------------------------------- */

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

/* Frames are free from now on, or not; returns how many were not so before. */
static u64 set_free(u64 pfn, u64 end, bool free)
{
	u64 changed = set_range(frames.bitmap, pfn, end, free);

	for (u64 word = pfn / 64; word <= (end - 1) / 64; word++)
		update_tree(word);
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
	frames.free += set_free(PFN(start), PFN(end), true);
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
	frames.free -= set_free(PFN(start), PFN(end), false);
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

static void set_stock(u64 word)
{
	u64 before = frames.stock;

	frames.stock = word;
	if (before != NO_STOCK)
		update_tree(before);
	if (word != NO_STOCK)
		update_tree(word);
}

static phys_addr_t take_from_stock(void)
{
	phys_addr_t pa;
	u64 *word;

	if (frames.stock == NO_STOCK || !frames.bitmap[frames.stock])
		set_stock(lowest_block(0) / 64);
	word = &frames.bitmap[frames.stock];
	pa = (frames.stock * 64 + (u64)__builtin_ctzll(*word)) << PAGE_SHIFT;
	*word &= *word - 1;
	return pa;
}

static phys_addr_t take_clean(void)
{
	phys_addr_t pa = frames.clean[--frames.clean_count];

	frames.is_clean[PFN(pa) / 64] &= ~BIT(PFN(pa) % 64);
	return pa;
}

/* `left` frames stay.  *clean: is a clean one wanted?  And is it one? */
static phys_addr_t alloc(u64 left, bool *clean)
{
	SPIN_GUARD(&frames.lock);
	phys_addr_t pa = NO_FRAME;

	if (must_fail() || frames.free <= left)
		return NO_FRAME;
	*clean = frames.clean_count && (*clean || frames.free == frames.clean_count);
	pa = *clean ? take_clean() : take_from_stock();
	frames.free--;
	frame_owner_take(pa, 1);
	return pa;
}

phys_addr_t frame_alloc(void)
{
	bool clean = false;

	return alloc(frames.reserve, &clean);
}

phys_addr_t frame_alloc_reserved(void)
{
	bool clean = false;

	return alloc(0, &clean);
}

phys_addr_t frame_alloc_zeroed(void)
{
	bool clean = true;
	phys_addr_t pa = alloc(frames.reserve, &clean);

	if (pa != NO_FRAME && !clean)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

/* The lowest block, or without one that of which the clean frames are a part; NO_FRAME. */
static u64 find_block(unsigned order)
{
	u64 pfn;

	set_stock(NO_STOCK);
	pfn = lowest_block(order);
	while (pfn == NO_FRAME && frames.clean_count) {
		pfn = PFN(take_clean());
		set_free(pfn, pfn + 1, true);
		pfn = lowest_block(order);
	}
	return pfn;
}

/* The rest of the block stays free.  If the lowest block ends too high, all do. */
phys_addr_t frame_alloc_run(unsigned n, phys_addr_t limit)
{
	unsigned order = n == 1 ? 0 : 64 - (unsigned)__builtin_clzll(n - 1);
	SPIN_GUARD(&frames.lock);
	u64 pfn = NO_FRAME;

	if (!must_fail() && frames.free >= frames.reserve + n)
		pfn = find_block(order);
	if (pfn == NO_FRAME || pfn + n > PFN(limit))
		return NO_FRAME;
	frames.free -= set_free(pfn, pfn + n, false);
	frame_owner_take(pfn << PAGE_SHIFT, n);
	return pfn << PAGE_SHIFT;
}

phys_addr_t frame_alloc_contiguous(unsigned n, phys_addr_t limit)
{
	phys_addr_t pa = frame_alloc_run(n, limit);

	if (pa != NO_FRAME)
		memset(phys_to_virt(pa), 0, n * PAGE_SIZE);
	return pa;
}

/* The lock is held.  Panics if the frame is none that somebody has. */
static void check_taken(u64 pfn)
{
	if (is_set(frames.bitmap, pfn) || is_set(frames.is_clean, pfn) ||
	    !is_set(frames.managed, pfn))
		panic("frame: %#lx freed %s", pfn << PAGE_SHIFT,
		      is_set(frames.managed, pfn) ? "twice" : "that was never managed");
}

/* One frame is free from now on.  With its neighbour taken it makes no larger block. */
static void give(u64 pfn)
{
	const u8 *ranks = (const u8 *)frames.tree[0];
	u64 word = pfn / 64;

	check_taken(pfn);
	frames.bitmap[word] |= BIT(pfn % 64);
	if (word != frames.stock && (!ranks[word] || is_set(frames.bitmap, pfn ^ 1)))
		update_tree(word);
	frames.free++;
	frame_owner_give(pfn << PAGE_SHIFT, 1);
}

void frame_free(phys_addr_t pa)
{
	frame_free_many(&pa, 1);
}

void frame_free_many(const phys_addr_t pa[], unsigned n)
{
	SPIN_GUARD(&frames.lock);

	for (unsigned i = 0; i < n; i++) {
		ASSERT_OP(pa[i] % PAGE_SIZE, ==, 0);
		ASSERT_OP(pa[i], <, frames.top);
		give(PFN(pa[i]));
	}
}

void frame_free_clean(phys_addr_t pa)
{
	SPIN_GUARD(&frames.lock);

	frame_owner_check_clean(pa);
	if (frames.clean_count == CLEAN_MAX) {
		give(PFN(pa));
		return;
	}
	check_taken(PFN(pa));
	frames.clean[frames.clean_count++] = pa;
	frames.is_clean[PFN(pa) / 64] |= BIT(PFN(pa) % 64);
	frames.free++;
	frame_owner_give(pa, 1);
}

void frame_free_contiguous(phys_addr_t pa, unsigned n)
{
	ASSERT_OP(pa % PAGE_SIZE, ==, 0);
	ASSERT_OP(pa + n * PAGE_SIZE, <=, frames.top);
	SPIN_GUARD(&frames.lock);
	for (u64 pfn = PFN(pa); pfn < PFN(pa) + n; pfn++)
		check_taken(pfn);
	frames.free += set_free(PFN(pa), PFN(pa) + n, true);
	frame_owner_give(pa, n);
}

void frame_free_object(void *object, size_t size, unsigned n)
{
	memset(object, FRAME_POISON & 0xff, size);
	if (n == 1)
		frame_free(virt_to_phys(object));
	else
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
