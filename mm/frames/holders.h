/*
 * Who holds a frame: one, or several, of whom the last frees it.  For the private pages that
 * fork shows in two address spaces (mm/space/pages.c), and for page tables, which each table
 * that they lead to holds (mm/space/pt_range.c).
 */
#ifndef MM_FRAMES_HOLDERS_H
#define MM_FRAMES_HOLDERS_H

#include "kernel/base/types.h"

/*
 * frame_alloc() makes one holder of a frame; frame_hold() makes one more, for a frame that
 * the caller holds; frame_release() ends one, and frees the frame with the last.
 * frame_drop() ends one, too: true, it was the last, and the caller must free the frame.
 * frame_has_others(): does anybody but the caller hold it?  Only holders make holders, so
 * "no" stays true until the caller makes one; "yes" may be out of date when it is told.
 * A frame that frame_pin() was called for is never freed, whoever releases it, and has
 * others always; so has one with 2^32 - 1 of them, rather than none when the count comes
 * round (CVE-2016-0728's kind).  Any context, any CPU.
 */
void frame_hold(phys_addr_t pa);
void frame_release(phys_addr_t pa);
bool frame_drop(phys_addr_t pa);
bool frame_has_others(phys_addr_t pa);
u64 frame_holders(phys_addr_t pa); /* how many, by now */
void frame_pin(phys_addr_t pa);

#endif
