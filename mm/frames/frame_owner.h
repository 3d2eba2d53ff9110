/*
 * Which code took each frame.  The kernel that people boot keeps no such record; the
 * debug build (`make DEBUG=1`) does, in tests/debug/frame_owner.c, and prints what
 * was not given back when a suite has lost frames.
 */
#ifndef MM_FRAMES_FRAME_OWNER_H
#define MM_FRAMES_FRAME_OWNER_H

#include "kernel/base/types.h"

/* By mm/frames/frame.c, whose lock is held. */
static inline void frame_owner_take(phys_addr_t pa __unused, unsigned n __unused) {}

static inline void frame_owner_give(phys_addr_t pa __unused, unsigned n __unused) {}

/* Is it all zeroes, as its owner says?  The debug build panics if it is not. */
static inline void frame_owner_check_clean(phys_addr_t pa __unused) {}

/* What is taken now is as it should be. */
static inline void frame_owner_mark(void) {}

/* Prints, as lines of a KTAP stream, what has been taken or given since. */
static inline void frame_owner_print(void) {}

#endif
