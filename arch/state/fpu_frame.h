/*
 * The FPU's state in a signal frame: Linux's layout of it, in user memory.
 */
#ifndef ARCH_STATE_FPU_FRAME_H
#define ARCH_STATE_FPU_FRAME_H

#include "kernel/base/types.h"

/* i386's has these in front, in FSAVE's layout. */
#define FPU_LEGACY_SIZE 112

/*
 * The registers to user memory, cpu_features.fpu_frame_size bytes at `at`, which must be
 * 64-aligned: 0 or -EFAULT.  `in_front`: bytes of the frame's FPU state there.  The caller has
 * checked the range.  Context: user memory is open.
 */
int fpu_frame_save(virt_addr_t at, u64 in_front);

/*
 * The same with i386's legacy part in front of it, for which cs and ds are wanted; any `at`.
 * Context: as copy_to_user().
 */
int fpu_frame_save32(virt_addr_t at, u16 cs, u16 ds);

/*
 * The registers from user memory, any address, content and alignment.  0, or -EFAULT:
 * not readable or not valid; the registers are then as at a program's start.
 * Context of the first: user memory is open, as behind it, whatever happens.
 * The second's: as copy_from_user().  `at` is the legacy part's address.
 */
int fpu_frame_restore64(virt_addr_t at);
int fpu_frame_restore32(virt_addr_t at);

#endif
