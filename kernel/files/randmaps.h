/*
 * Where a program's parts lie: at random, unless `norandmaps` or the program itself asks
 * for the same places every time.
 */
#ifndef KERNEL_FILES_RANDMAPS_H
#define KERNEL_FILES_RANDMAPS_H

#include "kernel/base/types.h"

struct mm;

/* The boot argument: no program's places are random.  Boot, once. */
void randmaps_turn_off(void);

/*
 * Moves stack and mmap areas of a fresh layout down, at random unless `fixed`, with room
 * between them for a stack of `stack` bytes; no part of it is mapped yet.  Decides for the
 * others, too.
 */
void randmaps_place(struct mm *mm, bool ia32, u64 stack, bool fixed);

/*
 * The page of a 64-bit program's vDSO: above the stack's top, in what the stack's own page
 * table leads to, so that it needs no other.
 */
virt_addr_t randmaps_vdso(const struct mm *mm);

/* What to add to a static-pie's base, and to the brk: whole pages. */
u64 randmaps_pie_offset(const struct mm *mm, bool ia32);
u64 randmaps_brk_offset(const struct mm *mm);

/* Bytes to leave free on the initial stack, so that sp is random within a page. */
u64 randmaps_stack_gap(const struct mm *mm);

#endif
