/*
 * The FPU's state in a signal frame: Linux's layout of it, in user memory.
 */
#ifndef ARCH_STATE_FPU_FRAME_H
#define ARCH_STATE_FPU_FRAME_H

#include "kernel/base/types.h"

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
