/*
 * Where an instruction's operands are: general registers, offsets, linear addresses behind
 * the segment's limit and rights, the top of the stack.
 *
 * The segment's check is the processor's own of every access in protected mode:
 *
 *   null selector            #GP(0)
 *   beyond the limit         #GP(0), #SS(0) if the segment is SS; one byte is enough
 *   write to code, or to data that is not writable, read of code that is not readable: #GP(0)
 *
 * Offsets do not wrap within an operand: its last byte behind 4 GiB is beyond any limit.
 * Linear addresses do.
 * Sources: Intel SDM vol. 3, 5.3 (limits, expand-down), 5.5; vol. 2, tables 2-1 to 2-3.
 */
#include "kernel/guest/insn.h"

/* ---- Registers ------------------------------------------------------------------------ */

/* Where pt_regs has it. */
static u64 *gp_register(const struct pt_regs *regs, unsigned number)
{
	static const u8 at[8] = {
		offsetof(struct pt_regs, ax), offsetof(struct pt_regs, cx),
		offsetof(struct pt_regs, dx), offsetof(struct pt_regs, bx),
		offsetof(struct pt_regs, sp), offsetof(struct pt_regs, bp),
		offsetof(struct pt_regs, si), offsetof(struct pt_regs, di),
	};

	return (u64 *)(void *)((char *)regs + at[number & 7]);
}

u32 guest_reg_read(const struct pt_regs *regs, unsigned number, unsigned size)
{
	switch (size) {
	case 1: return (u8)(*gp_register(regs, number & 3) >> (number & 4 ? 8 : 0));
	case 2: return (u16)*gp_register(regs, number);
	default: return (u32)*gp_register(regs, number);
	}
}

void guest_reg_write(struct pt_regs *regs, unsigned number, unsigned size, u32 value)
{
	u64 *reg = gp_register(regs, size == 1 ? number & 3 : number);
	unsigned shift = size == 1 && number & 4 ? 8 : 0;
	u64 mask = size == 1 ? 0xffULL << shift : size == 2 ? 0xffff : ~0ULL;

	*reg = (*reg & ~mask) | ((u64)value << shift & mask);
}

/* ---- Offsets -------------------------------------------------------------------------- */

bool guest_insn_has_memory(const struct guest_insn *insn)
{
	return insn->has_modrm ? insn->mod != 3 : insn->opcode >= 0xa0 && insn->opcode <= 0xa3;
}

/* SDM vol. 2, table 2-1 */
static u32 offset16(const struct guest_insn *insn, const struct pt_regs *regs, bool *on_stack)
{
	const u64 base[8] = { regs->bx, regs->bx, regs->bp, regs->bp, 0, 0, regs->bp, regs->bx };
	const u64 index[8] = { regs->si, regs->di, regs->si, regs->di, regs->si, regs->di, 0, 0 };

	if (insn->mod == 0 && insn->rm == 6)
		return (u16)insn->displacement;
	*on_stack = insn->rm == 2 || insn->rm == 3 || insn->rm == 6;
	return (u16)(base[insn->rm] + index[insn->rm] + insn->displacement);
}

/* SDM vol. 2, tables 2-2 and 2-3 */
static u32 offset32(const struct guest_insn *insn, const struct pt_regs *regs, bool *on_stack)
{
	unsigned base = insn->rm, index = insn->sib >> 3 & 7;
	u32 offset = insn->displacement;

	if (base == GUEST_SP) {
		base = insn->sib & 7;
		if (index != GUEST_SP)
			offset += guest_reg_read(regs, index, 4) << (insn->sib >> 6);
	}
	if (insn->mod == 0 && base == GUEST_BP)
		return offset;
	*on_stack = base == GUEST_SP || base == GUEST_BP;
	return offset + guest_reg_read(regs, base, 4);
}

u32 guest_insn_offset(const struct guest_insn *insn, const struct pt_regs *regs,
		      enum user_segment *s)
{
	bool on_stack = false;
	u32 offset;

	if (!insn->has_modrm)
		offset = insn->displacement;
	else if (insn->address == 2)
		offset = offset16(insn, regs, &on_stack);
	else
		offset = offset32(insn, regs, &on_stack);
	*s = insn->override != SEG_NONE ? insn->override : on_stack ? SEG_SS : SEG_DS;
	return offset;
}

/* ---- Segments ------------------------------------------------------------------------- */

bool guest_fault_zero(struct guest_fault *fault, u8 vector)
{
	*fault = (struct guest_fault){
		.vector = vector,
		.has_error = vector == VEC_GP || vector == VEC_SS,
	};
	return false;
}

/* Are all n bytes from the offset on within the limit? */
static bool within(const struct guest_segment *seg, u32 offset, unsigned n)
{
	u64 last = (u64)offset + n - 1;

	if (seg->expand_down && !seg->code)
		return offset > seg->limit && last <= (seg->big ? 0xffffffff : 0xffff);
	return last <= seg->limit;
}

static bool allowed(const struct guest_segment *seg, bool write)
{
	if (write)
		return !seg->code && seg->writable;
	return !seg->code || seg->readable;
}

bool guest_linear(const struct guest_memory *memory, enum user_segment s, u32 offset, unsigned n,
		  bool write, u32 *linear, struct guest_fault *fault)
{
	struct guest_segment seg;

	memory->segment(memory->arg, s, &seg);
	if (!seg.usable || !allowed(&seg, write))
		return guest_fault_zero(fault, VEC_GP);
	if (!within(&seg, offset, n))
		return guest_fault_zero(fault, s == SEG_SS ? VEC_SS : VEC_GP);
	*linear = seg.base + offset;
	return true;
}

bool guest_insn_operand(const struct guest_insn *insn, const struct pt_regs *regs,
			const struct guest_memory *memory, unsigned n, bool write, u32 *linear,
			struct guest_fault *fault)
{
	enum user_segment s;
	u32 offset = guest_insn_offset(insn, regs, &s);

	return guest_linear(memory, s, offset, n, write, linear, fault);
}

/* ---- The stack ------------------------------------------------------------------------ */

unsigned guest_stack_width(const struct guest_memory *memory)
{
	struct guest_segment seg;

	memory->segment(memory->arg, SEG_SS, &seg);
	return seg.big ? 4 : 2;
}

bool guest_push(struct pt_regs *regs, const struct guest_memory *memory, unsigned n, u32 value,
		struct guest_fault *fault)
{
	unsigned width = guest_stack_width(memory);
	u32 mask = width == 4 ? 0xffffffff : 0xffff;
	u32 top = ((u32)regs->sp - n) & mask, linear;

	if (!guest_linear(memory, SEG_SS, top, n, true, &linear, fault) ||
	    !memory->write(memory->arg, linear, &value, n, fault))
		return false;
	guest_reg_write(regs, GUEST_SP, width, top);
	return true;
}

bool guest_pop(struct pt_regs *regs, const struct guest_memory *memory, unsigned n, u32 *value,
	       struct guest_fault *fault)
{
	unsigned width = guest_stack_width(memory);
	u32 top = guest_reg_read(regs, GUEST_SP, width), linear, popped = 0;

	if (!guest_linear(memory, SEG_SS, top, n, false, &linear, fault) ||
	    !memory->read(memory->arg, linear, &popped, n, fault))
		return false;
	*value = popped;
	guest_reg_write(regs, GUEST_SP, width, top + n);
	return true;
}

/* As user_code_skip(): the fault pushed RF, and the next instruction is another. */
void guest_insn_skip(const struct guest_insn *insn, struct pt_regs *regs)
{
	regs->ip = (u32)(regs->ip + insn->length);
	regs->flags &= ~(u64)RFLAGS_RF;
}
