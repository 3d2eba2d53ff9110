/*
 * Where tests plant descriptors; and some at random, of every kind, for
 * kernel/guest/convert.h: tests/suites/guest.c and tests/host/test_guest_convert.c.
 */
#ifndef TESTS_SUITES_DESCRIPTORS_H
#define TESTS_SUITES_DESCRIPTORS_H

#include "kernel/base/types.h"

#define SEL_SPARE 0x80 /* the last of GDT_ENTRIES, nobody's: tests plant descriptors there */

#define DESCRIPTOR_KINDS 4096 /* type, S, DPL, P; AVL, L, D/B, G */

/* One of that kind (all of them in turn), base and limit by chance. */
static inline u64 descriptor_of_kind(unsigned kind)
{
	static u64 chance = 88172645463325252ULL;

	kind %= DESCRIPTOR_KINDS;
	chance ^= chance << 13; /* Marsaglia's xorshift64 */
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance & ~(0xffULL << 40 | 0xfULL << 52)) | (u64)(kind & 0xff) << 40 |
	       (u64)(kind >> 8) << 52;
}

/*
 * Is `ours` what is left of a guest's?  Of a segment all but DPL, L, and C of code; of
 * another nothing.
 */
static inline bool descriptor_kept(u64 desc, u64 ours)
{
	bool segment = desc >> 44 & 1, code = desc >> 43 & 1;
	u64 free = 3ULL << 45 | 1ULL << 53 | (code ? 1ULL << 42 : 0);

	return segment ? ((desc ^ ours) & ~free) == 0 : ours == 0;
}

#endif
