/*
 * Nothing: its twin in tests/debug/ fills what is free of the kernel stack, so that
 * what a system call copies from it unwritten is seen by tests/user/bugs/padding.c.
 */
#ifndef KERNEL_BASE_STACK_POISON_H
#define KERNEL_BASE_STACK_POISON_H

static inline void stack_poison(void) {}

#endif
