/*
 * What the bytes of an instruction mean: prefixes, opcode, ModRM, SIB, displacement,
 * immediates.
 *
 * Two tables say for each opcode what follows it.  They hold every opcode of the 386 to
 * the Pentium III, executed here or not: the caller executes the privileged ones itself.
 * VEX, EVEX and XOP begin like LDS, LES, BOUND and POP, with ModRM bytes that those
 * cannot have: they are no known format.
 * Sources: Intel SDM vol. 2, 2.1 (formats), A.3 (opcode maps), tables 2-1 to 2-3.
 */
#include "kernel/base/string.h"
#include "kernel/guest/insn.h"

/* What follows an opcode.  The low three bits: which immediate. */
enum {
	IB = 1, /* a byte */
	IS = 2, /* a byte, sign-extended */
	IW = 3, /* a word */
	IZ = 4, /* of the operand's size: 2 or 4 bytes */
	IP = 5, /* a far pointer: an offset of the operand's size, a selector */
	IE = 6, /* ENTER's: a word and a byte */
	MO = 7, /* an offset in memory, of the address's size */
	IMMEDIATE = 7,
	B = 8,   /* its operand is a byte */
	M = 16,  /* ModRM */
	R = 32,  /* ModRM, which names registers whatever mod is */
	G = 64,  /* a group: the immediate is there with reg 0 and 1 only (TEST) */
	X = 128, /* no known format, or a prefix */
};

#define ALU M | B, M, M | B, M, IB | B, IZ, 0, 0

/* clang-format off */
static const u8 one_byte[256] = {
	/* 00 */ ALU, ALU,
	/* 10 */ ALU, ALU,
	/* 20 */ ALU, ALU,
	/* 30 */ ALU, ALU,
	/* 40: INC, DEC */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 50: PUSH, POP */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 60 */ 0, 0, M, M, X, X, X, X, IZ, M | IZ, IS, M | IS, B, 0, B, 0,
	/* 70: Jcc */ IS, IS, IS, IS, IS, IS, IS, IS, IS, IS, IS, IS, IS, IS, IS, IS,
	/* 80 */ M | B | IB, M | IZ, M | B | IB, M | IS, M | B, M, M | B, M,
	/* 88 */ M | B, M, M | B, M, M, M, M, M,
	/* 90 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, IP, 0, 0, 0, 0, 0,
	/* a0 */ B | MO, MO, B | MO, MO, B, 0, B, 0,
	/* a8 */ B | IB, IZ, B, 0, B, 0, B, 0,
	/* b0 */ B | IB, B | IB, B | IB, B | IB, B | IB, B | IB, B | IB, B | IB,
	/* b8 */ IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ,
	/* c0 */ M | B | IB, M | IB, IW, 0, M, M, M | B | IB, M | IZ,
	/* c8 */ IE, 0, IW, 0, 0, IB, 0, 0,
	/* d0 */ M | B, M, M | B, M, B | IB, B | IB, B, B,
	/* d8: FPU */ M, M, M, M, M, M, M, M,
	/* e0 */ IS, IS, IS, IS, B | IB, IB, B | IB, IB,
	/* e8 */ IZ, IZ, IP, IS, B, 0, B, 0,
	/* f0 */ X, 0, X, X, 0, 0, M | G | B | IB, M | G | IZ,
	/* f8 */ 0, 0, 0, 0, 0, 0, M | B, M,
};

static const u8 two_bytes[256] = {
	/* 00 */ M, M, M, M, X, 0, 0, 0, 0, 0, X, 0, X, M, X, X,
	/* 10 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 20 */ R, R, R, R, R, X, R, X, M, M, M, M, M, M, M, M,
	/* 30 */ 0, 0, 0, 0, 0, 0, X, 0, X, X, X, X, X, X, X, X,
	/* 40: CMOVcc */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 50 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 60 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 70 */ M | IB, M | IB, M | IB, M | IB, M, M, M, 0, X, X, X, X, M, M, M, M,
	/* 80: Jcc */ IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ,
	/* 90: SETcc */ M | B, M | B, M | B, M | B, M | B, M | B, M | B, M | B,
	/* 98 */ M | B, M | B, M | B, M | B, M | B, M | B, M | B, M | B,
	/* a0 */ 0, 0, 0, M, M | IB, M, X, X, 0, 0, 0, M, M | IB, M, M, M,
	/* b0 */ M | B, M, M, M, M, M, M, M, M, M, M | IB, M, M, M, M, M,
	/* c0 */ M | B, M, M | IB, M, M | IB, M | IB, M | IB, M, 0, 0, 0, 0, 0, 0, 0, 0,
	/* d0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* e0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* f0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
};
/* clang-format on */

struct decoder {
	struct guest_insn *in;
	const u8 *bytes;
	unsigned have;
	bool missing; /* more bytes than there are */
};

/* The next byte.  Behind the end: zeroes, and d->missing tells. */
static u8 next(struct decoder *d)
{
	u8 byte = 0;

	if (d->in->length >= MIN(d->have, INSN_MAX))
		d->missing = true;
	else
		byte = d->in->byte[d->in->length] = d->bytes[d->in->length];
	d->in->length += !d->missing;
	return byte;
}

static u32 next_bytes(struct decoder *d, unsigned n)
{
	u32 v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (u32)next(d) << 8 * i;
	return v;
}

static u32 next_signed(struct decoder *d, unsigned n)
{
	u32 v = next_bytes(d, n);

	return n == 1 ? (u32)(s8)v : n == 2 ? (u32)(s16)v : v;
}

/* Prefixes, and the first byte behind them, which is returned. */
static u8 take_prefixes(struct decoder *d, bool code32)
{
	unsigned other_operand = 0, other_address = 0;
	struct guest_insn *in = d->in;
	u8 byte;

	for (;;) {
		switch (byte = next(d)) {
		case 0x26: in->override = SEG_ES; break;
		case 0x2e: in->override = SEG_CS; break;
		case 0x36: in->override = SEG_SS; break;
		case 0x3e: in->override = SEG_DS; break;
		case 0x64: in->override = SEG_FS; break;
		case 0x65: in->override = SEG_GS; break;
		case 0x66: other_operand = 6; break; /* 4 and 2 */
		case 0x67: other_address = 6; break;
		case 0xf0: in->lock = true; break;
		case 0xf2:
		case 0xf3: in->rep = byte; break;
		default:
			in->operand = (code32 ? 4 : 2) ^ other_operand;
			in->address = (code32 ? 4 : 2) ^ other_address;
			return byte;
		}
	}
}

/* Bytes of the displacement (SDM vol. 2, tables 2-1 to 2-3). */
static unsigned displacement_bytes(const struct guest_insn *in)
{
	bool direct = in->address == 2 ?
			      in->rm == 6 :
			      in->rm == GUEST_BP || (in->rm == 4 && (in->sib & 7) == GUEST_BP);

	if (in->mod == 0)
		return direct ? in->address : 0;
	return in->mod == 1 ? 1 : in->mod == 2 ? in->address : 0;
}

static void take_modrm(struct decoder *d, bool registers)
{
	struct guest_insn *in = d->in;
	u8 modrm = next(d);

	in->has_modrm = true;
	in->mod = registers ? 3 : modrm >> 6;
	in->reg = modrm >> 3 & 7;
	in->rm = modrm & 7;
	if (in->mod == 3)
		return;
	if (in->address == 4 && in->rm == 4)
		in->sib = next(d);
	in->displacement = next_signed(d, displacement_bytes(in));
}

static void take_immediate(struct decoder *d, u8 kind)
{
	struct guest_insn *in = d->in;

	switch (kind) {
	case IB: in->immediate = next(d); break;
	case IS: in->immediate = next_signed(d, 1); break;
	case IW: in->immediate = next_bytes(d, 2); break;
	case IZ: in->immediate = next_bytes(d, in->operand); break;
	case IP:
		in->immediate = next_bytes(d, in->operand);
		in->selector = (u16)next_bytes(d, 2);
		break;
	case IE:
		in->immediate = next_bytes(d, 2);
		in->selector = next(d);
		break;
	case MO: in->displacement = next_bytes(d, in->address); break;
	}
}

/* Is it the first byte of VEX, EVEX or XOP, by the ModRM that would follow? */
static bool is_newer(const struct guest_insn *in)
{
	switch (in->opcode) {
	case 0x62:
	case 0xc4:
	case 0xc5: return in->mod == 3;
	case 0x8f: return in->reg != 0;
	default: return false;
	}
}

bool guest_insn_decode(const u8 *bytes, unsigned have, bool code32, struct guest_insn *out)
{
	struct decoder d = { .in = out, .bytes = bytes, .have = have };
	u8 form;

	memset(out, 0, sizeof(*out));
	out->opcode = take_prefixes(&d, code32);
	form = one_byte[out->opcode];
	if (out->opcode == 0x0f) {
		out->opcode = (u16)(0x0f00 | next(&d));
		form = two_bytes[out->opcode & 0xff];
	}
	if (form & B)
		out->operand = 1;
	if (form & (M | R))
		take_modrm(&d, form & R);
	if (!(form & G) || out->reg <= 1)
		take_immediate(&d, form & IMMEDIATE);
	if (d.missing)
		out->length = have < INSN_MAX ? 0 : INSN_MAX + 1;
	return !d.missing && !(form & X) && !is_newer(out);
}
