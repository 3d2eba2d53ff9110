/*
 * Fills the free part of the current task's kernel stack with 0xa5 before each
 * system call.  An interrupt on the way comes and goes below us.
 */
#ifndef KERNEL_BASE_STACK_POISON_H
#define KERNEL_BASE_STACK_POISON_H

#include "kernel/task/task.h"

#define STACK_POISON 0xa5

/* Up to RSP itself: the next call's structures stand right below. */
static inline void stack_poison(void)
{
	virt_addr_t at = current_task()->stack_top - TASK_STACK_SIZE;

	__asm__ volatile("mov %%rsp, %%rcx; sub %%rdi, %%rcx; rep stosb"
			 : "+D"(at) : "a"(STACK_POISON) : "rcx", "memory", "cc");
}

#endif
