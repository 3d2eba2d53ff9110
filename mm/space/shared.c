/*
 * Shared memory objects: what MAP_SHARED | MAP_ANONYMOUS makes, and the contents of regular
 * files.  An object keeps its frames in a tree of its own that is built like a page table,
 * with the offset for an address; no processor ever walks it.  The page tables of the
 * processes that map the object get their entries from it one by one, at the first touch,
 * marked PTE_SHARED: such a frame is not theirs to free.
 *
 * An anonymous object has the size of the mmap that made it, as on Linux: mremap makes an
 * area larger, not the object, and what lies behind its end is SIGBUS.
 *
 * A file's bytes may lie elsewhere at first, in the initramfs: a page of them gets a frame
 * when it is first written or mapped.  The frame of a file's first page is in no tree, for
 * most files have no other.  While files have more of all memory than shared_files_keep()
 * lets them, they get no new frame.
 *
 * Invariant: while an entry of a page table shows a frame, the area around it
 * holds the object; so a file that is made shorter keeps the frames behind its end, full of
 * zeroes, while anybody maps it.
 */
#include "kernel/base/errno.h"
#include "kernel/base/phys.h"
#include "kernel/base/seams.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "mm/frames/frame.h"
#include "mm/frames/holders.h"
#include "mm/frames/slab.h"
#include "mm/space/pt_range.h"
#include "mm/space/shared.h"

#define ZERO_BATCH 16 /* pages, before others may have the lock */

struct shared {
	u32 holds;
	u32 measured; /* in this round: shared_measure() */
	u64 id;
	bool is_file;
	/* The lock guards what follows. */
	u64 frames;      /* of its content and its tree, the root included */
	u64 size;        /* bytes; areas may reach beyond it */
	const u8 *bytes; /* of a file: those in front of bytes_end are here, but for pages */
	u64 bytes_end;   /* that have a frame */
	pte_t first;     /* of a file: the entry of its first page */
	pte_t *root;     /* NULL: there is no other page yet */
};

static struct slab objects = SLAB("shared object", struct shared);
static struct spinlock lock = SPINLOCK(LOCK_SHARED); /* of all trees */
static u64 kept_free;                                /* frames that files leave to others */

u64 space_id_new(void)
{
	static u64 last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

struct shared *shared_alloc(u64 size)
{
	struct shared *s = slab_alloc(&objects);

	if (!s)
		return NULL;
	s->holds = 1;
	s->id = space_id_new();
	s->size = size;
	return s;
}

struct shared *shared_of_file(const u8 *bytes, u64 size)
{
	struct shared *s = shared_alloc(size);

	if (!s)
		return NULL;
	s->is_file = true;
	s->bytes = bytes;
	s->bytes_end = size;
	return s;
}

void shared_get(struct shared *s)
{
	__atomic_fetch_add(&s->holds, 1, __ATOMIC_RELAXED);
}

static int free_leaf(const struct pt_leaf *leaf, void *arg __unused)
{
	frame_release(leaf->pa);
	seam_long_work_point();
	return 0;
}

void shared_put(struct shared *s)
{
	if (__atomic_sub_fetch(&s->holds, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (s->first)
		frame_release(s->first & PTE_ADDR_MASK);
	if (s->root) {
		pt_for_each_leaf(s->root, 0, PT_ENTRIES - 1, free_leaf, NULL);
		pt_free_tables(s->root, 0, PT_ENTRIES - 1);
		frame_free(virt_to_phys(s->root));
	}
	slab_free(&objects, s);
}

/* ---- Frames; the lock is held ------------------------------------------------------- */

/* The entry of the offset; NULL: it has none (no memory for one, if it is to be made). */
static pte_t *place_of(struct shared *s, u64 offset, bool make)
{
	unsigned missing;
	phys_addr_t root;
	pte_t *entry;

	if (s->is_file && offset < PAGE_SIZE)
		return &s->first;
	if (!s->root) {
		root = make ? frame_alloc_zeroed() : NO_FRAME;
		if (root == NO_FRAME)
			return NULL;
		s->root = phys_to_virt(root);
		s->frames++;
	}
	missing = pt_missing(s->root, offset);
	if (missing && !make)
		return NULL;
	entry = pt_entry(s->root, offset, 1, true);
	s->frames += missing - pt_missing(s->root, offset);
	return entry;
}

/* What a page without a frame has in it. */
static void fill(const struct shared *s, u64 page, u8 *to)
{
	u64 n = s->bytes_end > page ? MIN(s->bytes_end - page, PAGE_SIZE) : 0;

	memcpy(to, s->bytes + page, n);
	memset(to + n, 0, PAGE_SIZE - n);
}

static int make_frame(struct shared *s, u64 offset, pte_t *entry)
{
	phys_addr_t pa = frame_alloc();

	if (pa == NO_FRAME)
		return -ENOFRAME;
	fill(s, ALIGN_DOWN(offset, PAGE_SIZE), phys_to_virt(pa));
	*entry = pa | PTE_P;
	s->frames++;
	return 0;
}

/* A file's own promise to others comes first: -ENOSPC. */
static int need_frame(struct shared *s, u64 offset, phys_addr_t *pa)
{
	pte_t *entry = place_of(s, offset, false);
	int err = 0;

	if (entry && *entry) {
		*pa = *entry & PTE_ADDR_MASK;
		return 0;
	}
	if (s->is_file && !shared_files_may_grow())
		return -ENOSPC;
	entry = place_of(s, offset, true);
	err = entry ? make_frame(s, offset, entry) : -ENOFRAME;
	if (!err)
		*pa = *entry & PTE_ADDR_MASK;
	return err;
}

int shared_frame(struct shared *s, u64 offset, phys_addr_t *pa)
{
	int err;

	*pa = NO_FRAME;
	SPIN_GUARD(&lock);
	if (offset >= s->size)
		return -ENXIO;
	err = need_frame(s, offset, pa);
	return err == -ENOSPC ? -ENXIO : err;
}

/* ---- Files --------------------------------------------------------------------------- */

void shared_files_keep(u64 frames)
{
	kept_free = frames;
}

u64 shared_files_room(void)
{
	u64 n = frame_stats().free;

	return n > kept_free ? n - kept_free : 0;
}

bool shared_files_may_grow(void)
{
	return shared_files_room() > 0;
}

u64 shared_size(const struct shared *s)
{
	return __atomic_load_n(&s->size, __ATOMIC_ACQUIRE);
}

bool shared_is_mapped(const struct shared *s)
{
	return __atomic_load_n(&s->holds, __ATOMIC_ACQUIRE) > 1;
}

const u8 *shared_peek(struct shared *s, u64 offset, phys_addr_t *pa, u64 *n)
{
	static const u8 zeroes[PAGE_SIZE];
	u64 in_page = offset % PAGE_SIZE;
	pte_t *entry;

	*pa = NO_FRAME;
	SPIN_GUARD(&lock);
	*n = offset < s->size ? MIN(s->size - offset, PAGE_SIZE - in_page) : 0;
	entry = *n ? place_of(s, offset, false) : NULL;
	if (entry && *entry) {
		*pa = *entry & PTE_ADDR_MASK;
		frame_hold(*pa);
		return (const u8 *)phys_to_virt(*pa) + in_page;
	}
	if (offset >= s->bytes_end)
		return zeroes + in_page;
	*n = MIN(*n, s->bytes_end - offset);
	return s->bytes + offset;
}

int shared_hold_frame(struct shared *s, u64 offset, phys_addr_t *pa)
{
	SPIN_GUARD(&lock);
	int err = need_frame(s, offset, pa);

	if (!err)
		frame_hold(*pa);
	return err;
}

const u8 *shared_bytes(struct shared *s)
{
	SPIN_GUARD(&lock);

	return s->frames == 0 && s->bytes_end == s->size ? s->bytes : NULL;
}

void shared_grow(struct shared *s, u64 size)
{
	SPIN_GUARD(&lock);

	if (size > s->size)
		__atomic_store_n(&s->size, size, __ATOMIC_RELEASE);
}

/*
 * Of the pages at *at and behind, those that one table has the entries of, and at most a few:
 * gives them back, or fills them with zeroes if somebody maps them.  False: there are none.
 */
static bool cut_some(struct shared *s, u64 *at, u64 end)
{
	unsigned count, n = 0;
	pte_t *entry;
	SPIN_GUARD(&lock);

	entry = s->root ? pt_next_entries(s->root, at, end, &count) : NULL;
	for (; entry && n < count && n < ZERO_BATCH; n++, entry++) {
		phys_addr_t pa = *entry & PTE_ADDR_MASK;

		if (!*entry)
			continue;
		if (shared_is_mapped(s)) {
			memset(phys_to_virt(pa), 0, PAGE_SIZE);
			continue;
		}
		*entry = 0;
		s->frames--;
		frame_release(pa);
	}
	*at += n * PAGE_SIZE;
	return n > 0;
}

/* Zeroes behind the end in the last page, if it has a frame; a first page may go whole. */
static void cut_last_page(struct shared *s, u64 size)
{
	pte_t *entry = size % PAGE_SIZE || size == 0 ? place_of(s, size, false) : NULL;

	if (!entry || !*entry)
		return;
	if (size == 0 && !shared_is_mapped(s)) {
		frame_release(*entry & PTE_ADDR_MASK);
		*entry = 0;
		s->frames--;
		return;
	}
	memset((u8 *)phys_to_virt(*entry & PTE_ADDR_MASK) + size % PAGE_SIZE, 0,
	       PAGE_SIZE - size % PAGE_SIZE);
}

void shared_resize(struct shared *s, u64 size)
{
	u64 at = MAX(ALIGN_UP(size, PAGE_SIZE), PAGE_SIZE), old = 0;

	SPIN_SCOPE(&lock) {
		old = s->size;
		s->bytes_end = MIN(s->bytes_end, size);
		__atomic_store_n(&s->size, size, __ATOMIC_RELEASE);
		if (size < old)
			cut_last_page(s, size);
	}
	while (at < old && cut_some(s, &at, old))
		seam_long_work_point();
}

u64 shared_id(const struct shared *s)
{
	return s->id;
}

u64 shared_measure(struct shared *s, u32 round)
{
	if (s->measured == round || s->is_file) /* a file does not end with who maps it */
		return 0;
	s->measured = round;
	return s->frames;
}
