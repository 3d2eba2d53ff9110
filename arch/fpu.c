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

#define FCW_DEFAULT 0x37f
#define MXCSR_DEFAULT 0x1f80

/* The fields of the XSAVE area whose initial value is not zero. */
struct fpu_state {
	u16 fcw;
	u8 reserved0[22];
	u32 mxcsr;
	u8 reserved1[484];
	u64 xstate_bv; /* only with XSAVE */
};
static_assert(offsetof(struct fpu_state, mxcsr) == 24, "the FXSAVE area");
static_assert(offsetof(struct fpu_state, xstate_bv) == 512, "the XSAVE header");

void fpu_init_state(void *state)
{
	struct fpu_state *s = state;

	s->fcw = FCW_DEFAULT;
	s->mxcsr = MXCSR_DEFAULT;
	if (cpu_features.xsave)
		s->xstate_bv = cpu_features.xcr0;
}

void fpu_save(void *state)
{
	if (cpu_features.xsave)
		xsave(state);
	else
		fxsave(state);
}

void fpu_restore(const void *state)
{
	if (cpu_features.xsave)
		xrstor(state);
	else
		fxrstor(state);
}
