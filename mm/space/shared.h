/*
 * Memory that several address spaces show: what MAP_SHARED | MAP_ANONYMOUS
 * makes, and fork hands on; and the contents of regular files, mapped or not.
 */
#ifndef MM_SPACE_SHARED_H
#define MM_SPACE_SHARED_H

#include "kernel/base/types.h"

struct shared;

/* A name for an object or an address space that no other ever has (futexes). */
u64 space_id_new(void);

/* An empty object of `size` bytes with one hold on it, or NULL: no memory. */
struct shared *shared_alloc(u64 size);

/*
 * Each area holds its object; the last to let go frees it and its frames, which
 * lets other tasks run meanwhile.
 */
void shared_get(struct shared *s);
void shared_put(struct shared *s);

/*
 * The frame at an offset, zeroed at the first time: 0, -ENOFRAME, or -ENXIO: the
 * object ends in front of it.  Any context, several CPUs.
 */
int shared_frame(struct shared *s, u64 offset, phys_addr_t *pa);

/* ---- Files: kernel/fs/ ------------------------------------------------------------- */

/*
 * The contents of a file with one hold, which are the `size` bytes at `bytes` as long as
 * nobody writes; they stay there for good.  NULL: no memory.
 */
struct shared *shared_of_file(const u8 *bytes, u64 size);

/*
 * So many frames files leave free, all together; boot.  The other: may they have one more
 * now?  Any context.
 */
void shared_files_keep(u64 frames);
bool shared_files_may_grow(void);

/* How many they may have. */
u64 shared_files_room(void);

#define SHARED_SIZE_MAX (1ULL << 47) /* bytes that a tree has room for */

u64 shared_size(const struct shared *s);

/* Does anybody hold it but its file? */
bool shared_is_mapped(const struct shared *s);

/*
 * For reading: where the bytes at the offset are, and in *n how many of them lie there in one
 * piece, at most to the end of a page or of the object (0: it ends in front of the offset).
 * If they are in a frame, *pa is it, held for the caller, who calls frame_release(); else
 * NO_FRAME.
 */
const u8 *shared_peek(struct shared *s, u64 offset, phys_addr_t *pa, u64 *n);

/*
 * For writing: the frame of the offset (below SHARED_SIZE_MAX, but perhaps behind the end),
 * made if there is none, held for the caller.  0, -ENOSPC, -ENOFRAME.
 */
int shared_hold_frame(struct shared *s, u64 offset, phys_addr_t *pa);

/* All bytes in one piece, or NULL: some have been written or mapped, or the size is another. */
const u8 *shared_bytes(struct shared *s);

/*
 * Has at least that size from now on, or exactly that; what comes behind the old end is
 * zeroes.  The caller sees to it that only one at a time changes an object.  Context of
 * shared_resize(): a task's, no spinlock held; lets other tasks run.
 */
void shared_grow(struct shared *s, u64 size);
void shared_resize(struct shared *s, u64 size);

/* ---- Names and numbers ------------------------------------------------------------- */

/* No two objects of this kernel's life have the same, nor any address space. */
u64 shared_id(const struct shared *s);

/*
 * Its frames, tree and all, the first time it is asked in a round; else, or of a file, 0.  The
 * caller has a hold, and counts the rounds.
 */
u64 shared_measure(struct shared *s, u32 round);

#endif
