/*
 * Nothing: its twin in tests/debug/ paints each CPU's entry and IST stacks, where
 * this kernel erases them, and keeps how much of each was ever used.
 */
#ifndef ARCH_STACK_MARKS_H
#define ARCH_STACK_MARKS_H

#include "kernel/base/types.h"

/* What a byte of these stacks holds that nobody has written since it was erased. */
#define STACK_PAINT 0
#define STACK_PAINT_WORD (STACK_PAINT * 0x0101010101010101ULL)

#define STACK_MARK_ENTRY 0x1
#define STACK_MARK_ALL 0xffffffff

/* Before they are erased, and at the end: what of them was used? */
static inline void stack_marks_note(unsigned cpu)
{
	(void)cpu;
}

/*
 * A test wrote what is on these stacks now (bit 0: the entry stack, bit n: IST n), and
 * nothing is noted of it when they are erased next.
 */
static inline void stack_marks_ignore(unsigned cpu, u32 stacks)
{
	(void)cpu;
	(void)stacks;
}

/* A line for each stack: the most bytes that were used of it, on any CPU. */
static inline void stack_marks_print(void) {}

#endif
