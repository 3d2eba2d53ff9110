/*
 * The twin of mm/frames/frame_owner.h in a sanitizing build: tests/sanitize/frames.c.
 */
#ifndef MM_FRAMES_FRAME_OWNER_H
#define MM_FRAMES_FRAME_OWNER_H

#include "kernel/base/types.h"

void frame_owner_take(phys_addr_t pa, unsigned n);
void frame_owner_give(phys_addr_t pa, unsigned n);

/* What is lost, or is not clean, is the debug build's affair. */
static inline void frame_owner_check_clean(phys_addr_t pa __unused)
{
}

static inline void frame_owner_mark(void)
{
}

static inline void frame_owner_print(void)
{
}

#endif
