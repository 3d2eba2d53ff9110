/*
 * The sanitizing build's ledger of frames: for each frame whether it is taken, how
 * much of it is an object, and the back-traces of who took it and gave it back.
 *
 * Two things make a stray access meet memory that is not live, as long as there is
 * memory enough:
 *   - behind what is taken lies one more frame, a guard;
 *   - what is given back waits in a queue, the quarantine, before mm/frames/frame.c may
 *     give it out again.
 * Both count as free to those who ask (frame_stats()), and both end when an
 * allocation would fail otherwise.  Guards that end are single frames, each between two that
 * are taken: so there are few, or no two frames in a row would be left for a pair of PGDs.
 *
 * The table lies in RAM, behind the place of mm/frames/frame.c's own bitmap.
 */
#include "kernel/base/format.h"
#include "kernel/base/log.h"
#include "kernel/base/phys.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/frames/frame_owner.h"
#include "mm/frames/live.h"
#include "mm/kernel_map.h"
#include "tests/sanitize/sanitize.h"

#define QUARANTINE_ENTRIES 8192U
#define QUARANTINE_SHARE 8 /* of all memory */
#define GUARD_SHARE 4      /* no guards once more than this share is taken */
#define BLOCK_MAX 64       /* mm/frames/frame.h: n contiguous frames */
#define FRESH 0xa5         /* what a frame is full of whose contents are unknown */

struct frame_record *frame_records;
u64 frame_records_count;

static u32 lock;
static u64 guards; /* frames */
static struct {
	struct { u64 pfn, n; } entry[QUARANTINE_ENTRIES];
	unsigned first, count;
	u64 frames;
} quarantine; /* under the lock */

void __real_kernel_map_init_frames(const struct boot_info *bi);
void __wrap_kernel_map_init_frames(const struct boot_info *bi);
void __real_frame_add_range(phys_addr_t start, phys_addr_t end);
void __wrap_frame_add_range(phys_addr_t start, phys_addr_t end);
void __real_frame_reserve_range(phys_addr_t start, phys_addr_t end);
void __wrap_frame_reserve_range(phys_addr_t start, phys_addr_t end);
phys_addr_t __real_frame_alloc(void);
phys_addr_t __wrap_frame_alloc(void);
phys_addr_t __real_frame_alloc_zeroed(void);
phys_addr_t __wrap_frame_alloc_zeroed(void);
phys_addr_t __real_frame_alloc_reserved(void);
phys_addr_t __wrap_frame_alloc_reserved(void);
phys_addr_t __real_frame_alloc_contiguous(unsigned n, phys_addr_t limit);
phys_addr_t __wrap_frame_alloc_contiguous(unsigned n, phys_addr_t limit);
phys_addr_t __real_frame_alloc_run(unsigned n, phys_addr_t limit);
phys_addr_t __wrap_frame_alloc_run(unsigned n, phys_addr_t limit);
void __real_frame_free_contiguous(phys_addr_t pa, unsigned n);
void __wrap_frame_free_contiguous(phys_addr_t pa, unsigned n);
void __wrap_frame_free(phys_addr_t pa);
void __wrap_frame_free_many(const phys_addr_t pa[], unsigned n);
void __wrap_frame_free_clean(phys_addr_t pa);
void __wrap_frame_free_object(void *object, size_t size, unsigned n);
struct frame_stats __real_frame_stats(void);
struct frame_stats __wrap_frame_stats(void);
bool __real_frame_is_free(void);
bool __wrap_frame_is_free(void);

/* ---- The table ------------------------------------------------------------------- */

static void set_state(u64 pfn, u64 end, enum frame_state state)
{
	u16 live = state == FRAME_FREE || state == FRAME_GUARD ? 0 : PAGE_SIZE;

	for (; pfn < MIN(end, frame_records_count); pfn++) {
		struct frame_record *r = &frame_records[pfn];

		r->state = (u8)state;
		r->size = r->used = live;
		r->has_pieces = false;
		r->dead_pieces = 0;
	}
}

/* Room for both is looked for as for the bitmap alone, so that lies in front, or lower. */
void __wrap_kernel_map_init_frames(const struct boot_info *bi)
{
	phys_addr_t top = 0, at;
	u64 bytes, bitmap;

	for (unsigned i = 0; i < bi->region_count; i++)
		if (bi->regions[i].type == BOOT_REGION_RAM)
			top = MAX(top, bi->regions[i].end);
	bytes = ALIGN_UP(PFN(top) * sizeof(struct frame_record), PAGE_SIZE);
	bitmap = ALIGN_UP(frame_bitmap_bytes(top), PAGE_SIZE);
	at = kernel_map_find_room(bi, bitmap + bytes);
	if (!at)
		refuse("sanitize: found no room for the table of frames, expected %lu KiB",
		       bytes >> 10);
	frame_records = phys_to_virt(at + bitmap);
	memset(frame_records, 0, bytes);
	frame_records_count = PFN(top);
	set_state(0, frame_records_count, FRAME_NOT_OURS);
	__real_kernel_map_init_frames(bi);
	__wrap_frame_reserve_range(at + bitmap, at + bitmap + bytes);
}

void __wrap_frame_add_range(phys_addr_t start, phys_addr_t end)
{
	__real_frame_add_range(start, end);
	set_state(PFN(ALIGN_UP(start, PAGE_SIZE)), PFN(end), FRAME_FREE);
}

void __wrap_frame_reserve_range(phys_addr_t start, phys_addr_t end)
{
	__real_frame_reserve_range(start, end);
	set_state(PFN(start), PFN(ALIGN_UP(end, PAGE_SIZE)), FRAME_NOT_OURS);
}

/* ---- What mm/frames/frame.c says, its lock held ------------------------------------------- */

void frame_owner_take(phys_addr_t pa, unsigned n)
{
	set_state(PFN(pa), PFN(pa) + n, FRAME_TAKEN);
}

void frame_owner_give(phys_addr_t pa, unsigned n)
{
	set_state(PFN(pa), PFN(pa) + n, FRAME_FREE);
}

/* ---- What the kernel says of its objects ---------------------------------------------- */

void live_object(const void *object, size_t size)
{
	live_part(object, size, size);
}

void live_part(const void *object, size_t size, size_t used)
{
	struct frame_record *r = frame_record_of((u64)object);

	for (size_t at = 0; r && at < size; at += PAGE_SIZE, r++) {
		r->size = (u16)MIN(size - at, PAGE_SIZE);
		r->used = (u16)(used > at ? MIN(used - at, r->size) : 0);
	}
}

/* Its own CPU may be told of an object while another is told of the next. */
void live_slots(const void *frame, u64 offset, u64 size, bool live)
{
	struct frame_record *r = frame_record_of((u64)frame);
	u64 pieces = (size / 64 == 64 ? 0 : BIT(size / 64)) - 1;

	if (!r)
		return;
	pieces <<= offset / 64;
	if (live)
		__atomic_fetch_and(&r->dead_pieces, ~pieces, __ATOMIC_RELAXED);
	else
		__atomic_fetch_or(&r->dead_pieces, pieces, __ATOMIC_RELAXED);
}

/* ---- Answers -------------------------------------------------------------------------- */

/* A piece of 64 bytes is a bit. */
static bool touches_dead_piece(const struct frame_record *r, u64 off, u64 n)
{
	u64 first = off / 64, last = (off + n - 1) / 64;

	return r->dead_pieces << (63 - last) >> (63 - last) >> first;
}

bool frames_are_live(u64 addr, u64 size, bool whole)
{
	while (size > 0) {
		const struct frame_record *r = frame_record_of(addr);
		u64 off = addr % PAGE_SIZE, n = MIN(size, PAGE_SIZE - off);

		if (!r)
			return true;
		if (off + n > (whole ? r->size : r->used))
			return false;
		if (unlikely(r->dead_pieces) && touches_dead_piece(r, off, n))
			return false;
		addr += n;
		size -= n;
	}
	return true;
}

/* The object that ends in the frame before this one, or its own. */
void frames_explain(u64 addr, struct finding *f)
{
	const struct frame_record *r = frame_record_of(addr);
	u64 off = addr % PAGE_SIZE;

	if (!r)
		return;
	f->taken = &r->taken;
	if (r->state == FRAME_FREE) {
		f->freed = &r->freed;
		format(f->text, sizeof(f->text), "%lu bytes into a frame that %s", off,
		       r->freed.caller[0] ? "has been given back" : "nobody has taken");
	} else if (r->state == FRAME_GUARD) {
		format(f->text, sizeof(f->text),
		       "%lu bytes beyond the end of what was taken", off);
	} else if (off >= r->size) {
		format(f->text, sizeof(f->text),
		       "%lu bytes beyond the end of the object in this frame", off - r->size);
	} else if (off < r->used) {
		format(f->text, sizeof(f->text), "%lu bytes into a frame, in an object that is free",
		       off);
	} else {
		format(f->text, sizeof(f->text),
		       "%lu bytes beyond what is in use of the object", off - r->used);
	}
}

/* ---- The quarantine; the lock is held ---------------------------------------------------- */

static void release_oldest(void)
{
	u64 pfn = quarantine.entry[quarantine.first].pfn;
	u64 n = quarantine.entry[quarantine.first].n;

	quarantine.first = (quarantine.first + 1) % QUARANTINE_ENTRIES;
	quarantine.count--;
	quarantine.frames -= n;
	__real_frame_free_contiguous(pfn << PAGE_SHIFT, (unsigned)n);
}

static void put_in_quarantine(u64 pfn, u64 n)
{
	unsigned at;

	if (quarantine.count == QUARANTINE_ENTRIES)
		release_oldest();
	at = (quarantine.first + quarantine.count++) % QUARANTINE_ENTRIES;
	quarantine.entry[at].pfn = pfn;
	quarantine.entry[at].n = n;
	quarantine.frames += n;
	while (quarantine.frames > __real_frame_stats().total / QUARANTINE_SHARE)
		release_oldest();
}

/* What is taken stays so; its guard is free. */
static void drop_guards(void)
{
	for (u64 pfn = 0; pfn < frame_records_count && guards > 0; pfn++) {
		if (frame_records[pfn].state != FRAME_GUARD)
			continue;
		__atomic_fetch_sub(&guards, 1, __ATOMIC_RELAXED);
		__real_frame_free_contiguous(pfn << PAGE_SHIFT, 1);
	}
}

void live_settle(void)
{
	u64 flags = quiet_lock(&lock);

	while (quarantine.count > 0)
		release_oldest();
	quiet_unlock(&lock, flags);
}

/* False: there was none. */
static bool give_all_back(void)
{
	u64 flags;
	bool some;

	if (frame_is_failing())
		return false;
	flags = quiet_lock(&lock);
	some = quarantine.count > 0 || guards > 0;
	while (quarantine.count > 0)
		release_oldest();
	drop_guards();
	quiet_unlock(&lock, flags);
	return some;
}

struct frame_stats __wrap_frame_stats(void)
{
	u64 flags = quiet_lock(&lock);
	struct frame_stats stats = __real_frame_stats();

	stats.free += quarantine.frames + guards;
	quiet_unlock(&lock, flags);
	return stats;
}

bool __wrap_frame_is_free(void)
{
	struct frame_stats stats = __wrap_frame_stats();

	return !frame_is_failing() && stats.free > stats.reserve;
}

/* ---- Taking ---------------------------------------------------------------------------- */

static __always_inline void note_taker(phys_addr_t pa, unsigned n)
{
	struct stack_trace by;

	if (pa == NO_FRAME)
		return;
	trace_here(&by);
	for (u64 pfn = PFN(pa); pfn < MIN(PFN(pa) + n, frame_records_count); pfn++)
		frame_records[pfn].taken = by;
}

/* With a guard behind them: zeroed frames, or NO_FRAME. */
static __always_inline phys_addr_t alloc_guarded(unsigned n, phys_addr_t limit)
{
	struct frame_stats stats = __real_frame_stats();
	phys_addr_t pa;

	if (n >= BLOCK_MAX || stats.total - stats.free > stats.total / GUARD_SHARE ||
	    !frame_records)
		return NO_FRAME;
	pa = __real_frame_alloc_contiguous(n + 1, limit);
	if (pa == NO_FRAME)
		return NO_FRAME;
	__atomic_fetch_add(&guards, 1, __ATOMIC_RELAXED);
	set_state(PFN(pa) + n, PFN(pa) + n + 1, FRAME_GUARD);
	note_taker(pa, n + 1);
	return pa;
}

phys_addr_t __wrap_frame_alloc_contiguous(unsigned n, phys_addr_t limit)
{
	phys_addr_t pa = alloc_guarded(n, limit);

	if (pa != NO_FRAME)
		return pa;
	pa = __real_frame_alloc_contiguous(n, limit);
	if (pa == NO_FRAME && give_all_back())
		pa = __real_frame_alloc_contiguous(n, limit);
	note_taker(pa, n);
	return pa;
}

phys_addr_t __wrap_frame_alloc_run(unsigned n, phys_addr_t limit)
{
	phys_addr_t pa = __wrap_frame_alloc_contiguous(n, limit);

	if (pa != NO_FRAME)
		memset(phys_to_virt(pa), FRESH, n * PAGE_SIZE);
	return pa;
}

phys_addr_t __wrap_frame_alloc_zeroed(void)
{
	phys_addr_t pa = alloc_guarded(1, NO_FRAME);

	if (pa != NO_FRAME)
		return pa;
	pa = __real_frame_alloc_zeroed();
	if (pa == NO_FRAME && give_all_back())
		pa = __real_frame_alloc_zeroed();
	note_taker(pa, 1);
	return pa;
}

phys_addr_t __wrap_frame_alloc(void)
{
	phys_addr_t pa = alloc_guarded(1, NO_FRAME);

	if (pa == NO_FRAME) {
		pa = __real_frame_alloc();
		if (pa == NO_FRAME && give_all_back())
			pa = __real_frame_alloc();
		note_taker(pa, 1);
	}
	if (pa != NO_FRAME)
		memset(phys_to_virt(pa), FRESH, PAGE_SIZE);
	return pa;
}

phys_addr_t __wrap_frame_alloc_reserved(void)
{
	phys_addr_t pa = __real_frame_alloc_reserved();

	if (pa == NO_FRAME && give_all_back())
		pa = __real_frame_alloc_reserved();
	note_taker(pa, 1);
	return pa;
}

/* ---- Giving back ------------------------------------------------------------------------- */

/* Its guard goes with it. */
static __always_inline void give_back(u64 pfn, u64 n)
{
	struct stack_trace by;
	u64 flags;

	trace_here(&by);
	flags = quiet_lock(&lock);
	if (pfn + n < frame_records_count && frame_records[pfn + n].state == FRAME_GUARD) {
		__atomic_fetch_sub(&guards, 1, __ATOMIC_RELAXED);
		n++;
	}
	for (u64 i = pfn; i < pfn + n; i++)
		frame_records[i].freed = by;
	set_state(pfn, pfn + n, FRAME_FREE);
	put_in_quarantine(pfn, n);
	quiet_unlock(&lock, flags);
}

/* What was never ours to give is for mm/frames/frame.c to complain of. */
void __wrap_frame_free_contiguous(phys_addr_t pa, unsigned n)
{
	for (u64 pfn = PFN(pa); pfn < PFN(pa) + n; pfn++) {
		if (pa % PAGE_SIZE || pfn >= frame_records_count ||
		    frame_records[pfn].state == FRAME_NOT_OURS) {
			__real_frame_free_contiguous(pa, n);
			return;
		}
		if (frame_records[pfn].state != FRAME_TAKEN)
			report_double_free(DIRECT_MAP_BASE + (pfn << PAGE_SHIFT));
	}
	give_back(PFN(pa), n);
}

void __wrap_frame_free(phys_addr_t pa)
{
	__wrap_frame_free_contiguous(pa, 1);
}

void __wrap_frame_free_many(const phys_addr_t pa[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__wrap_frame_free_contiguous(pa[i], 1);
}

void __wrap_frame_free_clean(phys_addr_t pa)
{
	__wrap_frame_free_contiguous(pa, 1);
}

void __wrap_frame_free_object(void *object, size_t size, unsigned n)
{
	u64 *words = object;

	for (size_t i = 0; i < size / sizeof(u64); i++)
		words[i] = FRAME_POISON;
	__wrap_frame_free_contiguous(virt_to_phys(object), n);
}
