/*
 * FPU state, saved and restored whole at every switch between user tasks, by
 * XSAVE where the CPU has it and FXSAVE where not.  Never lazily: a lazy FPU
 * leaks (CVE-2018-3665).
 * Source: Intel SDM vol. 1, 13.4 (XSAVE area), 10.5.1 (FXSAVE area).
 * Called by kernel/sched.c.
 */
#include "arch/cpu.h"
#include "arch/fpu.h"
#include "kernel/base/insn.h"

#define FCW_AT 0
#define FCW_DEFAULT 0x37f
#define MXCSR_AT 24
#define MXCSR_DEFAULT 0x1f80
#define XSTATE_BV_AT 512

void fpu_init_state(void *state)
{
	*(u16 *)state = FCW_DEFAULT;
	*(u32 *)((u8 *)state + MXCSR_AT) = MXCSR_DEFAULT;
	if (cpu_features.xsave)
		*(u64 *)((u8 *)state + XSTATE_BV_AT) = cpu_features.xcr0;
}

void fpu_save(void *state)
{
	if (cpu_features.xsave)
		__asm__ volatile("xsave64 (%0)" : : "r"(state), "a"(~0u), "d"(~0u) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(state) : "memory");
}

void fpu_restore(const void *state)
{
	if (cpu_features.xsave)
		__asm__ volatile("xrstor64 (%0)" : : "r"(state), "a"(~0u), "d"(~0u) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(state) : "memory");
}
