/*
 * MOVS, STOS, LODS, CMPS, SCAS, alone or with REP.
 *
 * Each iteration is whole or has changed nothing.  If one faults, the registers say how
 * many were done, IP is still at the instruction, and the flags are those from before it
 * (SDM vol. 2, REP); so it goes on where it stood.  The same after as many iterations as
 * are done at once: the caller's thread can be interrupted then.
 */
#include "kernel/guest/insn_alu.h"
#include "kernel/guest/insn_exec.h"

#define ITERATIONS 256 /* at once */
#define REPNE 0xf2

/* The opcodes of bytes; those of words have bit 0, too. */
enum { MOVS = 0xa4, CMPS = 0xa6, STOS = 0xaa, LODS = 0xac, SCAS = 0xae };

static unsigned kind_of(const struct guest_insn *insn)
{
	return insn->opcode & ~1u;
}

/* What SI (or DI) points to: of size `operand`, in one access. */
static bool element_read(struct guest_exec *e, enum user_segment s, unsigned index, u32 *value)
{
	u32 offset = guest_reg_read(&e->regs, index, e->insn->address), linear;
	unsigned n = e->insn->operand;

	*value = 0;
	return guest_linear(e->memory, s, offset, n, false, &linear, e->fault) &&
	       e->memory->read(e->memory->arg, linear, value, n, e->fault);
}

static bool source_read(struct guest_exec *e, u32 *value)
{
	enum user_segment s = e->insn->override != SEG_NONE ? e->insn->override : SEG_DS;

	return element_read(e, s, GUEST_SI, value);
}

static bool destination_write(struct guest_exec *e, u32 value)
{
	u32 offset = guest_reg_read(&e->regs, GUEST_DI, e->insn->address), linear;
	unsigned n = e->insn->operand;

	return guest_linear(e->memory, SEG_ES, offset, n, true, &linear, e->fault) &&
	       e->memory->write(e->memory->arg, linear, &value, n, e->fault);
}

static void advance(struct guest_exec *e, unsigned index)
{
	u32 at = (u32)(index == GUEST_SI ? e->regs.si : e->regs.di), n = e->insn->operand;

	guest_reg_write(&e->regs, index, e->insn->address,
			e->regs.flags & RFLAGS_DF ? at - n : at + n);
}

static void compare(struct guest_exec *e, u32 a, u32 b)
{
	guest_alu_binary[7](a, b, e->insn->operand, &e->regs.flags);
}

static bool do_movs(struct guest_exec *e)
{
	u32 v;

	return source_read(e, &v) && destination_write(e, v);
}

static bool do_cmps(struct guest_exec *e)
{
	u32 a, b;

	if (!source_read(e, &a) || !element_read(e, SEG_ES, GUEST_DI, &b))
		return false;
	compare(e, a, b);
	return true;
}

static bool do_lods(struct guest_exec *e)
{
	u32 v;

	if (!source_read(e, &v))
		return false;
	guest_reg_write(&e->regs, GUEST_AX, e->insn->operand, v);
	return true;
}

static bool do_scas(struct guest_exec *e)
{
	u32 b;

	if (!element_read(e, SEG_ES, GUEST_DI, &b))
		return false;
	compare(e, guest_reg_read(&e->regs, GUEST_AX, e->insn->operand), b);
	return true;
}

static bool do_stos(struct guest_exec *e)
{
	return destination_write(e, guest_reg_read(&e->regs, GUEST_AX, e->insn->operand));
}

static bool iterate(struct guest_exec *e)
{
	unsigned kind = kind_of(e->insn);
	bool done = kind == MOVS ? do_movs(e) :
		    kind == CMPS ? do_cmps(e) :
		    kind == STOS ? do_stos(e) :
		    kind == LODS ? do_lods(e) :
				   do_scas(e);

	if (!done)
		return false;
	if (kind != STOS && kind != SCAS)
		advance(e, GUEST_SI);
	if (kind != LODS)
		advance(e, GUEST_DI);
	return true;
}

/* Does REPE or REPNE end here, whatever the count? */
static bool is_found(const struct guest_exec *e)
{
	bool equal = e->regs.flags & RFLAGS_ZF;
	unsigned kind = kind_of(e->insn);

	return (kind == CMPS || kind == SCAS) && equal == (e->insn->rep == REPNE);
}

/* The instruction is not done: at it once more, with RF as it was. */
static void stay(struct guest_exec *e)
{
	e->regs.ip = e->before->ip;
	e->regs.flags |= e->before->flags & RFLAGS_RF;
}

/* With TF, a #DB is behind each iteration. */
static bool do_string(struct guest_exec *e)
{
	unsigned left = e->regs.flags & RFLAGS_TF ? 1 : ITERATIONS, width = e->insn->address;
	u32 count;

	if (!e->insn->rep)
		return iterate(e);
	e->keep = true;
	for (; (count = guest_reg_read(&e->regs, GUEST_CX, width)) > 0 && left; left--) {
		if (!iterate(e)) {
			e->regs.flags = e->before->flags;
			stay(e);
			return false;
		}
		guest_reg_write(&e->regs, GUEST_CX, width, count - 1);
		if (is_found(e))
			return true;
	}
	if (count)
		stay(e);
	return true;
}

guest_handler *guest_string_handler(const struct guest_insn *insn)
{
	switch (insn->opcode < 0x100 ? kind_of(insn) : 0) {
	case MOVS:
	case CMPS:
	case STOS:
	case LODS:
	case SCAS: return do_string;
	default: return NULL;
	}
}
