/*
 * What a guest's descriptors become for the processor, and what they say.  Pure; any
 * context.
 */
#ifndef KERNEL_GUEST_CONVERT_H
#define KERNEL_GUEST_CONVERT_H

#include "kernel/base/x86.h"
#include "kernel/guest/insn.h"

/* A descriptor table where the guest has it. */
struct guest_table {
	u32 base;
	u32 bytes; /* limit + 1; 0: none */
};

/*
 * The descriptor with which the processor does for ring 3 what the guest's would do for its
 * ring 0: DPL 3, not conforming, not of 64 bits; 0 for gates, TSSs, LDTs.
 */
u64 guest_convert(u64 desc);

/* What a descriptor says, for accesses in the processor's place. */
void guest_segment_of(u64 desc, struct guest_segment *out);

/* Base and bytes of a system descriptor's segment; of 4 GiB all but the last. */
struct guest_table guest_system_segment(u64 desc);

#define GDESC_TYPE(desc) ((unsigned)((desc) >> 40 & 0x1f)) /* S included */
#define GDESC_LDT 0x02
#define GDESC_TSS16 0x01
#define GDESC_TSS32 0x09
#define GDESC_TSS_BUSY 0x0000020000000000
#define GDESC_CODE 0x0000080000000000
#define GDESC_CONFORMING 0x0000040000000000
#define GDESC_WRITABLE 0x0000020000000000 /* of code: readable */

#endif
