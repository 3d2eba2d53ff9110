/*
 * Wrappers of single instructions on what a task has in the CPU beside pt_regs: debug
 * registers, FPU and protection keys, and what a selector means.
 */
#ifndef ARCH_STATE_INSN_H
#define ARCH_STATE_INSN_H

#include "kernel/base/insn.h"

/* clang-format off */
READ_REG(read_dr6, "mov %%dr6, %0")
READ_REG(read_dr7, "mov %%dr7, %0")
WRITE_REG(write_dr0, "mov %0, %%dr0")
WRITE_REG(write_dr1, "mov %0, %%dr1")
WRITE_REG(write_dr2, "mov %0, %%dr2")
WRITE_REG(write_dr3, "mov %0, %%dr3")
WRITE_REG(write_dr6, "mov %0, %%dr6")
WRITE_REG(write_dr7, "mov %0, %%dr7")

/*
 * What LAR tells of a selector: the descriptor's bits 40 to 47 and 52 to 55, in
 * their places.  False: it leads nowhere.
 */
static inline bool lar(u16 sel, u64 *desc)
{
	u32 v;
	bool found;

	__asm__ volatile("lar %2, %0" : "=r"(v), "=@ccz"(found) : "r"((u32)sel));
	*desc = (u64)v << 32;
	return found;
}

static inline void sgdt(struct table_register *t) { __asm__ volatile("sgdt %0" : "=m"(*t)); }

static inline void xsetbv(u32 reg, u64 v)
{
	__asm__ volatile("xsetbv" : : "c"(reg), "a"((u32)v), "d"((u32)(v >> 32)));
}

/* All of the state that XCR0 enables. */
static inline void xsave(void *area)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}

static inline void xrstor_some(const void *area, u64 states)
{
	__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"((u32)states),
			 "d"((u32)(states >> 32)) : "memory");
}

static inline void xrstor(const void *area)
{
	xrstor_some(area, ~0ULL);
}

static inline u32 read_pkru(void)
{
	u32 value, high;

	__asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0));
	return value;
}

static inline void write_pkru(u32 value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* Empties the x87 stack, drops pending exceptions, and loads an integer. */
static inline void x87_load_after_clear(const u32 *integer)
{
	__asm__ volatile("fnclex; emms; fildl %0" : : "m"(*integer));
}

static inline void fxsave(void *area) { __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory"); }
static inline void fxrstor(const void *area) { __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory"); }
/* clang-format on */

#endif
