/*
 * The instruction that a thread's CS and IP stand at: its bytes, and which segment
 * an offset is in.  For what the kernel does in the processor's place.
 */
#ifndef ARCH_STATE_USER_CODE_H
#define ARCH_STATE_USER_CODE_H

#include "entry/entry.h"

struct mm;

#define INSN_MAX 15 /* bytes of an instruction, at most */

enum user_segment { SEG_NONE, SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

/* Bytes as they are now: they may have changed since the processor read them. */
struct user_code {
	struct mm *mm; /* that they are in */
	u8 byte[INSN_MAX];
	unsigned have;    /* of them, up to the first that cannot be read */
	bool long_mode;   /* 64-bit code */
	unsigned operand; /* its default size in bytes: 2 or 4 */
};

/*
 * What the processor would fetch at CS and IP of `regs`, base and limit of CS
 * included, in the address space mm: the current task's or a stopped one's.  False:
 * not a byte.  Task context, interrupts on.
 */
bool user_code_fetch(struct mm *mm, const struct pt_regs *regs, struct user_code *code);

/* Is this byte a prefix, REX included? */
bool user_code_is_prefix(const struct user_code *code, u8 byte);

/*
 * Goes on behind the instruction, `length` bytes further, as the processor does when
 * it has executed it.
 */
void user_code_skip(struct pt_regs *regs, const struct user_code *code, unsigned length);

/*
 * Turns an offset in a segment of the current task, whose code it is, into an address.
 * False: the segment has no such byte.
 */
bool user_code_address(const struct user_code *code, const struct pt_regs *regs,
		       enum user_segment s, u64 *address);

#endif
