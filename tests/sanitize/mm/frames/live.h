/*
 * The twin of mm/frames/live.h in a sanitizing build: tests/sanitize/frames.c.
 */
#ifndef MM_FRAMES_LIVE_H
#define MM_FRAMES_LIVE_H

#include "kernel/base/types.h"

void live_object(const void *object, size_t size);
void live_part(const void *object, size_t size, size_t used);
void live_slots(const void *frame, u64 offset, u64 size, bool live);
void live_settle(void);

static inline bool live_may_keep(void)
{
	return false;
}

#endif
