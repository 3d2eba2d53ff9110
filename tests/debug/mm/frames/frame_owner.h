/*
 * The twin of mm/frames/frame_owner.h in a debug build: tests/debug/frame_owner.c.
 */
#ifndef MM_FRAMES_FRAME_OWNER_H
#define MM_FRAMES_FRAME_OWNER_H

#include "kernel/base/types.h"

void frame_owner_take(phys_addr_t pa, unsigned n);
void frame_owner_give(phys_addr_t pa, unsigned n);
void frame_owner_check_clean(phys_addr_t pa);
void frame_owner_mark(void);
void frame_owner_print(void);

#endif
