/*
 * x87, SSE and AVX state of user tasks.  The kernel itself uses none of it, so
 * that during a system call it is in the registers still.
 */
#ifndef ARCH_STATE_FPU_H
#define ARCH_STATE_FPU_H

#include "arch/cpu.h"
#include "arch/state/insn.h"
#include "kernel/base/types.h"

/* FPU state (SDM vol. 1, 13) */
#define XCR0_X87 0x1
#define XCR0_SSE 0x2
#define XCR0_AVX 0x4
#define XCR0_PKRU 0x200
#define FXSAVE_SIZE 512
#define XSAVE_HEADER_SIZE 64
#define FPU_STATE_MAX 2752 /* ours: what we take of it; a task has a page */

/*
 * What cpu_features says of the FPU: which states we enable, where XSAVE puts them.
 * Boot CPU, after cpu_detect().
 */
void fpu_detect(void);

/* Sets XCR0.  Every CPU, after cpu_init(). */
void fpu_init_cpu(void);

/* Fills what is used of a page with the state that a program starts with. */
void fpu_init_state(void *state);

/* `state` is a page of its own, of which XCR0 says how much is used. */
static inline void fpu_save(void *state)
{
	if (likely(cpu_features.xsave))
		xsave(state);
	else
		fxsave(state);
}

void fpu_overwrite_pointers(void);
static inline void fpu_restore(const void *state)
{
	if (unlikely(cpu_features.fpu_pointers_stay))
		fpu_overwrite_pointers();
	if (likely(cpu_features.xsave))
		xrstor(state);
	else
		fxrstor(state);
}

/* The registers of the current task as at a program's start. */
void fpu_reset(void);

/* Do the current task's protection keys let it write to its memory (of key 0)? */
bool fpu_lets_write(void);

/* Some states, with XSAVE, as the processor's reset has them: PKRU is 0 then. */
void fpu_reset_some(u64 states);

/*
 * FPE_x for the exception that #MF (or #XM) told of, from a saved state; 0:
 * there is none, it was spurious.
 */
int fpu_exception_code(const void *state, bool simd);

#endif
