/*
 * Which opcode does what: moves, arithmetic and logic here, the rest in the files that
 * kernel/guest/insn.h names.
 *
 * An instruction works on a copy of the registers, which is taken over when all of its
 * accesses to memory are done: a fault leaves no trace.  The exceptions are memory that an
 * instruction of several writes has written already (PUSHA, ENTER), as on the processor,
 * and the iterations of REP that are done.
 * Sources: Intel SDM vol. 2, the instructions' pages; vol. 3, 9.1.2.2 (LOCK).
 */
#include "kernel/guest/insn_alu.h"
#include "kernel/guest/insn_exec.h"

/* ---- Arithmetic and logic ---------------------------------------------------------- */

static bool modify_by(struct guest_exec *e, guest_alu *op, u32 b)
{
	unsigned n = e->insn->operand;
	u32 a;

	return guest_rm_modify(e, n, &a) && guest_rm_modified(e, n, op(a, b, n, &e->regs.flags));
}

/* The operand is compared only. */
static bool compare_with(struct guest_exec *e, guest_alu *op, u32 b)
{
	unsigned n = e->insn->operand;
	u32 a;

	if (!guest_rm_read(e, n, &a))
		return false;
	op(a, b, n, &e->regs.flags);
	return true;
}

static bool binary(struct guest_exec *e, unsigned number, u32 b)
{
	guest_alu *op = guest_alu_binary[number];

	return number == 7 ? compare_with(e, op, b) : modify_by(e, op, b);
}

/* 00 to 3B, r/m, r */
static bool do_binary_rm_r(struct guest_exec *e)
{
	return binary(e, e->insn->opcode >> 3, guest_r_read(e, e->insn->operand));
}

/* 00 to 3B, r, r/m */
static bool do_binary_r_rm(struct guest_exec *e)
{
	unsigned number = e->insn->opcode >> 3, n = e->insn->operand;
	u32 b, result;

	if (!guest_rm_read(e, n, &b))
		return false;
	result = guest_alu_binary[number](guest_r_read(e, n), b, n, &e->regs.flags);
	if (number != 7)
		guest_r_write(e, n, result);
	return true;
}

/* Without the bits above an operand of n bytes. */
static u32 cut(u32 value, unsigned n)
{
	return n == 4 ? value : value & (u32)(BIT(8 * n) - 1);
}

static bool do_binary_immediate(struct guest_exec *e)
{
	return binary(e, e->insn->reg, cut(e->insn->immediate, e->insn->operand));
}

static bool do_test(struct guest_exec *e)
{
	return compare_with(e, guest_alu_test, guest_r_read(e, e->insn->operand));
}

static bool do_test_immediate(struct guest_exec *e)
{
	return compare_with(e, guest_alu_test, e->insn->immediate);
}

/* INC and DEC of FE and FF, NOT and NEG of F6 and F7 */
static bool do_unary(struct guest_exec *e)
{
	return modify_by(e, guest_alu_unary[e->insn->reg & 3], 0);
}

static bool do_xadd(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 b = guest_r_read(e, n), a, sum;

	if (!guest_rm_modify(e, n, &a))
		return false;
	sum = guest_alu_binary[0](a, b, n, &e->regs.flags);
	guest_r_write(e, n, a);
	return guest_rm_modified(e, n, sum);
}

/* Writes in any case: what it has read, if that is not equal. */
static bool do_cmpxchg(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 a, accumulator = guest_reg_read(&e->regs, GUEST_AX, n);

	if (!guest_rm_modify(e, n, &a))
		return false;
	guest_alu_binary[7](accumulator, a, n, &e->regs.flags);
	if (e->regs.flags & RFLAGS_ZF)
		return guest_rm_modified(e, n, guest_r_read(e, n));
	guest_reg_write(&e->regs, GUEST_AX, n, a);
	return guest_rm_modified(e, n, a);
}

static bool do_cmpxchg8b(struct guest_exec *e)
{
	u64 a, old = (u32)e->regs.dx * BIT(32) | (u32)e->regs.ax;

	if (!guest_read_to_write(e, sizeof(a), &a))
		return false;
	e->regs.flags &= ~(u64)RFLAGS_ZF;
	if (a == old) {
		e->regs.flags |= RFLAGS_ZF;
		a = (u32)e->regs.cx * BIT(32) | (u32)e->regs.bx;
	} else {
		e->regs.ax = (u32)a;
		e->regs.dx = a >> 32;
	}
	return e->memory->write(e->memory->arg, e->linear, &a, sizeof(a), e->fault);
}

/* ---- Moves ------------------------------------------------------------------------- */

static bool do_mov_rm_r(struct guest_exec *e)
{
	return guest_rm_write(e, e->insn->operand, guest_r_read(e, e->insn->operand));
}

/* r, r/m; A0 and A1, too: their reg is 0, the accumulator */
static bool do_mov_r_rm(struct guest_exec *e)
{
	u32 v;

	if (!guest_rm_read(e, e->insn->operand, &v))
		return false;
	guest_r_write(e, e->insn->operand, v);
	return true;
}

static bool do_mov_immediate(struct guest_exec *e)
{
	return guest_rm_write(e, e->insn->operand, e->insn->immediate);
}

/* MOVZX, MOVSX: bit 0 of the opcode says from a word, bit 3 with the sign. */
static bool do_mov_extended(struct guest_exec *e)
{
	unsigned from = e->insn->opcode & 1 ? 2 : 1;
	u32 v;

	if (!guest_rm_read(e, from, &v))
		return false;
	if (e->insn->opcode & 8)
		v = from == 1 ? (u32)(s8)v : (u32)(s16)v;
	guest_r_write(e, e->insn->operand, v);
	return true;
}

static bool do_xchg(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 a, b = guest_r_read(e, n);

	if (!guest_rm_modify(e, n, &a))
		return false;
	guest_r_write(e, n, a);
	return guest_rm_modified(e, n, b);
}

static bool do_setcc(struct guest_exec *e)
{
	return guest_rm_write(e, 1, guest_alu_condition(e->insn->opcode & 15, e->regs.flags));
}

/* Reads whether the condition is true or not, and clears the register's upper half. */
static bool do_cmovcc(struct guest_exec *e)
{
	unsigned n = e->insn->operand;
	u32 v;

	if (!guest_rm_read(e, n, &v))
		return false;
	if (!guest_alu_condition(e->insn->opcode & 15, e->regs.flags))
		v = guest_r_read(e, n);
	guest_r_write(e, n, v);
	return true;
}

static bool do_xlat(struct guest_exec *e)
{
	enum user_segment s = e->insn->override != SEG_NONE ? e->insn->override : SEG_DS;
	u32 offset = (u32)e->regs.bx + (u8)e->regs.ax, linear;
	u8 v;

	if (e->insn->address == 2)
		offset = (u16)offset;
	if (!guest_linear(e->memory, s, offset, 1, false, &linear, e->fault) ||
	    !e->memory->read(e->memory->arg, linear, &v, 1, e->fault))
		return false;
	guest_reg_write(&e->regs, GUEST_AX, 1, v);
	return true;
}

/* ---- Which ------------------------------------------------------------------------- */

/* Opcodes of one byte from 80 on, and none of the other files'. */
static guest_handler *one_byte_handler(const struct guest_insn *insn)
{
	switch (insn->opcode) {
	case 0x80:
	case 0x81:
	case 0x82:
	case 0x83: return do_binary_immediate;
	case 0x84:
	case 0x85: return do_test;
	case 0x86:
	case 0x87: return do_xchg;
	case 0x88:
	case 0x89:
	case 0xa2:
	case 0xa3: return do_mov_rm_r;
	case 0x8a:
	case 0x8b:
	case 0xa0:
	case 0xa1: return do_mov_r_rm;
	case 0xc6:
	case 0xc7: return insn->reg == 0 ? do_mov_immediate : NULL;
	case 0xd7: return do_xlat;
	case 0xf6:
	case 0xf7: return insn->reg <= 1 ? do_test_immediate : insn->reg <= 3 ? do_unary : NULL;
	case 0xfe:
	case 0xff: return insn->reg <= 1 ? do_unary : NULL;
	default: return NULL;
	}
}

static guest_handler *two_byte_handler(const struct guest_insn *insn)
{
	if (insn->opcode >= 0x0f40 && insn->opcode <= 0x0f4f)
		return do_cmovcc;
	if (insn->opcode >= 0x0f90 && insn->opcode <= 0x0f9f)
		return do_setcc;
	switch (insn->opcode) {
	case 0x0fb0:
	case 0x0fb1: return do_cmpxchg;
	case 0x0fb6:
	case 0x0fb7:
	case 0x0fbe:
	case 0x0fbf: return do_mov_extended;
	case 0x0fc0:
	case 0x0fc1: return do_xadd;
	case 0x0fc7: return insn->reg == 1 && insn->mod != 3 ? do_cmpxchg8b : NULL;
	default: return NULL;
	}
}

static guest_handler *handler_of(const struct guest_insn *insn)
{
	guest_handler *handler;

	if (insn->opcode < 0x40 && (insn->opcode & 4) == 0)
		return insn->opcode & 2 ? do_binary_r_rm : do_binary_rm_r;
	handler = insn->opcode < 0x100 ? one_byte_handler(insn) : two_byte_handler(insn);
	if (!handler)
		handler = guest_bits_handler(insn);
	if (!handler)
		handler = guest_flow_handler(insn);
	return handler ? handler : guest_string_handler(insn);
}

/* May LOCK stand before it?  Else that is #UD, as before an operand in a register. */
static bool is_lockable(const struct guest_insn *insn)
{
	if (insn->mod == 3 || !insn->has_modrm)
		return false;
	if (insn->opcode < 0x38)
		return (insn->opcode & 2) == 0;
	switch (insn->opcode) {
	case 0x80:
	case 0x81:
	case 0x82:
	case 0x83: return insn->reg != 7;
	case 0xf6:
	case 0xf7: return insn->reg == 2 || insn->reg == 3;
	case 0xfe:
	case 0xff: return insn->reg <= 1;
	case 0x0fba: return insn->reg > 4;
	case 0x0fc7: return insn->reg == 1;
	case 0x86:
	case 0x87:
	case 0x0fab:
	case 0x0fb0:
	case 0x0fb1:
	case 0x0fb3:
	case 0x0fbb:
	case 0x0fc0:
	case 0x0fc1: return true;
	default: return false;
	}
}

enum guest_done guest_insn_execute(const struct guest_insn *insn, struct pt_regs *regs,
				   const struct guest_memory *memory, struct guest_fault *fault)
{
	struct guest_exec e = {
		.insn = insn,
		.memory = memory,
		.fault = fault,
		.before = regs,
		.regs = *regs,
	};
	guest_handler *handler = handler_of(insn);
	bool done;

	if (insn->lock && !is_lockable(insn)) {
		guest_fault_zero(fault, VEC_UD);
		return GUEST_FAULT;
	}
	if (!handler)
		return GUEST_UNKNOWN;
	guest_insn_skip(insn, &e.regs);
	done = handler(&e);
	if (done || e.keep)
		*regs = e.regs;
	return done ? GUEST_DONE : GUEST_FAULT;
}
