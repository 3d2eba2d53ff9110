/*
 * Which bytes of a frame are an object's.  The kernel that people boot keeps no such
 * record; the sanitizing build (`make sanitize`) does, in tests/sanitize/frames.c, and
 * stops at an access to the others.
 */
#ifndef MM_FRAMES_LIVE_H
#define MM_FRAMES_LIVE_H

#include "kernel/base/types.h"

/* The object at the start of frames just taken has `size` bytes; none lie beyond. */
static inline void live_object(const void *object __unused, size_t size __unused) {}

/*
 * Of that object of `size` bytes the first `used` are in use: the rest is room, which
 * may be copied with the whole and must not be looked at.
 */
static inline void live_part(const void *object __unused, size_t size __unused,
			     size_t used __unused)
{
}

/*
 * Bytes of a frame just taken, from `offset` on, are objects or are free: both numbers are
 * multiples of 64.
 */
static inline void live_slots(const void *frame __unused, u64 offset __unused, u64 size __unused,
			      bool live __unused)
{
}

/* May an address space that has ended be kept for the next one?  There it is dead. */
static inline bool live_may_keep(void)
{
	return true;
}

/* Frames that were given back may be given out again from now on: for tests. */
static inline void live_settle(void) {}

#endif
