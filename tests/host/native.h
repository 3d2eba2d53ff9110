/*
 * The host's processor as the model of itself: runs instructions of 32- and 16-bit code in
 * this process, under segments of its choice, and tells how it ended.
 *
 * A 64-bit process of Linux may jump into such code by IRET, with segments from its LDT.
 * Behind the instruction there is INT3, and all around: whatever the instruction does, a
 * signal comes, whose frame has all registers, the exception, error code and CR2.
 *
 *	NATIVE_CODE    64 KiB of INT3, executable, in which the caller puts bytes
 *	NATIVE_ARENA   NATIVE_SIZE bytes of data, the first NATIVE_READ_ONLY of them such;
 *		       nothing is mapped for 1 MiB before and behind
 */
#ifndef TESTS_HOST_NATIVE_H
#define TESTS_HOST_NATIVE_H

#include "kernel/guest/insn.h"

#define NATIVE_CODE 0x18000000
#define NATIVE_CODE_SIZE 0x10000
#define NATIVE_ARENA 0x10000000
#define NATIVE_READ_ONLY 0x1000
#define NATIVE_SIZE 0x6000

/* A segment, and the selector that the processor has it under. */
struct native_segment {
	u16 selector;
	struct guest_segment is;
};

enum {
	NATIVE_FLAT,	/* data, base 0, 4 GiB */
	NATIVE_UP,	/* data up to a limit within the arena */
	NATIVE_UP16,	/* 64 KiB that end within the arena, 16-bit stack */
	NATIVE_DOWN,	/* expand-down from within the arena to 4 GiB */
	NATIVE_DOWN16,	/* expand-down, to 64 KiB, both within the arena */
	NATIVE_CONSTANT, /* data that is not writable */
	NATIVE_TEXT,	/* readable code over the arena */
	NATIVE_NULL,
	NATIVE_DATA_SEGMENTS,

	NATIVE_CODE32 = NATIVE_DATA_SEGMENTS, /* flat */
	NATIVE_CODE32_SHORT, /* base NATIVE_CODE; one page of it, not readable */
	NATIVE_CODE16,	     /* base NATIVE_CODE, one page, 16-bit */
	NATIVE_SEGMENTS,
};

extern struct native_segment native_segments[NATIVE_SEGMENTS];

/* Maps all that, and makes the LDT.  False: this host does not let it (*why). */
bool native_init(const char **why);

/* Of segments by enum user_segment; that of FS is not used. */
struct native_run {
	struct pt_regs regs; /* in and out; cs and ss come from the segments */
	const struct native_segment *segment[SEG_GS + 1];
	struct guest_fault fault; /* out: the exception; the INT3's is VEC_BP, IP behind it */
};

void native_run(struct native_run *run);

/* IRET to a 16-bit stack leaves the upper half of ESP as it is: so. */
u32 native_esp_upper(void);

/* Linear address of what is mapped as a pointer. */
static inline u8 *native_at(u32 linear)
{
	return (u8 *)(uintptr_t)linear;
}

#endif
