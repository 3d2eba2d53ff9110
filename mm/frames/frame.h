/*
 * The physical memory allocator: which 4 KiB frames of RAM are free.
 */
#ifndef MM_FRAMES_FRAME_H
#define MM_FRAMES_FRAME_H

#include "kernel/base/types.h"

/* What frame_alloc() and its kin return when there is none. */
#define NO_FRAME (~(phys_addr_t)0)

struct frame_stats {
	u64 total; /* frames of RAM under management */
	u64 free;
	u64 reserve; /* of those that are free, kept back */
	u64 top;     /* one past the highest managed address */
};

/*
 * Starts with no frame free and room for `top` bytes of physical addresses.
 * `bitmap` holds at least frame_bitmap_bytes(top) bytes of zeroes, 8-aligned;
 * `top` is above 0.
 */
void frame_init(void *bitmap, phys_addr_t top);
size_t frame_bitmap_bytes(phys_addr_t top);

/* Behind the bitmaps: a count for each frame below the top, for mm/frames/holders.c alone. */
extern u32 *frame_others;

/*
 * Hands [start, end) to the allocator (both rounded inwards), or takes a part
 * of what was handed over back for good (rounded outwards).  Boot only.
 */
void frame_add_range(phys_addr_t start, phys_addr_t end);
void frame_reserve_range(phys_addr_t start, phys_addr_t end);

/*
 * The last n free frames are kept back from all but frame_alloc_reserved().  Boot
 * and tests; at first there is no reserve.
 */
void frame_set_reserve(u64 n);

/*
 * One frame, contents unknown, or zeroed.  Returns its physical address,
 * or NO_FRAME.  Any context, any CPU.
 */
phys_addr_t frame_alloc(void);
phys_addr_t frame_alloc_zeroed(void);

/* The same, from the reserve as well: for what must not wait for memory. */
phys_addr_t frame_alloc_reserved(void);

/*
 * Is a frame free that frame_alloc() would give?  False as well while tests make
 * allocations fail.
 */
bool frame_is_free(void);

/*
 * n contiguous frames (1 to 64), all below `limit` bytes, the first at a multiple of n
 * frames, n rounded up to a power of two: zeroed, or by frame_alloc_run() with contents
 * unknown.  Returns the address of the first, or NO_FRAME.  Any context, any CPU.
 */
phys_addr_t frame_alloc_contiguous(unsigned n, phys_addr_t limit);
phys_addr_t frame_alloc_run(unsigned n, phys_addr_t limit);

/* Panics if the frame is free already or was never managed. */
void frame_free(phys_addr_t pa);
void frame_free_contiguous(phys_addr_t pa, unsigned n);

/* The same for n frames (64 at most) under one lock. */
void frame_free_many(const phys_addr_t pa[], unsigned n);

/*
 * The same for a frame that its owner has left full of zeroes (a page table all of whose
 * entries have been taken out): frame_alloc_zeroed() gives it out as it is.
 */
void frame_free_clean(phys_addr_t pa);

/*
 * Gives back an object of n whole frames that others had pointers to, its first `size`
 * bytes filled with FRAME_POISON: no canonical address, with the offset of any field
 * neither, so a pointer read from it after this faults when it is followed.
 */
#define FRAME_POISON 0x6b6b6b6b6b6b6b6bULL
void frame_free_object(void *object, size_t size, unsigned n);

struct frame_stats frame_stats(void);

/*
 * For tests of -ENOMEM paths: after n more allocations every one fails.
 * A negative n ends it.  The other: is it so?
 */
void frame_fail_after(long n);
bool frame_is_failing(void);

#endif
