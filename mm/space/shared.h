/*
 * Memory that several address spaces show: what MAP_SHARED | MAP_ANONYMOUS
 * makes, and fork hands on.
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

/* No two objects of this kernel's life have the same, nor any address space. */
u64 shared_id(const struct shared *s);

/*
 * Its frames, tree and all, the first time it is asked in a round; else 0.  The
 * caller has a hold, and counts the rounds.
 */
u64 shared_measure(struct shared *s, u32 round);

#endif
