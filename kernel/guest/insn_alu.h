/*
 * Arithmetic on operand values, done by the processor itself: so each flag comes out as
 * this processor makes it, also where the manuals leave it undefined.
 */
#ifndef KERNEL_GUEST_INSN_ALU_H
#define KERNEL_GUEST_INSN_ALU_H

#include "kernel/base/types.h"

#define GUEST_STATUS_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/*
 * What an instruction makes of its destination a and its source b, both of `size` bytes
 * and without bits above them.  *flags: its status flags go in and out, others stay.
 */
typedef u32 guest_alu(u32 a, u32 b, unsigned size, u64 *flags);

extern guest_alu *const guest_alu_binary[8]; /* as in ModRM.reg of 0x80: ADD to CMP */
extern guest_alu *const guest_alu_shift[8];  /* of 0xc0: ROL to SAR, b is the count */
extern guest_alu *const guest_alu_bit[4];    /* of 0x0fba, less 4: BT to BTC, sizes 2 and 4 */
extern guest_alu *const guest_alu_unary[4];  /* INC, DEC, NOT, NEG; b is not used */

guest_alu guest_alu_test; /* returns a */
guest_alu guest_alu_imul; /* this and those below: sizes 2 and 4 */
guest_alu guest_alu_bsf;
guest_alu guest_alu_bsr;

/* Shifts bits of b into a. */
u32 guest_alu_shld(u32 a, u32 b, u8 count, unsigned size, u64 *flags);
u32 guest_alu_shrd(u32 a, u32 b, u8 count, unsigned size, u64 *flags);

/*
 * MUL, IMUL, DIV, IDIV of the accumulator by b; reg: 4 to 7, as in ModRM of 0xf6.  *ax and
 * *dx are the registers' values; AX alone is used with size 1.  A division must fit.
 */
void guest_alu_accumulate(u8 reg, u32 *ax, u32 *dx, u32 b, unsigned size, u64 *flags);

/* Does the quotient of reg 6 or 7 fit?  Else the processor makes a #DE of it. */
bool guest_alu_division_fits(u8 reg, u32 ax, u32 dx, u32 b, unsigned size);

/* Is condition 0 to 15 true, as in the low bits of Jcc, SETcc, CMOVcc? */
bool guest_alu_condition(u8 condition, u64 flags);

#endif
