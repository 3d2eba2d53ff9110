/*
 * Wrappers of single instructions that only the suites execute.
 */
#ifndef TESTS_SUITES_INSN_H
#define TESTS_SUITES_INSN_H

#include "arch/state/insn.h"

#define DR6_NONE 0xffff0ff0 /* nothing happened; the reserved bits are ones */
#define DR7_NONE 0x400      /* the bit that is always one */
#define DR7_EXECUTE_0 (DR7_NONE | 0x1)
#define DR7_WRITE_BYTE_0 (DR7_NONE | 0x1 | 1 << 16)

WRITE_REG(write_flags, "push %0; popfq")

static inline void sidt(struct table_register *t) { __asm__ volatile("sidt %0" : "=m"(*t)); }

static inline u16 sldt(void)
{
	u16 sel;

	__asm__ volatile("sldt %0" : "=r"(sel));
	return sel;
}

/* The segment's limit in bytes; false: the selector leads nowhere. */
static inline bool lsl(u16 sel, u64 *limit)
{
	u32 v;
	bool found;

	__asm__ volatile("lsl %2, %0" : "=r"(v), "=@ccz"(found) : "r"((u32)sel));
	*limit = v;
	return found;
}

static inline u16 str(void)
{
	u16 sel;

	__asm__ volatile("str %0" : "=r"(sel));
	return sel;
}

#endif
