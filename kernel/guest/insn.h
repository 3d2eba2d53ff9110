/*
 * Instructions of 16- and 32-bit code, executed in the processor's place: those of a
 * guest in ring 3 whose operand lies in a page that it cannot reach by itself.
 *
 * Pure code: what memory and which segments there are, the caller's functions tell
 * (struct guest_memory).  Any context; the functions given may narrow that.
 *
 *   insn_decode.c   bytes into struct guest_insn, the opcode tables
 *   insn_operand.c  registers, addresses, segment limits, the stack
 *   insn_execute.c  which opcode does what: moves, arithmetic
 *   insn_bits.c     single bits, shifts, multiplication and division
 *   insn_flow.c     the stack's instructions, calls and jumps
 *   insn_string.c   MOVS, STOS, LODS, CMPS, SCAS, with REP
 *   insn_exec.c     the operand that ModRM names
 *   insn_alu.c      the arithmetic, which the processor itself does
 */
#ifndef KERNEL_GUEST_INSN_H
#define KERNEL_GUEST_INSN_H

#include "arch/state/user_code.h"
#include "entry/entry.h"

enum guest_register {
	GUEST_AX,
	GUEST_CX,
	GUEST_DX,
	GUEST_BX,
	GUEST_SP,
	GUEST_BP,
	GUEST_SI,
	GUEST_DI
};

/* One instruction, decoded. */
struct guest_insn {
	u8 byte[INSN_MAX];
	unsigned length;  /* in bytes, prefixes included */
	unsigned operand; /* its size in bytes: 1 by opcode, else 2 or 4 */
	unsigned address; /* the same of an address: 2 or 4 */
	u8 rep;           /* 0, or the last of 0xf2 and 0xf3 */
	bool lock;
	enum user_segment override; /* SEG_NONE: no prefix */
	u16 opcode;                 /* 0xNN, or 0x0fNN */
	bool has_modrm;
	u8 mod, reg, rm;  /* of ModRM; mod 3: no memory */
	u8 sib;           /* if there is one: address 4, mod not 3, rm 4 */
	u32 displacement; /* sign-extended; of A0 to A3 the offset */
	u32 immediate;    /* bytes that stand for a larger operand are sign-extended */
	u16 selector;     /* a far pointer's; ENTER's second immediate */
};

/* A segment as its register has it in the processor's hidden part. */
struct guest_segment {
	u32 base;
	u32 limit;        /* in bytes, scaled: the last offset (expand-down: the last not) */
	bool usable;      /* false: a null selector */
	bool code;        /* else data */
	bool readable;    /* of code */
	bool writable;    /* of data */
	bool expand_down; /* of data */
	bool big;         /* D/B: 32-bit stack pointer; expand-down up to 4 GiB */
};

struct guest_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u32 address; /* CR2 of a #PF */
};

/*
 * What an instruction may touch.  Linear addresses wrap at 4 GiB, between the n bytes as
 * well (n at most 32).  read and write return true, or false with *fault, and have then
 * changed nothing.  An operand is read or written by one call.
 */
struct guest_memory {
	bool (*read)(void *arg, u32 linear, void *to, unsigned n, struct guest_fault *fault);
	bool (*write)(void *arg, u32 linear, const void *from, unsigned n,
		      struct guest_fault *fault);
	void (*segment)(void *arg, enum user_segment s, struct guest_segment *out);
	void *arg;
};

enum guest_done {
	GUEST_DONE,    /* IP is behind it; or at it, where REP has more to do */
	GUEST_UNKNOWN, /* not one that is executed here: nothing has changed */
	GUEST_FAULT,   /* nothing has changed but by the iterations of REP before it */
};

/*
 * Decodes the instruction that the `have` bytes begin with; code32: the D bit of CS.
 * Knows all one-byte opcodes, and those of two bytes up to the Pentium III's; the
 * operands of the FPU's and SSE's as far as their length.  False: bytes are missing (the
 * length says 0), it is longer than 15 (16), or the opcode has no known format (1 to 15:
 * the bytes looked at).
 */
bool guest_insn_decode(const u8 *bytes, unsigned have, bool code32, struct guest_insn *out);

/* ---- Operands: kernel/guest/insn_operand.c ------------------------------------------- */

/* Has it an operand in memory that ModRM, or the offset of A0 to A3, names? */
bool guest_insn_has_memory(const struct guest_insn *insn);

/* The offset of that operand, and the segment that it is in. */
u32 guest_insn_offset(const struct guest_insn *insn, const struct pt_regs *regs,
		      enum user_segment *s);

/*
 * The linear address of n bytes at an offset in a segment, for reading or writing.  False:
 * *fault is #SS(0) of SS, #GP(0) of others: beyond the limit, or without the right.
 */
bool guest_linear(const struct guest_memory *memory, enum user_segment s, u32 offset, unsigned n,
		  bool write, u32 *linear, struct guest_fault *fault);

/* Both in one: the linear address of the n bytes of the operand in memory. */
bool guest_insn_operand(const struct guest_insn *insn, const struct pt_regs *regs,
			const struct guest_memory *memory, unsigned n, bool write, u32 *linear,
			struct guest_fault *fault);

/*
 * A general register by its number and its size in bytes: 4, 2, or 1 (numbers 4 to 7 are
 * then AH, CH, DH, BH).  A write of 4 clears the upper half, the others keep the rest.
 */
u32 guest_reg_read(const struct pt_regs *regs, unsigned number, unsigned size);
void guest_reg_write(struct pt_regs *regs, unsigned number, unsigned size, u32 value);

/* The width of the stack pointer in bytes, by the B bit of SS: 2 or 4. */
unsigned guest_stack_width(const struct guest_memory *memory);

/* Pushes and pops 2 or 4 bytes.  False: *fault tells, and SP has not moved. */
bool guest_push(struct pt_regs *regs, const struct guest_memory *memory, unsigned n, u32 value,
		struct guest_fault *fault);
bool guest_pop(struct pt_regs *regs, const struct guest_memory *memory, unsigned n, u32 *value,
	       struct guest_fault *fault);

/* IP goes on behind the instruction; RF is cleared, which the fault had set. */
void guest_insn_skip(const struct guest_insn *insn, struct pt_regs *regs);

/* A fault with the error code 0 (#GP, #SS), or with none (#UD, #DE); returns false. */
bool guest_fault_zero(struct guest_fault *fault, u8 vector);

/* ---- Execution ------------------------------------------------------------------------ */

/*
 * Executes it, in ring 3: registers, flags, IP, memory.  LOCK is taken where the processor
 * takes it (another CPU's access may come between the read and the write all the same), and
 * is #UD elsewhere.  At most 256 iterations of REP at once, and one with RFLAGS.TF, whose
 * #DB the caller raises behind an instruction that is done.  A #PF of an operand that is
 * read to be written has PF_WRITE, whichever of the two accesses it was.
 */
enum guest_done guest_insn_execute(const struct guest_insn *insn, struct pt_regs *regs,
				   const struct guest_memory *memory, struct guest_fault *fault);

#endif
