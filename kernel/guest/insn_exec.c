/*
 * The operand that ModRM names, in a register or in memory: read, written, or both.
 */
#include "kernel/guest/insn_exec.h"

static bool locate(struct guest_exec *e, unsigned n, bool write, u32 *linear)
{
	enum user_segment s;
	u32 offset = guest_insn_offset(e->insn, &e->regs, &s) + e->beyond;

	if (e->insn->address == 2)
		offset = (u16)offset;
	return guest_linear(e->memory, s, offset, n, write, linear, e->fault);
}

bool guest_rm_read(struct guest_exec *e, unsigned n, u32 *value)
{
	u32 linear;

	*value = 0;
	if (!guest_insn_has_memory(e->insn)) {
		*value = guest_reg_read(&e->regs, e->insn->rm, n);
		return true;
	}
	return locate(e, n, false, &linear) &&
	       e->memory->read(e->memory->arg, linear, value, n, e->fault);
}

bool guest_rm_write(struct guest_exec *e, unsigned n, u32 value)
{
	u32 linear;

	if (!guest_insn_has_memory(e->insn)) {
		guest_reg_write(&e->regs, e->insn->rm, n, value);
		return true;
	}
	return locate(e, n, true, &linear) &&
	       e->memory->write(e->memory->arg, linear, &value, n, e->fault);
}

/* The processor reads what it will write with the rights of a write. */
static bool read_intending(struct guest_exec *e, unsigned n, void *value)
{
	if (e->memory->read(e->memory->arg, e->linear, value, n, e->fault))
		return true;
	if (e->fault->vector == VEC_PF)
		e->fault->error |= PF_WRITE;
	return false;
}

bool guest_read_to_write(struct guest_exec *e, unsigned n, void *value)
{
	return locate(e, n, true, &e->linear) && read_intending(e, n, value);
}

bool guest_probe(struct guest_exec *e, enum user_segment s, u32 offset, unsigned n)
{
	u32 v;

	return guest_linear(e->memory, s, offset, n, true, &e->linear, e->fault) &&
	       read_intending(e, n, &v) &&
	       e->memory->write(e->memory->arg, e->linear, &v, n, e->fault);
}

bool guest_rm_modify(struct guest_exec *e, unsigned n, u32 *value)
{
	if (!guest_insn_has_memory(e->insn))
		return guest_rm_read(e, n, value);
	*value = 0;
	return guest_read_to_write(e, n, value);
}

bool guest_rm_modified(struct guest_exec *e, unsigned n, u32 value)
{
	if (!guest_insn_has_memory(e->insn))
		return guest_rm_write(e, n, value);
	return e->memory->write(e->memory->arg, e->linear, &value, n, e->fault);
}

u32 guest_r_read(const struct guest_exec *e, unsigned n)
{
	return guest_reg_read(&e->regs, e->insn->reg, n);
}

void guest_r_write(struct guest_exec *e, unsigned n, u32 value)
{
	guest_reg_write(&e->regs, e->insn->reg, n, value);
}
