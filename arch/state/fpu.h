/*
 * x87, SSE and AVX state of user tasks.  The kernel itself uses none of it, so
 * that during a system call it is in the registers still.
 */
#ifndef ARCH_STATE_FPU_H
#define ARCH_STATE_FPU_H

#include "kernel/base/types.h"

/* Fills a zeroed page with the state that a program starts with. */
void fpu_init_state(void *state);

/* `state` is a page of its own, of which XCR0 says how much is used. */
void fpu_save(void *state);
void fpu_restore(const void *state);

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

/* ---- Signal frames (arch/state/fpu_frame.c) ----------------------------------------- */

/* Bytes of the state in a frame, from a 64-aligned address on. */
u64 fpu_frame_size(void);

/* i386's has these in front, in FSAVE's layout. */
#define FPU_LEGACY_SIZE 112

/*
 * The registers to user memory, which must be 64-aligned (`at`), and for i386
 * with the legacy part in front of it, for which cs and ds are wanted.  0 or
 * -EFAULT.  Context: as copy_to_user().
 */
int fpu_frame_save(virt_addr_t at, bool ia32, u16 cs, u16 ds);

/*
 * The registers from user memory, any content and alignment.  0, or -EFAULT:
 * not readable or not valid; the registers are then as at a program's start.
 * For i386 `at` is the legacy part's address.
 */
int fpu_frame_restore64(virt_addr_t at);
int fpu_frame_restore32(virt_addr_t at);

#endif
