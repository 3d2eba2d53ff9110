/*
 * Memory that several address spaces show: what MAP_SHARED | MAP_ANONYMOUS
 * makes, and fork hands on.
 */
#ifndef MM_SHARED_H
#define MM_SHARED_H

#include "kernel/base/types.h"

struct shared;

/* An empty object with one hold on it, or NULL: no memory. */
struct shared *shared_alloc(void);

/*
 * Each area holds its object; the last to let go frees it and its frames, which
 * lets other tasks run meanwhile.
 */
void shared_get(struct shared *s);
void shared_put(struct shared *s);

/*
 * The frame at an offset (below USER_END), zeroed at the first time.  NO_FRAME:
 * no memory.  Any context, several CPUs.
 */
phys_addr_t shared_frame(struct shared *s, u64 offset);

#endif
