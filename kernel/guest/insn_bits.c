/*
 * Single bits, shifts and rotates, multiplication and division.
 *
 * The bit of BT and its like may be named by a register: it may then lie anywhere around
 * the operand, up to 256 MiB before it and behind.  The processor accesses the word or
 * doubleword that it is in.
 */
#include "kernel/guest/insn_alu.h"
#include "kernel/guest/insn_exec.h"

/* number: 0 to 3, BT, BTS, BTR, BTC */
static bool bit(struct guest_exec *e, unsigned number, u32 b)
{
	unsigned n = e->insn->operand;
	guest_alu *op = guest_alu_bit[number];
	u32 a;

	if (number ? !guest_rm_modify(e, n, &a) : !guest_rm_read(e, n, &a))
		return false;
	a = op(a, b & (8 * n - 1), n, &e->regs.flags);
	return number == 0 || guest_rm_modified(e, n, a);
}

/* A3, AB, B3, BB */
static bool do_bit_register(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 b = guest_r_read(e, n);
	s32 offset = n == 2 ? (s16)b : (s32)b;

	e->beyond = (u32)(offset >> (n == 2 ? 4 : 5)) * n;
	return bit(e, e->insn->opcode >> 3 & 3, b);
}

static bool do_bit_immediate(struct guest_exec *e)
{
	return bit(e, e->insn->reg & 3, e->insn->immediate);
}

/* BSF, BSR: a zero leaves the register as it was. */
static bool do_bit_scan(struct guest_exec *e)
{
	guest_alu *op = e->insn->opcode & 1 ? guest_alu_bsr : guest_alu_bsf;
	unsigned n = e->insn->operand;
	u32 v;

	if (!guest_rm_read(e, n, &v))
		return false;
	guest_r_write(e, n, op(guest_r_read(e, n), v, n, &e->regs.flags));
	return true;
}

static u8 shift_count(const struct guest_exec *e)
{
	switch (e->insn->opcode) {
	case 0xd0:
	case 0xd1: return 1;
	case 0xd2:
	case 0xd3:
	case 0x0fa5:
	case 0x0fad: return (u8)e->regs.cx;
	default: return (u8)e->insn->immediate;
	}
}

static bool do_shift(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	guest_alu *op = guest_alu_shift[e->insn->reg];
	u32 a;

	return guest_rm_modify(e, n, &a) &&
	       guest_rm_modified(e, n, op(a, shift_count(e), n, &e->regs.flags));
}

/* SHLD, SHRD */
static bool do_shift_double(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 a;

	if (!guest_rm_modify(e, n, &a))
		return false;
	a = (e->insn->opcode & 8 ? guest_alu_shrd : guest_alu_shld)(
		a, guest_r_read(e, n), shift_count(e), n, &e->regs.flags);
	return guest_rm_modified(e, n, a);
}

static void multiply(struct guest_exec *e, u32 a, u32 b)
{
	unsigned n = e->insn->operand;

	guest_r_write(e, n, guest_alu_imul(a, b, n, &e->regs.flags));
}

static bool do_imul(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 b;

	if (!guest_rm_read(e, n, &b))
		return false;
	multiply(e, guest_r_read(e, n), b);
	return true;
}

static bool do_imul_immediate(struct guest_exec *e)
{
	u32 a;

	if (!guest_rm_read(e, e->insn->operand, &a))
		return false;
	multiply(e, a, e->insn->immediate);
	return true;
}

/* MUL, IMUL, DIV, IDIV of the accumulator */
static bool do_accumulate(struct guest_exec *e)
{
	unsigned n = e->insn->operand, width = n == 1 ? 2 : n;
	u32 ax = guest_reg_read(&e->regs, GUEST_AX, width);
	u32 dx = guest_reg_read(&e->regs, GUEST_DX, width), b;
	u8 reg = e->insn->reg;

	if (!guest_rm_read(e, n, &b))
		return false;
	if (reg >= 6 && !guest_alu_division_fits(reg, ax, dx, b, n))
		return guest_fault_zero(e->fault, VEC_DE);
	guest_alu_accumulate(reg, &ax, &dx, b, n, &e->regs.flags);
	guest_reg_write(&e->regs, GUEST_AX, width, ax);
	if (n != 1)
		guest_reg_write(&e->regs, GUEST_DX, width, dx);
	return true;
}

guest_handler *guest_bits_handler(const struct guest_insn *insn)
{
	switch (insn->opcode) {
	case 0x69:
	case 0x6b: return do_imul_immediate;
	case 0xc0:
	case 0xc1:
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3: return do_shift;
	case 0xf6:
	case 0xf7: return insn->reg >= 4 ? do_accumulate : NULL;
	case 0x0fa3:
	case 0x0fab:
	case 0x0fb3:
	case 0x0fbb: return do_bit_register;
	case 0x0fa4:
	case 0x0fa5:
	case 0x0fac:
	case 0x0fad: return do_shift_double;
	case 0x0faf: return do_imul;
	case 0x0fba: return insn->reg >= 4 ? do_bit_immediate : NULL;
	case 0x0fbc:
	case 0x0fbd: return insn->rep ? NULL : do_bit_scan; /* else TZCNT, LZCNT */
	default: return NULL;
	}
}
