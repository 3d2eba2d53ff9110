/*
 * The segment registers of user tasks.  What a task has in them may lead
 * nowhere by the time it runs again: the LDT or TLS entry has gone, or become
 * something that cannot be loaded.  Then they are loaded with null.
 */
#ifndef ARCH_STATE_SEGMENT_H
#define ARCH_STATE_SEGMENT_H

#include "kernel/base/types.h"

struct mm;

/*
 * Context: interrupts off; GDT and LDT are those of the task.  FS's and GS's
 * bases become the segment's (GS's: of the user, not of the kernel).
 */
void segment_load_ds(u16 selector);
void segment_load_es(u16 selector);
void segment_load_fs(u16 selector);
void segment_load_gs(u16 selector);

/*
 * What SS of a frame is when the current task's program, or its tracer, wants `selector`
 * there: 3, which IRET refuses as it would that, for an LDT's in a process without one.
 * The way out would take the ESPFIX stack, which its user PGD does not show.
 */
u16 segment_of_frame(const struct mm *mm, u16 selector);

/* Would an IRET to 64-bit code of the current task accept it in SS? */
bool segment_is_stack(u16 selector);

#endif
