/*
 * Where a program's parts lie: at random, unless `norandmaps` or personality()
 * asks for the same places every time.
 */
#ifndef KERNEL_LINUX_PROGRAM_RANDMAPS_H
#define KERNEL_LINUX_PROGRAM_RANDMAPS_H

#include "mm/space/mm.h"

/* Linux's personality(): the one bit of it that means something here. */
#define ADDR_NO_RANDOMIZE 0x40000

/* The boot argument: no program's places are random.  Boot, once. */
void randmaps_turn_off(void);

/*
 * Moves stack and mmap areas of a fresh layout down; no part of it is mapped yet.
 * Decides for the others, too, by the current process's personality.
 */
void randmaps_place(struct mm *mm, bool ia32);

/* What to add to a static-pie's base, and to the brk: whole pages. */
u64 randmaps_pie_offset(const struct mm *mm, bool ia32);
u64 randmaps_brk_offset(const struct mm *mm);

/* Bytes to leave free on the initial stack, so that sp is random within a page. */
u64 randmaps_stack_gap(const struct mm *mm);

#endif
