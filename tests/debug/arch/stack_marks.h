/*
 * High-water marks of the entry and IST stacks: how small can they be?
 */
#ifndef ARCH_STACK_MARKS_H
#define ARCH_STACK_MARKS_H

#include "kernel/base/types.h"

/* No hidden address begins in it and ends in what is pushed above it: 0xffff, or the
 * 0xffffffffffffff80 of a vector. */
#define STACK_PAINT 0x01
#define STACK_PAINT_WORD (STACK_PAINT * 0x0101010101010101ULL)

#define STACK_MARK_ENTRY 0x1
#define STACK_MARK_ALL 0xffffffff

void stack_marks_note(unsigned cpu);
void stack_marks_ignore(unsigned cpu, u32 stacks);
void stack_marks_print(void);

#endif
