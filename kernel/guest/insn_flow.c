/*
 * Instructions that use the stack, and those that jump through memory.
 *
 * Far ones, and those of segment registers, are none of these: their descriptors are the
 * caller's business.  A jump's target must be within CS's limit, as for the processor,
 * before anything is pushed.
 */
#include "kernel/guest/insn_exec.h"

/* What POPF writes in ring 3 with an IOPL below it; RF it clears. */
#define POPF_FLAGS                                                                           \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | \
	 RFLAGS_OF | RFLAGS_NT | RFLAGS_AC | RFLAGS_ID)

static bool push(struct guest_exec *e, u32 value)
{
	return guest_push(&e->regs, e->memory, e->insn->operand, value, e->fault);
}

static bool pop(struct guest_exec *e, u32 *value)
{
	return guest_pop(&e->regs, e->memory, e->insn->operand, value, e->fault);
}

static bool jump(struct guest_exec *e, u32 target)
{
	struct guest_segment cs;

	if (e->insn->operand == 2)
		target = (u16)target;
	e->memory->segment(e->memory->arg, SEG_CS, &cs);
	if (target > cs.limit)
		return guest_fault_zero(e->fault, VEC_GP);
	e->regs.ip = target;
	return true;
}

static bool call(struct guest_exec *e, u32 target)
{
	u32 back = (u32)e->regs.ip;

	return jump(e, target) && push(e, back);
}

static bool do_call_relative(struct guest_exec *e)
{
	return call(e, (u32)e->regs.ip + e->insn->immediate);
}

/* Without or with a number of bytes to drop. */
static bool do_ret(struct guest_exec *e)
{
	unsigned width = guest_stack_width(e->memory);
	u32 target;

	if (!pop(e, &target) || !jump(e, target))
		return false;
	guest_reg_write(&e->regs, GUEST_SP, width, (u32)e->regs.sp + e->insn->immediate);
	return true;
}

/* CALL, JMP, PUSH of FF */
static bool do_group5(struct guest_exec *e)
{
	u32 v;

	if (!guest_rm_read(e, e->insn->operand, &v))
		return false;
	switch (e->insn->reg) {
	case 2: return call(e, v);
	case 4: return jump(e, v);
	default: return push(e, v);
	}
}

/* The operand's address is made when SP has moved. */
static bool do_pop_rm(struct guest_exec *e)
{
	u32 v;

	return pop(e, &v) && guest_rm_write(e, e->insn->operand, v);
}

static bool do_push_register(struct guest_exec *e)
{
	return push(e, guest_reg_read(&e->regs, e->insn->opcode & 7, e->insn->operand));
}

static bool do_pop_register(struct guest_exec *e)
{
	u32 v;

	if (!pop(e, &v))
		return false;
	guest_reg_write(&e->regs, e->insn->opcode & 7, e->insn->operand, v);
	return true;
}

static bool do_push_immediate(struct guest_exec *e)
{
	return push(e, e->insn->immediate);
}

static bool do_pusha(struct guest_exec *e)
{
	u32 sp = (u32)e->regs.sp;

	for (unsigned i = GUEST_AX; i <= GUEST_DI; i++)
		if (!push(e, i == GUEST_SP ? sp : guest_reg_read(&e->regs, i, 4)))
			return false;
	return true;
}

static bool do_popa(struct guest_exec *e)
{
	u32 v;

	for (unsigned i = GUEST_DI + 1; i-- > GUEST_AX;) {
		if (!pop(e, &v))
			return false;
		if (i != GUEST_SP)
			guest_reg_write(&e->regs, i, e->insn->operand, v);
	}
	return true;
}

static bool do_pushf(struct guest_exec *e)
{
	return push(e, (u32)e->regs.flags & ~RFLAGS_RF);
}

static bool do_popf(struct guest_exec *e)
{
	u64 mask = e->insn->operand == 2 ? POPF_FLAGS & 0xffff : POPF_FLAGS;
	u32 v;

	if (!pop(e, &v))
		return false;
	e->regs.flags = (e->regs.flags & ~mask) | (v & mask);
	return true;
}

/*
 * The frame pointers of the `level` - 1 frames around it are copied (SDM vol. 2, ENTER).
 * It faults where a write to the new top of the stack would.
 */
static bool do_enter(struct guest_exec *e)
{
	unsigned width = guest_stack_width(e->memory), level = e->insn->selector & 31;
	u32 frame, bp, linear, outer;

	if (!push(e, (u32)e->regs.bp))
		return false;
	frame = (u32)e->regs.sp;
	for (unsigned i = 1; i < level; i++) {
		bp = guest_reg_read(&e->regs, GUEST_BP, width) - e->insn->operand;
		guest_reg_write(&e->regs, GUEST_BP, width, bp);
		bp = guest_reg_read(&e->regs, GUEST_BP, width);
		if (!guest_linear(e->memory, SEG_SS, bp, e->insn->operand, false, &linear,
				  e->fault) ||
		    !e->memory->read(e->memory->arg, linear, &outer, e->insn->operand, e->fault) ||
		    !push(e, outer))
			return false;
	}
	if (level && !push(e, frame))
		return false;
	guest_reg_write(&e->regs, GUEST_BP, e->insn->operand, frame);
	guest_reg_write(&e->regs, GUEST_SP, width, (u32)e->regs.sp - e->insn->immediate);
	return guest_probe(e, SEG_SS, guest_reg_read(&e->regs, GUEST_SP, width), e->insn->operand);
}

static bool do_leave(struct guest_exec *e)
{
	unsigned width = guest_stack_width(e->memory);
	u32 v;

	guest_reg_write(&e->regs, GUEST_SP, width, (u32)e->regs.bp);
	if (!pop(e, &v))
		return false;
	guest_reg_write(&e->regs, GUEST_BP, e->insn->operand, v);
	return true;
}

guest_handler *guest_flow_handler(const struct guest_insn *insn)
{
	if (insn->opcode >= 0x50 && insn->opcode <= 0x5f)
		return insn->opcode & 8 ? do_pop_register : do_push_register;
	switch (insn->opcode) {
	case 0x60: return do_pusha;
	case 0x61: return do_popa;
	case 0x68:
	case 0x6a: return do_push_immediate;
	case 0x8f: return do_pop_rm;
	case 0x9c: return do_pushf;
	case 0x9d: return do_popf;
	case 0xc2:
	case 0xc3: return do_ret;
	case 0xc8: return do_enter;
	case 0xc9: return do_leave;
	case 0xe8: return do_call_relative;
	case 0xff: return insn->reg == 2 || insn->reg == 4 || insn->reg == 6 ? do_group5 : NULL;
	default: return NULL;
	}
}
