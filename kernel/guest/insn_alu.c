/*
 * The arithmetic of insn_alu.h: one function an instruction, one line of assembly a size.
 *
 * The guest's status flags are put into this processor's before the instruction, and read
 * behind it.  The other flags, IF above all, are this processor's own all the while: an
 * interrupt in between finds and leaves them so.
 */
#include "kernel/base/x86.h"
#include "kernel/guest/insn_alu.h"

/* clang-format off */
#define WITH_FLAGS(flags, insn, outputs, ...)                                      \
	do {                                                                       \
		u64 f = *(flags) & GUEST_STATUS_FLAGS;                             \
		__asm__ volatile("pushfq; andq %[others], (%%rsp)\n\t"             \
				 "orq %[f], (%%rsp); popfq\n\t"                    \
				 insn "\n\tpushfq; popq %[f]"                      \
				 : [f] "+&r"(f), outputs                           \
				 : [others] "i"(~GUEST_STATUS_FLAGS), __VA_ARGS__  \
				 : "cc", "memory");                                \
		*(flags) = (*(flags) & ~(u64)GUEST_STATUS_FLAGS) |                 \
			   (f & GUEST_STATUS_FLAGS);                               \
	} while (0)

#define ALU(insn, operands) WITH_FLAGS(flags, insn " " operands, [a] "+&q"(a), [b] "q"(b))
#define SHIFT(insn, operands) WITH_FLAGS(flags, insn " " operands, [a] "+&q"(a), "c"(b))

/* Of sizes 2 and 4 */
#define ALU_WIDE(name, insn)                                                       \
	u32 name(u32 a, u32 b, unsigned size, u64 *flags)                          \
	{                                                                          \
		if (size == 2)                                                     \
			ALU(insn "w", "%w[b], %w[a]");                             \
		else                                                               \
			ALU(insn "l", "%k[b], %k[a]");                             \
		return a;                                                          \
	}

/* Of all three sizes: the operands of a byte, of two, of four */
#define ALU_ALL(of, name, insn, byte, word, dword)                                 \
	static u32 name(u32 a, __unused u32 b, unsigned size, u64 *flags)          \
	{                                                                          \
		switch (size) {                                                    \
		case 1: of(insn "b", byte); break;                                 \
		case 2: of(insn "w", word); break;                                 \
		default: of(insn "l", dword); break;                               \
		}                                                                  \
		return a;                                                          \
	}
#define ALU_BINARY(name) \
	ALU_ALL(ALU, alu_##name, #name, "%b[b], %b[a]", "%w[b], %w[a]", "%k[b], %k[a]")
#define ALU_UNARY(name) ALU_ALL(ALU, alu_##name, #name, "%b[a]", "%w[a]", "%k[a]")
#define ALU_SHIFT(name) \
	ALU_ALL(SHIFT, alu_##name, #name, "%%cl, %b[a]", "%%cl, %w[a]", "%%cl, %k[a]")

ALU_BINARY(add) ALU_BINARY(or) ALU_BINARY(adc) ALU_BINARY(sbb)
ALU_BINARY(and) ALU_BINARY(sub) ALU_BINARY(xor) ALU_BINARY(cmp) ALU_BINARY(test)
ALU_UNARY(inc) ALU_UNARY(dec) ALU_UNARY(not) ALU_UNARY(neg)
ALU_SHIFT(rol) ALU_SHIFT(ror) ALU_SHIFT(rcl) ALU_SHIFT(rcr)
ALU_SHIFT(shl) ALU_SHIFT(shr) ALU_SHIFT(sar)
static ALU_WIDE(alu_bt, "bt") static ALU_WIDE(alu_bts, "bts")
static ALU_WIDE(alu_btr, "btr") static ALU_WIDE(alu_btc, "btc")
ALU_WIDE(guest_alu_imul, "imul") ALU_WIDE(guest_alu_bsf, "bsf") ALU_WIDE(guest_alu_bsr, "bsr")

guest_alu *const guest_alu_binary[8] = { alu_add, alu_or,  alu_adc, alu_sbb,
					 alu_and, alu_sub, alu_xor, alu_cmp };
/* 6 is SHL once more, as the processor takes it. */
guest_alu *const guest_alu_shift[8] = { alu_rol, alu_ror, alu_rcl, alu_rcr,
					alu_shl, alu_shr, alu_shl, alu_sar };
guest_alu *const guest_alu_bit[4] = { alu_bt, alu_bts, alu_btr, alu_btc };
guest_alu *const guest_alu_unary[4] = { alu_inc, alu_dec, alu_not, alu_neg };

u32 guest_alu_test(u32 a, u32 b, unsigned size, u64 *flags)
{
	return alu_test(a, b, size, flags);
}

#define ALU_DOUBLE(name)                                                           \
	u32 guest_alu_##name(u32 a, u32 b, u8 count, unsigned size, u64 *flags)    \
	{                                                                          \
		if (size == 2)                                                     \
			WITH_FLAGS(flags, #name "w %%cl, %w[b], %w[a]",            \
				   [a] "+&r"(a), [b] "r"(b), "c"(count));          \
		else                                                               \
			WITH_FLAGS(flags, #name "l %%cl, %k[b], %k[a]",            \
				   [a] "+&r"(a), [b] "r"(b), "c"(count));          \
		return a;                                                          \
	}

ALU_DOUBLE(shld)
ALU_DOUBLE(shrd)

#define ACCUMULATE(name, insn)                                                     \
	static void name(u32 *ax, u32 *dx, u32 b, unsigned size, u64 *flags)       \
	{                                                                          \
		u32 a = *ax, d = *dx;                                              \
		switch (size) {                                                    \
		case 1: ACCUMULATOR(insn "b %b[b]"); break;                        \
		case 2: ACCUMULATOR(insn "w %w[b]"); break;                        \
		default: ACCUMULATOR(insn "l %k[b]"); break;                       \
		}                                                                  \
		*ax = a;                                                           \
		*dx = d;                                                           \
	}
#define TWO(a, b) a, b
#define ACCUMULATOR(insn) WITH_FLAGS(flags, insn, TWO("+a"(a), "+d"(d)), [b] "q"(b))

ACCUMULATE(accumulate_mul, "mul")
ACCUMULATE(accumulate_imul, "imul")
ACCUMULATE(accumulate_div, "div")
ACCUMULATE(accumulate_idiv, "idiv")
/* clang-format on */

void guest_alu_accumulate(u8 reg, u32 *ax, u32 *dx, u32 b, unsigned size, u64 *flags)
{
	static void (*const by_reg[4])(u32 *, u32 *, u32, unsigned, u64 *) = {
		accumulate_mul,
		accumulate_imul,
		accumulate_div,
		accumulate_idiv,
	};

	by_reg[reg & 3](ax, dx, b, size, flags);
}

static s64 sign_extend(u64 v, unsigned bits)
{
	return (s64)(v << (64 - bits)) >> (64 - bits);
}

bool guest_alu_division_fits(u8 reg, u32 ax, u32 dx, u32 b, unsigned size)
{
	unsigned bits = 8 * size;
	u64 dividend = size == 1 ? (u16)ax : ((u64)dx << bits) | ax;
	s64 s = sign_extend(dividend, 2 * bits), by = sign_extend(b, bits),
	    most = (s64)BIT(bits - 1);

	if (!b)
		return false;
	if (reg == 6)
		return dividend / b < BIT(bits);
	if (by == -1) /* the least of all has no opposite */
		return s > -most && s <= most;
	return s / by >= -most && s / by < most;
}

bool guest_alu_condition(u8 condition, u64 flags)
{
	bool less = !(flags & RFLAGS_SF) != !(flags & RFLAGS_OF), is = false;

	switch (condition >> 1) {
	case 0: is = flags & RFLAGS_OF; break;
	case 1: is = flags & RFLAGS_CF; break;
	case 2: is = flags & RFLAGS_ZF; break;
	case 3: is = flags & (RFLAGS_CF | RFLAGS_ZF); break;
	case 4: is = flags & RFLAGS_SF; break;
	case 5: is = flags & RFLAGS_PF; break;
	case 6: is = less; break;
	case 7: is = less || flags & RFLAGS_ZF; break;
	}
	return is != (condition & 1);
}
