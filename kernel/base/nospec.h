/*
 * Indexes that a program chooses, behind their bounds check.
 *
 * The processor may guess that the check passes, and read the table at any index for
 * a moment: what it has read then shows in the caches (CVE-2017-5753, Spectre 1).  So
 * the index is computed anew from the comparison, without a branch: inside of the
 * bounds it stays, else it is 0.
 */
#ifndef KERNEL_BASE_NOSPEC_H
#define KERNEL_BASE_NOSPEC_H

#include "kernel/base/types.h"

/* index if it is below size, else 0; speculatively, too.  size: at least 1. */
static inline u64 array_index_nospec(u64 index, u64 size)
{
	u64 mask;

	__asm__ volatile("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(index), "er"(size) : "cc");
	return index & mask;
}

/*
 * The same, but size if it is not below: of a table that has an entry more, for all that
 * it does not have.  A conditional move is not guessed.
 */
static inline u64 array_index_or_end(u64 index, u64 size)
{
	u64 taken;

	__asm__("mov %2, %0\n\tcmp %0, %1\n\tcmovb %1, %0"
		: "=&r"(taken)
		: "r"(index), "er"(size)
		: "cc");
	return taken;
}

#endif
