/*
 * Wrappers of single instructions that only the machine's own files need.
 */
#ifndef ARCH_MACHINE_INSN_H
#define ARCH_MACHINE_INSN_H

#include "kernel/base/types.h"

/* clang-format off */
/* A number of the processor's generator; false: it had none ready. */
static inline bool rdrand(u64 *v)
{
	u8 ok;

	__asm__ volatile("rdrand %0; setc %1" : "=r"(*v), "=q"(ok) : : "cc");
	return ok;
}

static inline bool rdseed(u64 *v)
{
	u8 ok;

	__asm__ volatile("rdseed %0; setc %1" : "=r"(*v), "=q"(ok) : : "cc");
	return ok;
}

static inline void breakpoint(void) { __asm__ volatile("int3" : : : "memory"); }
/* clang-format on */

#endif
